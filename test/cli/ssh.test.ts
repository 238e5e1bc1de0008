import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { programArguments } from '../../harness/program.js';
import { type Running, run } from '../grpc/running.js';
import { type RunningCommand, startCommand } from './command.js';
import { lacksSsh, Sshd } from './servers/sshd.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');

const lacks = lacksSsh();
if (lacks) process.stderr.write(`not checked: ssh through switchyard connect: ${lacks}\n`);

(lacks ? describe.skip : describe)('ssh through switchyard connect, as the README has it', () => {
  let at: Running;
  let sshd: Sshd;
  let joined: RunningCommand;
  let cvid: string;

  beforeAll(async () => {
    [at, sshd] = await Promise.all([run(), Sshd.start()]);
    const program = join(sshd.folder, 'switchyard');
    writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' ${programArguments().join(' ')} "$@"\n`);
    chmodSync(program, 0o755);
    joined = startCommand(['join', '--server', at.address, '--name', 'Harbour', '--port', String(sshd.port)]);
    [, cvid] = /joined as (\d+)/.exec(await joined.printed(/joined as \d+/))!;
  });
  afterAll(async () => {
    joined.interrupt();
    await joined.ended;
    await Promise.all([at.stop(), sshd.stop()]);
  });

  /** The README's line, with this test's port and name in place of the README's. The server is that which was enrolled with. */
  async function ssh(name: string, command: string, input: Uint8Array) {
    const [, line] = /^laptop\$ (ssh -o ProxyCommand='switchyard .*) boat-7$/m.exec(README)!;
    const here = line!.replace(' 22', ` ${sshd.port}`);
    const words = [here, ...sshd.options.map((word) => `'${word}'`), name, `'${command}'`].join(' ');
    const PATH = [sshd.folder, process.env.PATH].join(delimiter);
    const env = { ...process.env, PATH, HOME: sshd.folder, SWITCHYARD_SERVER: at.address };
    const child = spawn('sh', ['-c', words], { env, cwd: ROOT });
    const out = buffer(child.stdout);
    const err = text(child.stderr);
    child.stdin.end(input);
    const [status] = await once(child, 'close');
    return { status, out: await out, err: await err };
  }

  it('runs a command there, by the name of the instance whatever its case, and passes every byte both ways', async () => {
    const bytes = randomBytes(1_000_000);
    const { status, out, err } = await ssh('harbour', 'cat', bytes);
    expect({ status, err }).toEqual({ status: 0, err: '' });
    expect(out.equals(bytes)).toBe(true);
  });

  it('takes a SID for a host, and passes the exit status on', async () => {
    expect(await ssh(cvid, 'exit 7', Buffer.of())).toMatchObject({ status: 7, err: '' });
  });

  it('says that nobody is called so', async () => {
    const { status, err } = await ssh('nobody', 'true', Buffer.of());
    expect(status).toBe(255);
    expect(err).toContain('"nobody" is no node\'s SID, UUID or name');
  });
});

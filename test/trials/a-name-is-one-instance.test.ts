import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { InstanceType, Switchyard } from '../../src/client/index.js';
import type { RunningServer } from '../../src/server/server.js';
import { runCommand } from '../cli/command.js';
import { Program } from '../cli/process.js';
import { startTestServer } from '../cli/servers/server.js';

// headscale #1686, tailscale #5400: what was started again came back as another node, beside its own ghost.
// A machine whose `join` was killed came back as another instance, beside its own node, which stayed until its session expired:
// "the name of 2 nodes" to everybody who wanted to reach it meanwhile.

let home: string;
let server: RunningServer;
let at: string[];
let yard: Switchyard;
let hello: Server;
let port: string;
const started: Program[] = [];

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'switchyard-names-'));
  server = await startTestServer({ 'session-ttl': '10m' });
  at = ['--server', server.addresses.grpc];
  yard = new Switchyard({ server: server.addresses.grpc });
  hello = createServer((socket) => socket.on('error', () => {}).end('hello')).listen(0, '127.0.0.1');
  await once(hello, 'listening');
  port = String((hello.address() as AddressInfo).port);
});
afterEach(async () => {
  for (const program of started.splice(0)) await program.stop('SIGKILL');
  hello.close();
  await yard.close();
  await server.close();
  rmSync(home, { recursive: true });
});

async function joined(...args: string[]): Promise<Program> {
  const program = new Program(['join', '--port', port, ...at, ...args], { XDG_DATA_HOME: home });
  started.push(program);
  await program.printed(/joined as/);
  return program;
}

async function nodes(): Promise<{ name: string; instanceUuid: string }[]> {
  const { out } = await runCommand(['nodes', '--json', ...at]);
  const all = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  return all.filter(({ name }) => name === 'harbour');
}

/** What a connection to the port of somebody says, read to its end. */
async function reach(who: string, ...args: string[]): Promise<string> {
  const output = new PassThrough();
  const said = text(output);
  const ended = await runCommand(['connect', who, port, ...at, ...args], { input: Readable.from([]), output });
  output.end();
  expect([ended.status, ended.err]).toEqual([0, '']);
  return said;
}

describe('A name', () => {
  it('is the same instance again after its process was killed, and its own at each server', async () => {
    const first = await joined('--name', 'harbour');
    const [{ instanceUuid }] = await nodes();
    await first.stop('SIGKILL');
    await joined('--name', 'harbour');
    expect(await nodes()).toMatchObject([{ instanceUuid }]);
    expect(await reach('harbour')).toBe('hello');

    const keys = join(home, 'switchyard', 'keys');
    const [at0] = readdirSync(keys);
    const folder = join(keys, at0);
    for (const place of [keys, folder]) expect(statSync(place).mode & 0o777).toBe(0o700);
    for (const file of readdirSync(folder)) expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
    const other = await startTestServer();
    const elsewhere = new Program(['join', '--port', port, '--name', 'harbour', '--server', other.addresses.grpc], {
      XDG_DATA_HOME: home,
    });
    started.push(elsewhere);
    await elsewhere.printed(/joined as/);
    const { out } = await runCommand(['nodes', '--json', '--server', other.addresses.grpc]);
    expect(out).toContain('"harbour"');
    expect(out).not.toContain(instanceUuid);
    expect(readdirSync(keys)).toHaveLength(2);
    await elsewhere.stop('SIGTERM');
    await other.close();

    const uuidFile = join(folder, readdirSync(folder).find((file) => file.endsWith('.uuid'))!);
    writeFileSync(uuidFile, 'rubbish');
    const broken = new Program(['join', '--port', port, '--name', 'harbour', ...at], { XDG_DATA_HOME: home });
    expect(await broken.ended()).toBe(1);
    expect(broken.err).toContain(`${uuidFile} holds no UUID: delete it, and the next start draws a new one\n`);
    rmSync(uuidFile);
    symlinkSync('/etc/hostname', uuidFile);
    const linked = new Program(['join', '--port', port, '--name', 'harbour', ...at], { XDG_DATA_HOME: home });
    expect(await linked.ended()).toBe(1);
    expect(linked.err).toContain(`${uuidFile} is a link: put the file itself there\n`);
  });

  it('means the node that is attached, and not what an instance of the same name has left behind', async () => {
    // An instance that is gone, and whose session has not expired: it was never attached.
    const ghost = new Program(['join', '--port', port, '--name', 'harbour', ...at], {
      XDG_DATA_HOME: join(home, 'other'),
    });
    await ghost.printed(/joined as/);
    await ghost.stop('SIGKILL');
    await joined('--name', 'harbour');
    expect(await nodes()).toHaveLength(2);
    expect(await reach('harbour')).toBe('hello');

    await yard
      .join({ uuid: '00000000-0000-4000-8000-0000000000ff', type: InstanceType.AGENT, name: 'harbour' })
      .attached();
    const { status, err } = await runCommand(['connect', 'harbour', port, ...at]);
    expect(status).toBe(2);
    expect(err).toMatch(/^"harbour" is the name of 3 nodes: use one of the SIDs \d+, \d+, \d+\n/);
  });

  it('and a UUID can be said by callers, and are who `--from` lets in', async () => {
    const uuid = '00000000-0000-4000-8000-0000000000cc';
    const target = await joined('--name', 'harbour', '--from', uuid);
    expect(await reach('harbour', '--uuid', uuid, '--name', 'laptop')).toBe('hello');
    const stranger = await runCommand(['connect', 'harbour', port, ...at]);
    expect(stranger.status).toBe(1);
    expect(target.err).toContain('is here');
  });
});

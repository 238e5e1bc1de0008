import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { InstanceType, Switchyard } from '../../src/client/index.js';
import type { RunningServer } from '../../src/server/server.js';
import { runCommand, startCommand } from '../cli/command.js';
import { Program } from '../cli/process.js';
import { startTestServer } from '../cli/servers/server.js';

// light #129: accounts of services have /dev/null as their home, and could run no command.
// nodejs/node #47098: a folder that is made with those above it on a disk that is read only "is not there".
// With HOME=/dev/null every command ended with "ENOTDIR: not a directory, open '/dev/null/.local/…'", also those that keep nothing.

const canMount = spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0;
if (!canMount) process.stderr.write('not checked: a home on a read-only disk, as nothing may be mounted here\n');

let server: RunningServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const run = (...args: string[]) => runCommand([...args, '--server', server.addresses.grpc], { home: '/dev/null' });

describe('A home folder that is no folder', () => {
  it.each([['nodes'], ['status'], ['export'], ['sessions'], ['logout']])('does not stop %s', async (command) => {
    const { status, err } = await run(command);
    expect(err).not.toContain('ENOTDIR');
    expect(status).toBe(0);
  });

  it('has no key, and whoami and key show say what they say of an empty one', async () => {
    expect((await run('whoami')).err).toContain('the server knows no key of this machine');
    expect((await run('key', 'show', '--name', 'a')).err).toContain('there is no key; join makes one');
  });

  it('lets connect go on to its peer, which says that its key is not kept', async () => {
    const yard = new Switchyard({ server: server.addresses.grpc });
    const peer = yard.join({ uuid: randomUUID(), name: 'somebody', type: InstanceType.AGENT });
    await peer.attached();
    const command = startCommand(['connect', 'somebody', '80', '--server', server.addresses.grpc], {
      home: '/dev/null',
    });
    await command.said(/^the key cannot be kept: .*ENOTDIR.*; so nothing keeps others from taking this place$/m);
    command.interrupt();
    await command.ended;
    await yard.close();
  });

  it('lets connect look for its peer before it needs a key', async () => {
    const { status, err } = await run('connect', 'nowhere', '80');
    expect(err).toContain('"nowhere" is no node\'s SID, UUID or name');
    expect(status).toBe(2);
  });
});

describe('A home folder on a disk that is read only', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'switchyard-home-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  (canMount ? it : it.skip)('is named as the cause where something has to be kept', async () => {
    const node = join(folder, 'node');
    const isolated = `exec unshare -rm sh -ec 'mount -t tmpfs -o ro none /mnt; exec "$0" "$@"' '${process.execPath}' "$@"`;
    writeFileSync(node, `#!/bin/sh\n${isolated}\n`);
    chmodSync(node, 0o755);
    const program = new Program(['serve', '--listen', '127.0.0.1:0'], { HOME: '/mnt' }, node);
    expect(await program.ended()).toBe(1);
    expect(program.err).toContain('cannot make the folder /mnt/.local/share/switchyard: EROFS: read-only file system');
  });
});

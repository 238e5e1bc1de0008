import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startServerProcess } from '../cli/process.js';

const UNIT = fileURLToPath(new URL('../../deploy/systemd/switchyard.service', import.meta.url));
/** In tenths: what systemd calls OK ends at 20. */
const EXPOSURE_MAX = 16;

const hasSystemd = ['systemd-analyze', 'systemd-notify'].every((name) => spawnSync(name, ['--version']).status === 0);
if (!hasSystemd)
  process.stderr.write("not checked: the unit of systemd, whose programs are missing (Debian's systemd)\n");

/** What listens where systemd would: Node has no datagram sockets of Unix. */
const LISTENER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1]); print('bound', flush=True)
while True: print(s.recv(4096).decode().replace('\\n', ' '), flush=True)
`;

(hasSystemd ? describe : describe.skip)('under systemd', () => {
  let folder: string;
  const close: (() => unknown)[] = [];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'switchyard-systemd-'));
  });
  afterEach(async () => {
    for (const end of close.splice(0)) await end();
    await rm(folder, { recursive: true });
  });

  it('the service may do little besides what it needs', () => {
    const args = ['security', '--offline=true', `--threshold=${EXPOSURE_MAX}`, '--no-pager', UNIT];
    const { status, stdout, stderr } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
    expect({ status, said: status === 0 ? '' : stdout + stderr }).toEqual({ status: 0, said: '' });
  });

  it('a server says when it listens, and where, and when it goes down', async () => {
    const socket = join(folder, 'notify');
    const listener = spawn('python3', ['-c', LISTENER, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
    close.push(() => listener.kill());
    const heard: string[] = [];
    const lines = createInterface(listener.stdout).on('line', (line) => heard.push(line));
    await once(lines, 'line');
    const args = ['--listen', '127.0.0.1:0', '--data', join(folder, 'data')];
    const { program, address } = await startServerProcess(args, { NOTIFY_SOCKET: socket });
    close.push(() => program.stop('SIGKILL'));
    while (!heard.some((line) => line.includes('READY=1'))) await once(lines, 'line');
    expect(heard.find((line) => line.includes('READY=1'))).toContain(`STATUS=listening grpc ${address}`);
    expect(await program.stop('SIGTERM')).toBe(0);
    while (!heard.some((line) => line.includes('STOPPING=1'))) await once(lines, 'line');
  }, 60_000);
});

import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { quietPort } from '../../harness/port.js';
import { startCommand } from './command.js';
import { Program, startServerProcess } from './process.js';

let folder: string;
const started: Program[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'switchyard-process-'));
});

afterEach(async () => {
  for (const program of started.splice(0)) await program.stop('SIGKILL');
  await rm(folder, { recursive: true });
});

async function serverOn(...args: string[]): Promise<{ program: Program; address: string }> {
  const server = await startServerProcess(['--data', join(folder, 'data'), ...args]);
  started.push(server.program);
  return server;
}

function program(args: readonly string[], env: Readonly<Record<string, string>> = {}): Program {
  const one = new Program(args, env);
  started.push(one);
  return one;
}

describe('switchyard serve', () => {
  it('prints one line that begins with listening, and makes its data folder for its owner alone', async () => {
    const server = program(['serve', '--listen', '127.0.0.1:0'], { SWITCHYARD_DATA: join(folder, 'a', 'b') });
    expect(await server.printed(/\n/)).toMatch(/^listening grpc 127\.0\.0\.1:[1-9]\d*, stun 127\.0\.0\.1:[1-9]\d*\n$/);
    expect((await stat(join(folder, 'a', 'b', 'admin-token'))).mode & 0o777).toBe(0o600);
    for (const line of server.err.trimEnd().split('\n')) expect(JSON.parse(line)).toHaveProperty('msg');
  });

  it('prints that line as one JSON object with --json', async () => {
    const { address, program: server } = await serverOn('--listen', '127.0.0.1:0', '--metrics-listen', '127.0.0.1:0');
    const port = expect.stringMatching(/:\d+$/);
    expect(JSON.parse(server.out)).toEqual({ listening: { grpc: address, stun: port, metrics: port } });
    const metrics = JSON.parse(server.out).listening.metrics;
    expect(await (await fetch(`http://${metrics}/metrics`)).text()).toMatch(/^# HELP switchyard_/m);
  });

  it('drains on SIGTERM and ends with 0, on SIGINT with 130', async () => {
    const first = await serverOn('--listen', '127.0.0.1:0');
    expect(await first.program.stop('SIGTERM')).toBe(0);
    const second = await serverOn('--listen', '127.0.0.1:0');
    expect(await second.program.stop('SIGINT')).toBe(130);
  });

  it('says what is in the way: a folder in use, a port in use, a wrong option', async () => {
    const { address } = await serverOn('--listen', '127.0.0.1:0');
    const sameFolder = program(['serve', '--listen', '127.0.0.1:0', '--data', join(folder, 'data')]);
    expect(await sameFolder.ended()).toBe(1);
    expect(sameFolder.err).toContain('Give each server a folder of its own with --data DIR.');
    // By default the rendezvous is on the port behind that of gRPC, which may be another program's, too.
    const rendezvous = ['--rendezvous-listen', '127.0.0.1:0'];
    const samePort = program(['serve', '--listen', address, ...rendezvous, '--data', ':memory:']);
    expect(await samePort.ended()).toBe(1);
    expect(samePort.err).toContain('choose a port with --listen HOST:PORT');
    const wrong = program(['serve', '--grace', 'soon']);
    expect(await wrong.ended()).toBe(2);
    expect(wrong.err).toMatch(/^--grace: "soon" must be a duration/);
    expect(wrong.out).toBe('');
  });

  it('warns when others can reach it in plain text', async () => {
    const exposed = program([
      ...['serve', '--listen', '0.0.0.0:0', '--allow-plaintext', '--data', ':memory:', '--log-level', 'silent'],
    ]);
    await exposed.printed(/^listening/);
    expect(exposed.err).toMatch(/^warning: --listen 0\.0\.0\.0:0 can be reached by others and is not encrypted/);
  });
});

describe('a command as a process', () => {
  it('ends with 130 on Ctrl-C', async () => {
    const { address } = await serverOn('--listen', '127.0.0.1:0');
    const watch = program(['watch', '--server', address]);
    await watch.printed(/at revision/);
    expect(await watch.stop('SIGINT')).toBe(130);
  });

  it('ends with 0 when nobody reads any more', async () => {
    const { address } = await serverOn('--listen', '127.0.0.1:0');
    const watch = program(['watch', '--server', address, '--json']);
    await watch.printed(/SNAPSHOT_END/);
    watch.process.stdout!.destroy();
    const visitor = startCommand(['replay', 'mesh', '--server', address], { readFile: () => smallMesh() });
    expect(await watch.ended()).toBe(0);
    expect(await visitor.ended).toMatchObject({ status: 0 });
  });
});

describe('nobody who reads standard error', () => {
  it('ends no server, and none of its work', async () => {
    const { program: server, address } = await serverOn('--listen', '127.0.0.1:0', '--log-level', 'debug');
    server.process.stderr!.destroy();
    const visitor = startCommand(['replay', 'mesh', '--server', address], { readFile: () => smallMesh() });
    expect(await visitor.ended).toMatchObject({ status: 0 });
    expect(await server.stop('SIGTERM')).toBe(0);
  });

  it('ends no command that has more to say', async () => {
    const { address } = await serverOn('--listen', '127.0.0.1:0');
    const mesh = join(folder, 'mesh.netjson');
    await writeFile(mesh, smallMesh());
    for (const args of [['replay', mesh, '--json'], ['nodes']]) {
      const command = program([...args, '--server', address]);
      command.process.stderr!.destroy();
      expect(await command.ended()).toBe(0);
      expect(command.out).not.toBe('');
    }
    const wrong = program(['nodes', '--server', 'nowhere']);
    wrong.process.stderr!.destroy();
    expect(await wrong.ended()).toBe(2);
  });
});

describe('switchyard replay', () => {
  it('gets through a kill -9 of the server in the middle, and the watcher sees the file again', async () => {
    const mesh = await readFile('docs/demo/mesh.netjson', 'utf8');
    const { program: server, address } = await serverOn('--listen', `127.0.0.1:${await quietPort()}`);
    const args = ['replay', 'mesh', '--server', address, '--churn', '20', '--for', '4s', '--json'];
    const replay = startCommand(args, { readFile: () => mesh });
    await replay.said(/after everybody joined, at revision \d+, an independent watcher has 219 nodes and 570 links/);
    // Somebody has left and come back by then.
    const watch = startCommand(['watch', '--server', address, '--json']);
    await watch.printed(/nodeRemoved":\[\{/);
    watch.interrupt();
    await watch.ended;
    expect(await server.stop('SIGKILL')).toBe('SIGKILL');
    await serverOn('--listen', address);
    const { status, out, err } = await replay.ended;
    expect(err).toMatch(
      /after the churn, at revision \d+, an independent watcher has 219 nodes and 570 links, all as in/,
    );
    expect(status).toBe(0);
    const summary = JSON.parse(out);
    expect(summary).toMatchObject({ sessions: 219, links: 570 });
    expect(summary.upsets).toBeGreaterThan(100);
  });
});

function smallMesh(): string {
  const nodes = [{ id: 'a' }, { id: 'b' }];
  const about = { type: 'NetworkGraph', protocol: null, version: null, metric: null };
  return JSON.stringify({ ...about, nodes, links: [{ source: 'a', target: 'b', cost: 1 }] });
}

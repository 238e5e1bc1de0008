import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { EtcdProcess, lacksEtcd } from '../log/etcd-process.js';
import { runCommand } from './command.js';
import { type Program, startServerProcess } from './process.js';

const lacks = lacksEtcd();
if (lacks) process.stderr.write(`not checked: who leads after a server on an etcd was killed: ${lacks}\n`);

// Processes are started here, one after the other; one took 93 s on a machine with a load of 20.
jest.setTimeout(400_000);

const TOKEN = 'the-administrator-of-a-takeover';
/** Half of it is far more than a start under the same name takes on such a machine. */
const LONG_TTL_S = 600;

(lacks ? describe.skip : describe)('a server that leads and is killed', () => {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-takeover-'));
  const running = new Map<string, Program>();
  let etcd: EtcdProcess;

  beforeAll(async () => {
    etcd = await EtcdProcess.start();
  });
  afterEach(async () => {
    for (const program of running.values()) await program.stop('SIGKILL');
    running.clear();
  });
  afterAll(async () => {
    await etcd.remove();
    rmSync(folder, { recursive: true });
  });

  async function serve(network: string, name: string, ttlS: number): Promise<string> {
    const { program, address } = await startServerProcess([
      ...['--journal', etcd.url, '--network', network, '--name', name, '--leader-ttl', `${ttlS}s`],
      ...['--listen', '127.0.0.1:0', '--data', join(folder, network, name), '--allow-open', '--admin-token', TOKEN],
      ...['--log-level', 'warn'],
    ]);
    running.set(name, program);
    return address;
  }

  /** Who leads, as a server lists it. */
  async function leaders(address: string): Promise<readonly string[]> {
    const { out } = await runCommand(['servers', '--server', address, '--admin-token', TOKEN, '--json']);
    const servers = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { name: string; role: string; toldAgoMs: number });
    return servers.filter(({ role, toldAgoMs }) => role === 'leader' && toldAgoMs === 0).map(({ name }) => name);
  }

  it('leads again as soon as it is started under its name, where it is alone', async () => {
    await serve('alone', 'a', LONG_TTL_S);
    const killedMs = performance.now();
    await running.get('a')?.stop('SIGKILL');
    const again = await serve('alone', 'a', LONG_TTL_S);
    expect(await leaders(again)).toEqual(['a']);
    expect(performance.now() - killedMs).toBeLessThan((LONG_TTL_S * 1_000) / 2);
  });
});

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import {
  HealthService as Health,
  HealthCheckResponse_ServingStatus as Serving,
} from '../../gen/grpc/health/v1/health.js';
import { WatchKind } from '../../gen/switchyard/v1/network.js';
import { NetworkServiceService as Network } from '../../gen/switchyard/v1/network_service.js';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { agent, ask, asSession, open } from '../grpc/running.js';
import { EtcdProcess, lacksEtcd } from '../log/etcd-process.js';
import { IS_LONG } from '../long.js';
import { Program, startServerProcess } from './process.js';

const lacks = lacksEtcd();
if (lacks) process.stderr.write(`not checked: a server with its journal in etcd: ${lacks}\n`);

// Processes are started here, some of them wait for the end of a lease.
jest.setTimeout(120_000);

/** Exit status of a server whose storage failed. */
const STORAGE_FAILED = 74;

(lacks ? describe.skip : describe)('switchyard serve --journal etcd://', () => {
  let etcd: EtcdProcess;
  let count = 0;
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-on-etcd-'));
  const started: Program[] = [];
  const clients: Client[] = [];

  beforeAll(async () => {
    etcd = await EtcdProcess.start();
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    for (const program of started.splice(0)) await program.stop('SIGKILL');
  });
  afterAll(async () => {
    await etcd.remove();
    rmSync(folder, { recursive: true });
  });

  const options = (network: string, name: string) => [
    ...['--journal', etcd.url, '--network', network, '--name', name, '--leader-ttl', '3s'],
    ...['--listen', '127.0.0.1:0', '--data', join(folder, name), '--session-ttl', '10m'],
  ];

  /** A server, and a client on a connection. */
  async function serve(network: string, name: string) {
    const { program, address } = await startServerProcess(options(network, name));
    started.push(program);
    return { program, ...connect(address) };
  }

  function connect(address: string) {
    const client = new Client(address, credentials.createInsecure());
    clients.push(client);
    return { at: { client } };
  }

  it('keeps sessions and positions over a restart, and stores nothing of them in the data folder', async () => {
    const network = `restarted-${count++}`;
    const first = await serve(network, 's1');
    const sessions = await Promise.all([1, 2, 3].map((number) => ask(first.at, Sessions.session, agent(number))));
    const watch = open(first.at, Network.watchNetworkDelta, SNAPSHOT);
    const seen = await watch.until(({ kind }) => kind === WatchKind.SNAPSHOT_END);
    const { position } = seen[seen.length - 1];
    await ask(first.at, Sessions.session, agent(4));
    expect(await first.program.stop('SIGTERM')).toBe(0);

    const second = await serve(network, 's1');
    const again = open(second.at, Network.watchNetworkDelta, { ...SNAPSHOT, after: position });
    const [{ kind, deltas, position: now }] = await again.until(({ deltas: told }) => told.length > 0);
    expect(kind).toBe(WatchKind.DELTA);
    expect(deltas[0].nodeAdded).toHaveLength(1);
    expect(now?.epoch).toBe(position?.epoch);
    for (const { sessionToken, instanceSid } of sessions) {
      const { session } = await ask(second.at, Sessions.getSession, { cvid: 0 }, asSession(sessionToken));
      expect(session?.cvid).toBe(instanceSid);
    }
    expect(readdirSync(join(folder, 's1')).filter((name) => name.endsWith('.mdb'))).toEqual([]);
  });

  it('lets a server that waits take over from one that is killed, with its sessions', async () => {
    const network = `taken-over-${count++}`;
    const first = await serve(network, 's1');
    const { sessionToken } = await ask(first.at, Sessions.session, agent(1));
    const waiting = new Program(['serve', '--json', ...options(network, 's2')]);
    started.push(waiting);
    while (!waiting.err.includes('another server leads')) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(waiting.out).toBe('');
    await first.program.stop('SIGKILL');
    const { listening } = JSON.parse(await waiting.printed(/\n/)) as { listening: { grpc: string } };
    const { at } = connect(listening.grpc);
    const { session } = await ask(at, Sessions.getSession, { cvid: 0 }, asSession(sessionToken));
    expect(session).toBeDefined();
    expect(await waiting.stop('SIGTERM')).toBe(0);
  });

  if (IS_LONG) {
    it('ends a server that waits with 0 when it is told to stop', async () => {
      const network = `stopped-${count++}`;
      await serve(network, 's1');
      const waiting = new Program(['serve', ...options(network, 's2')]);
      started.push(waiting);
      while (!waiting.err.includes('another server leads')) await new Promise((resolve) => setTimeout(resolve, 50));
      expect(await waiting.stop('SIGTERM')).toBe(0);
    });
  }

  it('serves no more when etcd is silent, and ends with the status of a failed storage', async () => {
    const own = await EtcdProcess.start();
    try {
      const args = options(`silent-${count++}`, 's1').map((one) => (one === etcd.url ? own.url : one));
      const { program, address } = await startServerProcess(args);
      started.push(program);
      const { at } = connect(address);
      const health = open(at, Health.watch, { service: '' });
      expect((await health.next()).status).toBe(Serving.SERVING);
      own.signal('SIGSTOP');
      const unknown = ask(at, Sessions.session, agent(1)).then(
        () => 'done',
        (error: Error) => error.message,
      );
      expect((await health.next()).status).toBe(Serving.NOT_SERVING);
      expect(await program.ended()).toBe(STORAGE_FAILED);
      expect(await unknown).toContain('may be stored, or not');
      expect(program.err).toContain('etcd has not renewed the lease');
    } finally {
      own.signal('SIGCONT');
      await own.remove();
    }
  });

  if (IS_LONG) {
    it('says which etcd it cannot reach, and ends with 1', async () => {
      const args = options('nowhere', 's9').map((one) => (one === etcd.url ? 'etcd://127.0.0.1:9' : one));
      const program = new Program(['serve', ...args]);
      started.push(program);
      expect(await program.ended()).toBe(1);
      expect(program.err).toContain('the journal in etcd at 127.0.0.1:9');
    });
  }
});

const SNAPSHOT = { after: undefined, coalesce: false, cvids: [] };

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
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
import { EtcdProcess, lacksEtcd, TLS_FILES } from '../log/etcd-process.js';
import { IS_LONG } from '../long.js';
import { runCommand } from './command.js';
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

  it('serves at a server that follows, and goes on there when the one that leads is killed', async () => {
    const network = `two-${count++}`;
    const [first, second] = [await serve(network, 's1'), await serve(network, 's2')];
    const watches = [first, second].map(({ at }) => open(at, Network.watchNetworkDelta, SNAPSHOT));
    for (const watch of watches) await watch.until(({ kind }) => kind === WatchKind.SNAPSHOT_END);

    const atSecond = await ask(second.at, Sessions.session, agent(1));
    const atFirst = await ask(first.at, Sessions.session, agent(2));
    const wanted = [atSecond, atFirst].map(({ instanceSid }) => instanceSid);
    const [, told] = await Promise.all(watches.map((watch) => watch.until(sawAll(wanted))));
    // What is acknowledged at one server is known at the other at once, also that it has ended.
    await ask(first.at, Sessions.getSession, { cvid: 0 }, asSession(atSecond.sessionToken));
    await ask(second.at, Sessions.terminateSession, { cvid: 0, reason: '' }, asSession(atFirst.sessionToken));
    const gone = ask(first.at, Sessions.getSession, { cvid: 0 }, asSession(atFirst.sessionToken));
    await expect(gone).rejects.toThrow('was terminated');

    const attached = open(second.at, Sessions.attach, {}, asSession(atSecond.sessionToken));
    await attached.next();
    await first.program.stop('SIGKILL');
    const third = await ask(second.at, Sessions.session, agent(3));
    const after = await watches[1].until(sawAll([third.instanceSid]));
    const revisions = [...told, ...after].flatMap(({ position }) =>
      position === undefined ? [] : [position.revision],
    );
    expect(revisions).toEqual([...revisions].sort((x, y) => Number(x - y)));
    const { session } = await ask(second.at, Sessions.getSession, { cvid: 0 }, asSession(atSecond.sessionToken));
    expect(session).toMatchObject({ cvid: atSecond.instanceSid, attached: true });
    expect(await second.program.stop('SIGTERM')).toBe(0);
  });

  it('goes on in etcd with the sessions of a folder that was copied there, and in a folder with those that were copied back', async () => {
    const network = `copied-${count++}`;
    const ofEtcd = ['--journal', etcd.url, '--network', network];
    const data = join(folder, network);
    const local = ['--data', data, '--listen', '127.0.0.1:0', '--session-ttl', '10m'];
    const first = await startServerProcess(local);
    started.push(first.program);
    const one = await ask(connect(first.address).at, Sessions.session, agent(1));
    expect(await first.program.stop('SIGTERM')).toBe(0);
    const there = await runCommand(['journal', 'copy', '--data', data, ...ofEtcd, '--json']);
    expect(there.err).toContain('revision 3 of 3');
    expect(JSON.parse(there.out)).toMatchObject({
      from: data,
      revision: 3,
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
    });

    const second = await serve(network, 's1');
    const { session } = await ask(second.at, Sessions.getSession, { cvid: 0 }, asSession(one.sessionToken));
    expect(session?.cvid).toBe(one.instanceSid);
    const two = await ask(second.at, Sessions.session, agent(2));
    const back = ['journal', 'copy', '--back', '--data', `${data}-back`, ...ofEtcd];
    const early = await runCommand(back);
    expect([early.status, early.err]).toEqual([1, expect.stringContaining('s1 leads network')]);
    expect(await second.program.stop('SIGTERM')).toBe(0);
    expect(await runCommand(back)).toMatchObject({ status: 0, out: expect.stringContaining(`${data}-back: revision`) });

    const third = await startServerProcess(local.map((part) => (part === data ? `${data}-back` : part)));
    started.push(third.program);
    for (const { sessionToken, instanceSid } of [one, two]) {
      const found = await ask(connect(third.address).at, Sessions.getSession, { cvid: 0 }, asSession(sessionToken));
      expect(found.session?.cvid).toBe(instanceSid);
    }
  });

  it('refuses to begin an empty network beside a journal of its own, and names both ways on', async () => {
    const network = `empty-${count++}`;
    const data = join(folder, network);
    const local = await startServerProcess(['--data', data, '--listen', '127.0.0.1:0']);
    started.push(local.program);
    expect(await local.program.stop('SIGTERM')).toBe(0);
    const args = options(network, 's1').map((part) => (part === join(folder, 's1') ? data : part));
    const { status, err } = await runCommand(['serve', ...args]);
    expect(status).not.toBe(0);
    expect(err).toContain(`network ${network} is empty, and ${data} has a journal of its own`);
    expect(err).toContain('copy it with switchyard journal copy, or move');
    const copied = await runCommand([
      ...['journal', 'copy', '--data', data, '--journal', etcd.url],
      '--network',
      network,
    ]);
    expect(copied.status).toBe(0);
    const again = await startServerProcess(args);
    started.push(again.program);
    expect(await again.program.stop('SIGTERM')).toBe(0);
  });

  it('refuses a second live server of one name, and gives the name of a killed one to the next at once', async () => {
    const network = `named-${count++}`;
    const first = await serve(network, 's1');
    const args = options(network, 's1').map((part) => (part === join(folder, 's1') ? join(folder, 'other') : part));
    const second = await runCommand(['serve', ...args]);
    expect(second.status).not.toBe(0);
    expect(second.err).toContain(`serves network ${network} already: stop it, or give this one another --name`);
    await ask(first.at, Sessions.session, agent(1));
    await first.program.stop('SIGKILL');
    const startMs = performance.now();
    await serve(network, 's1');
    // The lease of the leader that died, of 3 s, is waited for as before.
    expect(performance.now() - startMs).toBeLessThan(20_000);
  });

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
    it('renews the epoch when etcd was restored from a backup, so that a watcher of the history before begins anew', async () => {
      const own = await EtcdProcess.start();
      try {
        const args = (name: string) => options('restored', name).map((one) => (one === etcd.url ? own.url : one));
        const start = async (name: string, ...more: string[]) => {
          const { program, address } = await startServerProcess([...args(name), ...more]);
          started.push(program);
          return { program, ...connect(address) };
        };
        const first = await start('s1');
        await ask(first.at, Sessions.session, agent(1));
        await first.program.stop('SIGTERM');
        const backup = await own.backup();
        const second = await start('s1');
        await ask(second.at, Sessions.session, agent(2));
        const seen = await open(second.at, Network.watchNetworkDelta, SNAPSHOT).until(
          ({ kind }) => kind === WatchKind.SNAPSHOT_END,
        );
        const { position } = seen[seen.length - 1];
        await second.program.stop('SIGTERM');
        await own.restore(backup);

        const third = await start('s1');
        await ask(third.at, Sessions.session, agent(3));
        await ask(third.at, Sessions.session, agent(4));
        const after = { ...SNAPSHOT, after: position };
        const [{ kind, position: now }] = await open(third.at, Network.watchNetworkDelta, after).until(() => true);
        expect(kind).toBe(WatchKind.RESET);
        expect(now?.epoch).not.toBe(position?.epoch);
        await third.program.stop('SIGTERM');
      } finally {
        await own.remove();
      }
    });

    it('reaches an etcd over TLS, as a user whose password is in a file, and not in the list of processes', async () => {
      const own = await EtcdProcess.start({ tls: TLS_FILES });
      try {
        await own.turnAuthenticationOn('yard', 'of the yard');
        const password = join(folder, 'password');
        writeFileSync(password, 'of the yard\n', { mode: 0o600 });
        const args = options(`safe-${count++}`, 's1').map((one) => (one === etcd.url ? own.tlsUrl : one));
        const { cert, key, ca } = TLS_FILES;
        const files = ['--etcd-ca', ca, '--etcd-cert', cert, '--etcd-key', key];
        const who = ['--etcd-user', 'yard', '--etcd-password-file', password];
        const { program, address } = await startServerProcess([...args, ...files, ...who]);
        started.push(program);
        await ask(connect(address).at, Sessions.session, agent(1));
        expect(await program.stop('SIGTERM')).toBe(0);
      } finally {
        await own.remove();
      }
    });

    it('says which etcd it cannot reach, and ends with 1', async () => {
      const args = options('nowhere', 's9').map((one) => (one === etcd.url ? 'etcd://127.0.0.1:9' : one));
      const program = new Program(['serve', ...args]);
      started.push(program);
      expect(await program.ended()).toBe(1);
      expect(program.err).toContain('the journal in etcd at 127.0.0.1:9');
    });
  }
});

/** Tells when the nodes of these sessions have been seen. */
function sawAll(sids: readonly number[]) {
  const left = new Set(sids);
  return ({ deltas }: { deltas: readonly { nodeAdded: readonly { cvid: number }[] }[] }): boolean => {
    for (const { nodeAdded } of deltas) for (const { cvid } of nodeAdded) left.delete(cvid);
    return left.size === 0;
  };
}

const SNAPSHOT = { after: undefined, coalesce: false, cvids: [] };

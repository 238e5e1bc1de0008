import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { SimulatedEtcd } from '../../harness/simulation/machine/etcd.js';
import { systemClock } from '../../src/client/system.js';
import { LogKeys } from '../../src/log/etcd/keys.js';
import { runCommand } from '../cli/command.js';
import { type Program, startServerProcess } from '../cli/process.js';
import { openLog } from '../log/etcd-disk.js';
import { EtcdProcess, lacksEtcd } from '../log/etcd-process.js';

// etcd #12227: a member that had lost its data began an empty cluster, and the others took that over. bitnami/charts #2433: an etcd
// with authentication says "user name is empty", and not which option is missing.
// With the key `head` deleted, a server began the network anew over the batches that were left, and lost what they held; with all
// keys deleted, or at the address of another etcd, a server that knew the network began it anew without a word.

const lacks = lacksEtcd();
if (lacks) process.stderr.write(`not checked: servers whose etcd has lost its keys: ${lacks}\n`);

// Processes are started here.
jest.setTimeout(120_000);

const NETWORK = 'lost';

describe('a log in etcd whose head was deleted', () => {
  it.each([['the batches'], ['the mark of a snapshot alone']])('is damaged, and %s stay', async (left) => {
    const etcd = new SimulatedEtcd(systemClock);
    const [store, keys] = [etcd.connect(), new LogKeys(NETWORK)];
    const term = await openLog(etcd.connect(), NETWORK).lead();
    await term.journal.append([{ revision: 1, bytes: new Uint8Array(10) }]);
    await term.resign();
    const batches = (await store.read(keys.batches)).values;
    const put = { kind: 'put', key: keys.marks, value: batches[0].value } as const;
    const forget = (range: { readonly key: string }) => ({ kind: 'delete', range }) as const;
    const isMark = left !== 'the batches';
    const success = isMark ? [put, forget(keys.batches), forget({ key: keys.head })] : [forget({ key: keys.head })];
    await store.commit({ compare: [], success });
    const missing = { kind: 'damaged', message: expect.stringContaining('head is missing, and') };
    await expect(openLog(etcd.connect(), NETWORK).view()).rejects.toMatchObject(missing);
    await expect(openLog(etcd.connect(), NETWORK).lead()).rejects.toMatchObject(missing);
    expect((await store.read(keys.batches)).values).toEqual(isMark ? [] : batches);
    expect((await store.read({ key: keys.head })).values).toEqual([]);
  });
});

(lacks ? describe.skip : describe)('a server whose etcd', () => {
  let etcd: EtcdProcess;
  let folder: string;
  const started: Program[] = [];
  beforeEach(async () => {
    etcd = await EtcdProcess.start();
    folder = mkdtempSync(join(tmpdir(), 'switchyard-lost-'));
  });
  afterEach(async () => {
    for (const program of started.splice(0)) await program.stop('SIGKILL');
    await etcd.remove();
    rmSync(folder, { recursive: true });
  });

  const args = (...more: string[]) => [
    ...['--journal', etcd.url, '--network', NETWORK, '--name', 's1', '--leader-ttl', '15s'],
    ...['--listen', '127.0.0.1:0', '--data', join(folder, 'data'), ...more],
  ];
  async function serveOnce(): Promise<void> {
    const { program } = await startServerProcess(args());
    started.push(program);
    expect([await program.stop('SIGTERM'), program.err]).toEqual([0, expect.anything()]);
  }

  it('is empty refuses to begin a network that it knows, and begins it when its memory of it was removed', async () => {
    await serveOnce();
    const store = etcd.connect();
    await store.commit({
      compare: [],
      success: [{ kind: 'delete', range: { key: '/switchyard/', end: '/switchyard0' } }],
    });
    store.close();
    const { status, err } = await runCommand(['serve', ...args()]);
    expect(status).toBe(1);
    expect(err).toMatch(
      /network lost is empty, and this server had applied batch \d+ of it: look whether --journal and/,
    );
    const memory = join(folder, 'data', `log-${NETWORK}.json`);
    expect(err).toContain(`or remove ${memory} to begin without it`);
    rmSync(memory);
    await serveOnce();
  });

  it('asks who it is says which options to look at, also to journal copy', async () => {
    await etcd.turnAuthenticationOn('yard', 'of the yard');
    const look = 'Look at --etcd-user, --etcd-password-file';
    const nobody = await runCommand(['serve', ...args()]);
    expect([nobody.status, nobody.err]).toEqual([1, expect.stringContaining('user name is empty')]);
    expect(nobody.err).toContain(look);
    const env = { SWITCHYARD_ETCD_PASSWORD: 'another' };
    const other = await runCommand(['serve', ...args('--etcd-user', 'yard')], { env });
    expect([other.status, other.err]).toEqual([1, expect.stringContaining('authentication failed')]);
    expect(other.err).toContain(look);
    const copy = ['journal', 'copy', '--back', '--data', join(folder, 'back'), '--journal', etcd.url];
    expect((await runCommand(copy)).err).toContain(look);
  });
});

import { beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../harness/manual-clock.js';
import { SimulatedEtcd } from '../../harness/simulation/machine/etcd.js';
import { systemRandom } from '../../src/client/system.js';
import { OWN_NUMBERS } from '../../src/journal/own-numbers.js';
import { decodeLeader, encodeLeader } from '../../src/log/etcd/batch.js';
import { LogKeys } from '../../src/log/etcd/keys.js';
import { NAME_KEEP_MS, NAME_TTL_MS, NAME_WAIT_MS } from '../../src/log/etcd/limits.js';
import { ServerName, type ServerNameDeps } from '../../src/log/etcd/server-name.js';
import { StoreError } from '../../src/log/etcd/store.js';

const turns = async () => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
};

describe('the name of a server among others', () => {
  let clock: ManualClock;
  let etcd: SimulatedEtcd;
  const taken: string[] = [];
  const warned: string[] = [];

  beforeEach(() => {
    clock = new ManualClock();
    etcd = new SimulatedEtcd(clock);
    taken.length = 0;
    warned.length = 0;
  });

  const claim = (port: number, given: Partial<ServerNameDeps> = {}, signal?: AbortSignal) =>
    ServerName.claim(
      {
        ...{
          store: etcd.connect(),
          clock,
          random: systemRandom,
          keys: new LogKeys('yard'),
          network: 'yard',
          name: 'a',
        },
        known: OWN_NUMBERS,
        ...{ peerAddress: `127.0.0.1:${port}`, isRefused: async () => false },
        taken: ({ message }) => void taken.push(message),
        warn: (message) => void warned.push(message),
        ...given,
      },
      signal,
    );

  async function pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 100) {
      clock.advance(100);
      await turns();
    }
  }

  /** What becomes of a claim while time passes. */
  async function outcome(promise: Promise<ServerName>, ms: number): Promise<string> {
    let state = 'waits';
    promise.then(
      () => (state = 'has it'),
      ({ message }) => (state = message),
    );
    await pass(ms);
    return state;
  }

  it('is refused while a live server has it, which keeps it', async () => {
    const first = await claim(1);
    const second = claim(2);
    expect(await outcome(second, NAME_WAIT_MS + 1_000)).toBe(
      'a server a at 127.0.0.1:1 serves network yard already: stop it, or give this one another --name',
    );
    expect(taken).toEqual([]);
    await first.close();
  });

  it('is asked of an etcd that does not answer for as long as of another process, and no longer', async () => {
    const grant = () => Promise.reject(new StoreError('unclear', 'etcd: nothing answers'));
    const store = Object.assign(etcd.connect(), { grant });
    const claimed = claim(1, { store });
    expect(await outcome(claimed, NAME_WAIT_MS - 1_000)).toBe('waits');
    expect(await outcome(claimed, 2_000)).toBe('etcd: nothing answers');
  });

  it('is free at once when the server that had it has closed', async () => {
    await (await claim(1)).close();
    const second = await claim(2);
    await second.close();
  });

  it('is waited for until the lease of a process that was killed has ended', async () => {
    const dead = { ...clockThatStops(), after: () => ({ cancel: () => {} }) };
    await claim(1, { clock: dead as never });
    const second = claim(2);
    expect(await outcome(second, NAME_TTL_MS / 2)).toBe('waits');
    expect(await outcome(second, NAME_TTL_MS)).toBe('has it');
    await (await second).close();
  });

  it('is taken over at once from a process whose machine refuses connections, or whose address is here now', async () => {
    const dead = { ...clockThatStops(), after: () => ({ cancel: () => {} }) };
    await claim(1, { clock: dead as never });
    await claim(2, { clock: dead as never, isRefused: async (address) => address === '127.0.0.1:1' });
    const third = await claim(2);
    await third.close();
  });

  it('ends the server that finds another one under its name, once', async () => {
    await claim(1);
    const second = await claim(2, { isRefused: async () => true });
    await pass(3 * NAME_KEEP_MS);
    expect(taken).toEqual([expect.stringContaining('a server a at 127.0.0.1:2 serves network yard already')]);
    await second.close();
  });

  it('is put again after etcd has let its lease end, as in an outage', async () => {
    const store = etcd.connect();
    const first = await claim(1);
    const { key } = { key: new LogKeys('yard').name('a') };
    await store.commit({ compare: [], success: [{ kind: 'delete', range: { key } }] });
    await pass(NAME_KEEP_MS + 200);
    expect((await store.read({ key })).values).toHaveLength(1);
    await first.close();
    expect((await store.read({ key })).values).toHaveLength(0);
  });

  const ROT = Buffer.from('rot');
  const { key } = { key: new LogKeys('yard').name('a') };
  const put = (value: Uint8Array, lease?: bigint) =>
    etcd.connect().commit({ compare: [], success: [{ kind: 'put', key, value, ...(lease && { lease }) }] });

  it.each([
    ['cannot be read', ROT],
    ['names a live server', encodeLeader('a', new Uint8Array(8), '127.0.0.1:1')],
  ])('is taken over at once from a value without a lease that %s: no server holds it', async (_what, value) => {
    await put(value);
    const server = await claim(2);
    expect(warned).toEqual([
      '/switchyard/yard/names/a in etcd stands without a lease, so no server holds it: this one takes its place',
    ]);
    await put(value);
    await pass(2 * NAME_KEEP_MS);
    const [found] = (await etcd.connect().read({ key })).values;
    expect([decodeLeader(found.value).peerAddress, taken]).toEqual(['127.0.0.1:2', []]);
    await server.close();
  });

  it('is refused, with how to mend it, while a value that cannot be read is kept alive', async () => {
    const { id } = await etcd.connect().grant(60_000);
    await put(ROT, id);
    const said =
      "/switchyard/yard/names/a in etcd is kept alive under lease 1, and its value cannot be read: the log's leader is damaged: its checksum is " +
      'wrong. A server a of a later build may have it: stop it, or give this one another --name. If there is none: etcdctl lease revoke 1';
    expect(await outcome(claim(1), NAME_WAIT_MS + 1_000)).toBe(said);
  });

  it('is had once the lease of a value that cannot be read has ended', async () => {
    const { id } = await etcd.connect().grant(NAME_TTL_MS / 2);
    await put(ROT, id);
    const claimed = claim(1);
    expect(await outcome(claimed, NAME_TTL_MS)).toBe('has it');
    await (await claimed).close();
  });

  it('ends the server that finds a kept value under it that cannot be read', async () => {
    const server = await claim(1);
    const { id } = await etcd.connect().grant(60_000);
    await put(ROT, id);
    await pass(2 * NAME_KEEP_MS);
    expect(taken).toEqual([expect.stringContaining('its value cannot be read')]);
    await server.close();
  });

  it('is waited for no longer when the process is told to end', async () => {
    const first = await claim(1);
    const stop = new AbortController();
    const second = claim(2, {}, stop.signal);
    second.catch(() => {});
    await pass(1_000);
    stop.abort(new Error('told to end'));
    expect(await outcome(second, 1_000)).toBe('told to end');
    await first.close();
  });

  /** Of a process that does nothing more. */
  function clockThatStops() {
    return { nowMs: () => clock.nowMs(), wallMs: () => clock.wallMs(), soon: () => {} };
  }
});

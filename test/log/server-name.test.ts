import { beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../harness/manual-clock.js';
import { SimulatedEtcd } from '../../harness/simulation/machine/etcd.js';
import { systemRandom } from '../../src/client/system.js';
import { LogKeys } from '../../src/log/etcd/keys.js';
import { NAME_KEEP_MS, NAME_TTL_MS, NAME_WAIT_MS } from '../../src/log/etcd/limits.js';
import { OWN_NUMBERS } from '../../src/log/etcd/readers.js';
import { ServerName, type ServerNameDeps } from '../../src/log/etcd/server-name.js';
import { StoreError } from '../../src/log/etcd/store.js';

const turns = async () => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
};

describe('the name of a server among others', () => {
  let clock: ManualClock;
  let etcd: SimulatedEtcd;
  const taken: string[] = [];

  beforeEach(() => {
    clock = new ManualClock();
    etcd = new SimulatedEtcd(clock);
    taken.length = 0;
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

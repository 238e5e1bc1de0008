import { describe, expect, it } from '@jest/globals';
import { ManualClock, settle } from '../../harness/manual-clock.js';
import { SimulatedEtcd } from '../../harness/simulation/machine/etcd.js';
import { type EtcdStore, StoreError } from '../../src/log/etcd/store.js';
import { TermLease } from '../../src/log/etcd/term-lease.js';

const TTL_MS = 3_000;

async function leased(store: (etcd: EtcdStore) => EtcdStore = (etcd) => etcd) {
  const clock = new ManualClock();
  const etcd = new SimulatedEtcd(clock);
  const connection = etcd.connect();
  const granted = connection.grant(TTL_MS);
  await settle();
  return { clock, lease: new TermLease(store(connection), clock, await granted, clock.nowMs()) };
}

describe('the lease of a term', () => {
  it('lives as long as etcd renews it', async () => {
    const { clock, lease } = await leased();
    await clock.pass(20 * TTL_MS);
    expect(lease.lost.aborted).toBe(false);
    lease.end();
    expect(clock.pending).toBe(1);
  });

  it('is lost two thirds of the TTL after the last renewal that was answered was sent', async () => {
    let isSilent = false;
    const { clock, lease } = await leased((etcd) => ({
      ...etcd,
      keepAlive: (id) => (isSilent ? Promise.reject(new StoreError('unclear', 'silent')) : etcd.keepAlive(id)),
    }));
    await clock.pass(2_600);
    isSilent = true;
    // The last renewal was sent at 2,500 ms.
    await clock.pass(1_890);
    expect(lease.lost.aborted).toBe(false);
    await clock.pass(15);
    expect(lease.lost.reason).toMatchObject({ kind: 'deposed', message: expect.stringContaining('in time') });
  });

  it('stands no longer by the clock once it has to be taken for lost, also before the process has noticed that', async () => {
    const { clock, lease } = await leased();
    await clock.pass(2_600);
    expect(lease.stands).toBe(true);
    // The process stands still: no timer runs meanwhile.
    const stoodStill = clock.nowMs.bind(clock);
    clock.nowMs = () => stoodStill() + TTL_MS;
    expect([lease.lost.aborted, lease.stands]).toEqual([false, false]);
  });

  it('is lost at once when etcd says that it is gone', async () => {
    const { clock, lease } = await leased((etcd) => ({ ...etcd, keepAlive: async () => false }));
    await clock.pass(TTL_MS / 6 + 1);
    expect(lease.lost.reason).toMatchObject({ kind: 'deposed', message: expect.stringContaining('let the lease') });
  });

  it('never waits for a time so short that it is lost in rounding', async () => {
    const waits: number[] = [];
    const nowMs = (TTL_MS * 2) / 3 - 1e-10;
    const clock = {
      nowMs: () => nowMs,
      wallMs: () => nowMs,
      soon: () => undefined,
      after: (delayMs: number) => {
        waits.push(delayMs);
        return { cancel: () => undefined };
      },
    };
    const etcd = new SimulatedEtcd(new ManualClock()).connect();
    const lease = { id: 1n, ttlMs: TTL_MS };
    new TermLease(etcd, clock, lease, 0);
    expect(waits).toEqual([1]);
  });
});

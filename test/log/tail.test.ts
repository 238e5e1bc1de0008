import { describe, expect, it } from '@jest/globals';
import { SimulatedEtcd } from '../../harness/simulation/machine/etcd.js';
import { systemClock } from '../../src/client/system.js';
import { LogKeys } from '../../src/log/etcd/keys.js';
import { READ_BYTES_AIM } from '../../src/log/etcd/limits.js';
import { type EtcdStore, StoreError } from '../../src/log/etcd/store.js';
import { EtcdTail } from '../../src/log/etcd/tail.js';
import { openLog } from './etcd-disk.js';

const NETWORK = 'tailed';
const MESSAGE_BYTES = 4 * READ_BYTES_AIM;

/** An etcd whose answers can be so large, and how large they were. */
function bounded(store: EtcdStore): { readonly store: EtcdStore; readonly sizes: number[] } {
  const sizes: number[] = [];
  const commit: EtcdStore['commit'] = async (transaction) => {
    const committed = await store.commit(transaction);
    const bytes = committed.found.flat().reduce((sum, { value }) => sum + value.length, 0);
    sizes.push(bytes);
    if (bytes > MESSAGE_BYTES) throw new StoreError('unclear', 'etcd: the answer is larger than a message may be');
    return committed;
  };
  return { store: { commit } as EtcdStore, sizes };
}

/** Appends so many batches of one record of so many bytes each. */
async function appendTo(etcd: SimulatedEtcd, sizes: readonly number[]): Promise<void> {
  const term = await openLog(etcd.connect(), NETWORK).lead();
  for (const [at, bytes] of sizes.entries()) {
    await term.journal.append([{ revision: at + 1, bytes: new Uint8Array(bytes) }]);
  }
  await term.resign();
}

const many = (count: number, bytes: number) => Array.from({ length: count }, () => bytes);

describe('the end of a log in etcd', () => {
  it('is read on when many small batches are followed by more large ones than one answer can hold', async () => {
    const etcd = new SimulatedEtcd(systemClock);
    await appendTo(etcd, [...many(130, 10), ...many(100, 100_000)]);
    const { store } = bounded(etcd.connect());
    const tail = new EtcdTail(store, new LogKeys(NETWORK), 0);
    let [records, failures, isWhole] = [0, 0, false];
    while (!isWhole && failures < 10) {
      const slice = await tail.read().catch(() => undefined);
      if (slice === undefined) failures++;
      for (const batch of slice?.batches ?? []) records += batch.records.length;
      isWhole = slice?.isWhole ?? false;
    }
    expect({ records, failures }).toEqual({ records: 230, failures: 1 });
  });

  it('is refused when etcd was restored from a backup while it is read', async () => {
    const etcd = new SimulatedEtcd(systemClock);
    await appendTo(etcd, many(3, 10));
    const [keys, backup] = [new LogKeys(NETWORK), etcd.backup()];
    const tail = new EtcdTail(etcd.connect(), keys, 0);
    const term = await openLog(etcd.connect(), NETWORK).lead();
    await term.journal.append([{ revision: 4, bytes: new Uint8Array(10) }]);
    while (!(await tail.read()).isWhole);
    const { seq, chain } = await openLog(etcd.connect(), NETWORK).view();
    etcd.restore(backup);
    const says = `this server has applied batch ${seq}, and the log ends at batch ${seq - 2}: etcd was restored from a backup`;
    await expect(tail.read()).rejects.toMatchObject({ kind: 'differs', message: says });

    const other = await openLog(etcd.connect(), NETWORK).lead();
    await other.journal.append([{ revision: 4, bytes: new Uint8Array(11) }]);
    await expect(new EtcdTail(etcd.connect(), keys, seq, chain).read()).rejects.toThrow(
      `another batch ${seq} is in the log`,
    );
    await other.resign();
  });

  it('is read by so many batches at once that their bytes stay near what one answer should have', async () => {
    const etcd = new SimulatedEtcd(systemClock);
    await appendTo(etcd, many(200, 60_000));
    const { store, sizes } = bounded(etcd.connect());
    const tail = new EtcdTail(store, new LogKeys(NETWORK), 0);
    while (!(await tail.read()).isWhole);
    expect(Math.max(...sizes)).toBeLessThan(1.25 * READ_BYTES_AIM);
  });
});

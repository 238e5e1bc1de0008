import type { Logger } from 'pino';
import { systemClock, systemRandom } from '../../src/client/system.js';
import type { Journal, StoredRecord } from '../../src/journal/journal.js';
import type { KnownNumbers } from '../../src/journal/readers.js';
import { decodeBatch, decodeHead, decodeMarks, EMPTY_LOG, encodeHead, extend } from '../../src/log/etcd/batch.js';
import { LogKeys } from '../../src/log/etcd/keys.js';
import { EtcdLog } from '../../src/log/etcd/log.js';
import type { EtcdStore } from '../../src/log/etcd/store.js';
import type { Disk } from '../journal/contract.js';
import { appendForEver } from '../journal/workload.js';
import { silentLog } from './silent-log.js';

/** How many appends a run makes before its process is gone, in the middle of the next. */
const APPENDS_BEFORE_CRASH = 50;
const LEADER_TTL_MS = 20_000;

/** The log of a network in an etcd, with an etcd's defaults for a test. */
export function openLog(
  store: EtcdStore,
  network: string,
  name = 's1',
  leaderTtlMs = LEADER_TTL_MS,
  known?: KnownNumbers,
  log: Logger = silentLog,
): EtcdLog {
  return new EtcdLog({
    ...{ store, network, name, leaderTtlMs, known },
    ...{ clock: systemClock, random: systemRandom, log },
    compactsHistory: true,
    quotaBytes: 2 * 1_073_741_824,
  });
}

/** Puts something else where a key is. */
export async function edit(store: EtcdStore, key: string, change: (value: Uint8Array) => Uint8Array): Promise<void> {
  const [found] = (await store.read({ key })).values;
  await store.commit({ compare: [], success: [{ kind: 'put', key, value: change(found.value) }] });
}

/** Deletes the key of who leads, as if its lease had run out. */
export async function depose(store: EtcdStore, network: string): Promise<void> {
  const { leader } = new LogKeys(network);
  await store.commit({ compare: [], success: [{ kind: 'delete', range: { key: leader } }] });
}

/** What the journal's contract needs of an etcd. `fill` plays a full disk; the log is of a network of its own. */
export function etcdDisk(connect: () => EtcdStore, network: string, fill: Disk['fill'], isShared: boolean): Disk {
  const keys = new LogKeys(network);
  const tool = connect();
  const open = async (): Promise<Journal> => (await openLog(connect(), network).lead()).journal;
  return {
    isShared,
    open,
    damageRecord: (revision) => rot(tool, keys, revision),
    loseRecord: (revision) => rewrite(tool, keys, revision, (list, at) => void list.splice(at, 1)),
    misplaceRecord: (revision, bytes) =>
      rewrite(tool, keys, revision, (list, at) => void list.splice(at, 1, { revision, bytes })),
    damagePart: async (revision, part) => {
      const [marks] = (await tool.read({ key: keys.marks })).values;
      const { attempt } = decodeMarks(marks.value).marks.find((mark) => mark.revision === revision)!;
      await edit(tool, keys.piece(keys.attempt(revision, attempt), part, 0), (value) => flip(Buffer.from(value)));
    },
    crash: async () => {
      const journal = await open();
      const gone = new Error('gone');
      let acknowledged = 0;
      let appends = 0;
      // What its upkeep still does is nobody's any more.
      const upkeep = (work: Promise<void>) => work.catch(() => new Promise<never>(() => {}));
      const dying = {
        append: (list: readonly StoredRecord[]) => journal.append(list),
        snapshots: () => journal.snapshots(),
        get last() {
          return journal.last;
        },
        writeSnapshot: (...all: Parameters<Journal['writeSnapshot']>) => upkeep(journal.writeSnapshot(...all)),
        compact: (revision: number) => upkeep(journal.compact(revision)),
      };
      await appendForEver(dying, (last) => {
        acknowledged = last;
        if (++appends === APPENDS_BEFORE_CRASH) throw gone;
      }).catch((error) => {
        if (error !== gone) throw error;
      });
      await depose(tool, network);
      return acknowledged;
    },
    fill,
    remove: async () => tool.close(),
  };
}

/** Flips the last bit of a record where it stands in its batch. */
async function rot(store: EtcdStore, keys: LogKeys, revision: number): Promise<void> {
  for (const { key, value } of (await store.read(keys.batches)).values) {
    const record = decodeBatch(value, keys.seqOf(key)).records.find((one) => one.revision === revision);
    if (record === undefined) continue;
    const frame = Buffer.from(value);
    frame[frame.indexOf(record.bytes) + record.bytes.length - 1] ^= 1;
    await edit(store, key, () => frame);
  }
}

/**
 * Changes the records of the batch that has a revision, and makes the checksums and chains of all batches fit what is in them success:
 * what is wrong can only be found by the records themselves.
 */
async function rewrite(
  store: EtcdStore,
  keys: LogKeys,
  revision: number,
  change: (records: StoredRecord[], at: number) => void,
): Promise<void> {
  const [head] = (await store.read({ key: keys.head })).values;
  const was = decodeHead(head.value);
  let chain = EMPTY_LOG.chain;
  let term = 0n;
  for (const { key, value } of (await store.read(keys.batches)).values) {
    const batch = decodeBatch(value, keys.seqOf(key));
    const records = [...batch.records];
    const at = records.findIndex((record) => record.revision === revision);
    if (at >= 0) change(records, at);
    const before = { seq: batch.seq - 1, revision: batch.firstRevision - 1, chain, format: was.format };
    const made = extend(before, batch.term, records);
    await edit(store, key, () => made.batch);
    ({ chain } = made.end);
    ({ term } = batch);
  }
  await edit(store, keys.head, () => encodeHead({ ...was, chain }, term));
}

function flip(bytes: Buffer): Buffer {
  bytes[bytes.length - 1] ^= 1;
  return bytes;
}

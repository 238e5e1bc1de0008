import type { OpenSession } from '../../../src/core/model/command.js';
import { FORMAT_VERSION } from '../../../src/journal/format/frame.js';
import { decodeRecord, encodeRecord } from '../../../src/journal/format/record.js';
import type { StoredRecord } from '../../../src/journal/journal.js';
import type { KnownNumbers } from '../../../src/journal/readers.js';
import { decodeMarks } from '../../../src/log/etcd/batch.js';
import { LogKeys } from '../../../src/log/etcd/keys.js';
import type { EtcdStore, KeyRange, Operation, Transaction } from '../../../src/log/etcd/store.js';
import type { LogSlice, LogTail } from '../../../src/log/shared-log.js';
import type { ClusterMutation } from './mutations.js';
import { NETWORK } from './server.js';

const keys = new LogKeys(NETWORK);
/** A key that is never there. */
const NOWHERE = 'nowhere';
/** Which server decides otherwise, and of every how many sessions. */
const OTHERWISE = 's2';
const OTHERWISE_EVERY = 7;

/** Deliberate faults in what becomes of the log and its snapshots. */
export const LOG_MUTATIONS: readonly ClusterMutation[] = [
  {
    name: 'trim the log past the older snapshot',
    seed: 1,
    minutes: 3,
    finds: 'Whole',
    store: (store) => ({ ...store, commit: (transaction) => trimFurther(store, transaction) }),
  },
  {
    name: 'let all attempts at a snapshot write to one place',
    seed: 1,
    minutes: 3,
    finds: 'Whole',
    store: inOnePlace,
  },
  {
    name: 'store rules that a live server does not know',
    seed: 1,
    minutes: 3,
    finds: 'Readable',
    known: upgrading,
    store: asksNobody,
  },
  {
    name: 'let a server decide otherwise, and compare nothing',
    seed: 1,
    minutes: 3,
    finds: 'Agreed',
    tail: (tail, name) => (name === OTHERWISE ? { read: async () => otherwise(await tail.read()) } : untold(tail)),
  },
];

/** Servers that are upgraded to other rules with their second process. */
export function upgrading(_name: string, lives: number): KnownNumbers {
  return { formatMax: FORMAT_VERSION, rulesMax: lives === 1 ? 1 : 2 };
}

/** A leader that asks nobody what it knows. */
function asksNobody(store: EtcdStore): EtcdStore {
  const unasked = (one: Operation): Operation =>
    one.kind === 'read' && one.range.key === keys.names.key ? { kind: 'read', range: { key: NOWHERE } } : one;
  return {
    ...store,
    commit: (transaction) => store.commit({ ...transaction, success: transaction.success.map(unasked) }),
  };
}

/** Trims up to the newest snapshot. */
async function trimFurther(store: EtcdStore, transaction: Transaction) {
  const isTrim = (one: Operation) => one.kind === 'delete' && one.range.key.startsWith(keys.batches.key);
  if (!transaction.success.some(isTrim)) return store.commit(transaction);
  const [marks] = (await store.read({ key: keys.marks })).values;
  const end = keys.batch(decodeMarks(marks?.value).marks.at(-1)?.seq ?? 1);
  const further = (one: Operation): Operation =>
    one.kind === 'delete' && isTrim(one) ? { ...one, range: { ...one.range, end } } : one;
  return store.commit({ ...transaction, success: transaction.success.map(further) });
}

/** Parts stand where their numbers say, whichever attempt and snapshot they are of. */
function inOnePlace(store: EtcdStore): EtcdStore {
  const { key: top } = keys.snapshots;
  const place = (key: string) => (key.startsWith(top) ? `${top}${key.slice(key.lastIndexOf('/') + 1)}` : key);
  const whole = (range: KeyRange): KeyRange => (range.key.startsWith(top) ? keys.snapshots : range);
  const moved = (one: Operation): Operation => {
    if (one.kind === 'put') return { ...one, key: place(one.key) };
    // Removing what is over would take what is written now.
    if (one.kind === 'delete' && one.range.key.startsWith(top)) return { kind: 'read', range: { key: one.range.key } };
    return one;
  };
  return {
    ...store,
    commit: (transaction) => store.commit({ ...transaction, success: transaction.success.map(moved) }),
    read: (range) => store.read({ ...range, ...whole(range) }),
  };
}

/** What is read without what the leader says that it came to. */
function untold(tail: LogTail): LogTail {
  return { read: async () => withRecords(await tail.read(), (record) => record) };
}

function otherwise(slice: LogSlice): LogSlice {
  return withRecords(slice, (record) => {
    const command = decodeRecord(record);
    const isChanged = command.kind === 'OpenSession' && record.revision % OTHERWISE_EVERY === 0;
    return isChanged ? renamed(record, command) : record;
  });
}

function renamed({ tag, revision }: StoredRecord, command: OpenSession): StoredRecord {
  const record = encodeRecord(revision, { ...command, name: 'another' });
  return tag === undefined ? record : { ...record, tag };
}

function withRecords(slice: LogSlice, change: (record: StoredRecord) => StoredRecord): LogSlice {
  const batches = slice.batches.map((batch) => ({ ...batch, told: undefined, records: batch.records.map(change) }));
  return { ...slice, batches };
}

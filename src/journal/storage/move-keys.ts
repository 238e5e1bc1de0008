import { setImmediate } from 'node:timers/promises';
import { type Bytes, endOf, type Section, type SectionKeys } from './section.js';
import type { Store } from './store.js';

/** Keys that are copied in one transaction: parts of snapshots have 256 KiB each. */
const COPIED_KEYS_MAX = 64;

/** Removes what `next` names until it names nothing, in transactions small enough to let appends in between. */
export async function removeKeys(
  commit: (write: () => void) => Promise<void>,
  database: Bytes,
  next: () => Iterable<Buffer>,
): Promise<void> {
  for (;;) {
    const keys = [...next()];
    if (keys.length === 0) return;
    await commit(() => {
      for (const key of keys) database.remove(key);
    });
  }
}

/** Puts everything that a journal holds, as it stands, into a data folder that is new, as that of its default network. */
export async function copySection(from: Section, to: Store): Promise<void> {
  const { records, snapshots } = from.layout;
  await copyRange(records, to, to.folder.records);
  await copyRange(snapshots, to, to.folder.snapshots);
  const header = from.headerFrame();
  const { database, key } = to.folder.layout.header;
  if (header !== undefined) await to.commit(header.length, () => void database.put(key, header));
}

async function copyRange({ database, prefix }: SectionKeys, to: Store, target: Bytes): Promise<void> {
  const end = endOf(prefix);
  for (let start = prefix; ; await setImmediate()) {
    const entries = [...database.getRange({ start, end, limit: COPIED_KEYS_MAX })].map(({ key, value }) => ({
      key: Buffer.from(key.subarray(prefix.length)),
      value: Buffer.from(value),
    }));
    if (entries.length === 0) return;
    const bytes = entries.reduce((sum, { value }) => sum + value.length, 0);
    await to.commit(bytes, () => {
      for (const { key, value } of entries) target.put(key, value);
    });
    const last = entries[entries.length - 1].key;
    start = Buffer.concat([prefix, last, Buffer.from([0])]);
  }
}

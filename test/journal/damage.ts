import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Database, open } from 'lmdb';

type Name = 'records' | 'snapshots' | 'network data' | null;

/** A new folder of the test's own. */
export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'switchyard-journal-'));
}

/** Runs in a folder that is gone afterwards. */
export async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = temporaryFolder();
  try {
    await work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Changes or removes what stands behind a key, past the journal. */
export function edit(folder: string, name: Name, key: Buffer, change: (bytes: Buffer) => Buffer | undefined) {
  return inDatabase(folder, name, async (database) => {
    const changed = change(Buffer.from(database.get(key)!));
    await (changed === undefined ? database.remove(key) : database.put(key, changed));
  });
}

/** Puts values where none have to be. */
export function put(folder: string, name: Name, entries: readonly (readonly [Buffer, Uint8Array])[]) {
  return inDatabase(folder, name, async (database) => {
    for (const [key, value] of entries) await database.put(key, Buffer.from(value));
  });
}

/** The keys of a database, in hex. */
export function keysIn(folder: string, name: Name): Promise<string[]> {
  return inDatabase(folder, name, async (database) => [...database.getKeys()].map((key) => key.toString('hex')));
}

/** Flips a bit of these bytes wherever they stand in the data file, as a bad disk would. */
export function rot(folder: string, bytes: Uint8Array): void {
  const path = join(folder, 'data.mdb');
  const file = readFileSync(path);
  let found = 0;
  for (let at = file.indexOf(bytes); at >= 0; at = file.indexOf(bytes, at + 1)) {
    file[at + bytes.length - 1] ^= 1;
    found++;
  }
  if (found === 0) throw new Error('the bytes to damage are not in the file');
  writeFileSync(path, file);
}

async function inDatabase<T>(folder: string, name: Name, work: (database: Database<Buffer, Buffer>) => Promise<T>) {
  const keysAndValues = { keyEncoding: 'binary', encoding: 'binary' } as const;
  const root = open<Buffer, Buffer>({ path: folder, noSubdir: false, ...keysAndValues });
  try {
    return await work(name === null ? root : root.openDB<Buffer, Buffer>({ name, ...keysAndValues }));
  } finally {
    await root.close();
  }
}

import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  lstatSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  truncateSync,
} from 'node:fs';
import { endianness } from 'node:os';
import { join } from 'node:path';
import { openPrivateFile } from '../../base/private-files.js';
import { newerVersion } from '../format/frame.js';
import { JournalError } from '../journal.js';
import { journalError } from './failure.js';
import { checkFounding, foundingAdvice, isFounding } from './founding.js';
import { probeSpace } from './space.js';

/*
 * The first two pages of data.mdb, as far as they are read here: meta pages, of which the one with the higher
 * transaction counts. Integers as the machine has them, 64-bit.
 *
 *    0            18        24       28         48          144         152
 *   +------------+---------+--------+----------+-----------+-----------+-------------+
 *   |     …      | flags   | magic  | version  | page size |     …     | last page … |
 *   +------------+---------+--------+----------+-----------+-----------+-------------+
 *
 * Source: MDB_page and MDB_meta in lmdb's mdb.c, format version 2.
 */
const META_BYTES = 168;
const META_PAGE = 0x08;
const MAGIC = 0xbeefc0de;
const LMDB_VERSION = 2;
const AT = { flags: 18, magic: 24, version: 28, pageSize: 48, lastPage: 144, transaction: 152 };
const PAGE_BYTES_MIN = 256;
const PAGE_BYTES_MAX = 65_536;

/** What a new data file needs at once, with room. */
const NEW_FILE_BYTES = 65_536;

const NO_JOURNAL = 'there is no journal';

/**
 * Looks at a data file before LMDB does, and throws a {@link JournalError} where LMDB would take the process down: when
 * it cannot open the file, when the file is no LMDB file, and when it was cut short; and where LMDB would begin an empty
 * journal in a file that has lost its content.
 *
 * A file may rightly end before its last page, when the pages that are not there are free ones. So a file that is too
 * short is filled up with zeros: where a page that matters is missing, LMDB then finds an invalid page, or the journal
 * a wrong checksum, instead of the end of the file. Nothing that LMDB reads is changed by it.
 */
export function checkDataFile(folder: string, readOnly: boolean): void {
  const path = join(folder, 'data.mdb');
  const doing = `cannot open ${path}`;
  try {
    const mode = readOnly ? constants.R_OK : constants.R_OK | constants.W_OK;
    for (const needed of [folder, path, join(folder, 'lock.mdb')]) if (existsSync(needed)) accessSync(needed, mode);
    for (const file of [path, join(folder, 'lock.mdb')]) checkOwned(file);
    if (!existsSync(path) || isUnwritten(folder)) {
      if (existsSync(path)) checkFounding(folder);
      const refusal = readOnly ? new Error(NO_JOURNAL) : probeSpace(folder, 0, NEW_FILE_BYTES);
      if (refusal !== undefined) throw refusal;
      // LMDB makes its first pages in an empty file alone.
      if (existsSync(path)) truncateSync(path, 0);
      return;
    }
    const expected = expectedBytes(folder);
    if (statSync(path).size < expected) truncateSync(path, expected);
  } catch (thrown) {
    throw journalError(thrown, doing);
  }
}

/** Whether a data file ends before its last page. It may, while a process writes to it. Throws as {@link checkDataFile} does. */
export function isShort(folder: string): boolean {
  const path = join(folder, 'data.mdb');
  checkOwned(path);
  if (isUnwritten(folder)) {
    checkFounding(folder);
    throw new JournalError('failed', `${path}: ${NO_JOURNAL}`);
  }
  return statSync(path).size < expectedBytes(folder);
}

/**
 * Whether the data file holds nothing: 0 bytes, or, while the note of the first start is there, zeros only, which is what a failure of
 * power leaves of pages whose length was stored and whose content was not. Zeros without that note are a damaged journal.
 */
function isUnwritten(folder: string): boolean {
  const path = join(folder, 'data.mdb');
  const { size } = statSync(path);
  if (size === 0) return true;
  return size <= NEW_FILE_BYTES && isFounding(folder) && readFileSync(path).every((byte) => byte === 0);
}

/** LMDB opens it by its name: nobody else may have put it there. The folder has been checked, so that nobody exchanges it now. */
function checkOwned(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) closeSync(openPrivateFile(path, constants.O_RDONLY));
}

/** How long the file is when no page is missing. Throws when it does not begin as an LMDB file does. */
function expectedBytes(folder: string): number {
  const path = join(folder, 'data.mdb');
  const descriptor = openSync(path, 'r');
  try {
    const first = metaPage(descriptor, 0, folder);
    const second = metaPage(descriptor, first.pageBytes, folder);
    const newer = second.transaction > first.transaction ? second : first;
    return (newer.lastPage + 1) * first.pageBytes;
  } finally {
    closeSync(descriptor);
  }
}

function metaPage(descriptor: number, at: number, folder: string) {
  const path = join(folder, 'data.mdb');
  const bytes = new DataView(new ArrayBuffer(META_BYTES));
  const read = readSync(descriptor, bytes, 0, META_BYTES, at);
  const little = endianness() === 'LE';
  const isMeta = (bytes.getUint16(AT.flags, little) & META_PAGE) !== 0;
  const pageBytes = bytes.getUint32(AT.pageSize, little);
  const isPageSize = pageBytes >= PAGE_BYTES_MIN && pageBytes <= PAGE_BYTES_MAX;
  if (read < META_BYTES || !isMeta || !isPageSize || bytes.getUint32(AT.magic, little) !== MAGIC) {
    const advice = isFounding(folder) ? `: ${foundingAdvice(folder)}` : '';
    throw new JournalError('damaged', `${path} is damaged: it does not begin as an LMDB file does${advice}`);
  }
  const version = bytes.getUint32(AT.version, little) & 0xffff;
  if (version !== LMDB_VERSION) throw newerVersion(`${path}, an LMDB file,`, version, { known: LMDB_VERSION });
  const number = (offset: number) => Number(bytes.getBigUint64(offset, little));
  return { pageBytes, lastPage: number(AT.lastPage), transaction: number(AT.transaction) };
}

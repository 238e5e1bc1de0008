import { brotliDecompressSync } from 'node:zlib';
import type { StoredRecord } from '../../src/journal/journal.js';
import { pack } from './pack.js';

/** Bytes of the length before every record. */
const LENGTH_BYTES = 4;

/**
 * Records from revision 1 on as one compressed file: of each its length, 4 bytes big-endian, and its bytes as they stand in
 * the journal, checksum included. Unlike LMDB's file it is the same on every architecture.
 */
export function packRecords(records: Iterable<StoredRecord>): Buffer {
  const parts: Uint8Array[] = [];
  for (const { bytes } of records) {
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt32BE(bytes.length);
    parts.push(length, bytes);
  }
  return pack(Buffer.concat(parts));
}

/** The records of such a file. Throws when it is cut short. */
export function unpackRecords(file: Uint8Array): StoredRecord[] {
  const bytes = brotliDecompressSync(file);
  const records: StoredRecord[] = [];
  for (let at = 0; at < bytes.length; ) {
    const begin = at + LENGTH_BYTES;
    const end = begin + bytes.readUInt32BE(at);
    if (end > bytes.length) throw new Error(`record ${records.length + 1} is cut short`);
    records.push({ revision: records.length + 1, bytes: bytes.subarray(begin, end) });
    at = end;
  }
  return records;
}

import { expect } from '@jest/globals';
import { FrameKind, seal } from '../../src/journal/format/frame.js';
import { decodeRecord, encodeRecord } from '../../src/journal/format/record.js';
import { type Journal, JournalError, type StoredRecord } from '../../src/journal/journal.js';
import { commandAt } from './workload.js';

/** Records of a run of revisions. */
export function records(from: number, to: number): StoredRecord[] {
  return Array.from({ length: to - from + 1 }, (_, at) => encodeRecord(from + at, commandAt(from + at)));
}

/** The stored records after a revision. */
export async function stored(journal: Pick<Journal, 'read'>, after: number): Promise<StoredRecord[]> {
  const list: StoredRecord[] = [];
  for await (const slice of journal.read(after)) {
    for (const { revision, bytes } of slice) list.push({ revision, bytes: Buffer.from(bytes) });
  }
  return list;
}

/** Their revisions. */
export async function revisionsAfter(journal: Pick<Journal, 'read'>, after: number): Promise<number[]> {
  return (await stored(journal, after)).map(({ revision }) => revision);
}

/** Reads as a server would: the first record that is not right ends it. */
export async function decodedUntilError(journal: Journal, after: number) {
  const revisions: number[] = [];
  try {
    for await (const slice of journal.read(after)) {
      for (const record of slice) {
        decodeRecord(record);
        revisions.push(record.revision);
      }
    }
  } catch (error) {
    if (!(error instanceof JournalError)) throw error;
    return { revisions, kind: error.kind, revision: error.revision };
  }
  return { revisions };
}

/** A broken invariant is an error, but none of those that a disk can be blamed for. */
export async function expectBroken(work: Promise<unknown>): Promise<void> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(Error);
  expect(error).not.toBeInstanceOf(JournalError);
}

/** A snapshot's parts, framed as they have to be, with these texts. */
export async function* parts(revision: number, texts: readonly string[]): AsyncGenerator<Uint8Array> {
  let part = 0;
  for (const text of texts) yield seal(FrameKind.CHUNK, { revision, part: part++ }, Buffer.from(text));
}

/** The texts of a stored snapshot's parts. Throws where one is not what was stored. */
export async function partsOf(journal: Journal, revision: number): Promise<string[]> {
  const texts: string[] = [];
  for await (const bytes of journal.openSnapshot(revision).chunks()) {
    const frame = Buffer.from(bytes);
    const again = seal(FrameKind.CHUNK, { revision, part: texts.length }, frame.subarray(6));
    if (!frame.equals(again)) throw new JournalError('damaged', 'not what was stored', { revision });
    texts.push(frame.toString('latin1', 6));
  }
  return texts;
}

/** Parts of which the last comes only when the test says so, if at all. */
export function heldBack(revision: number, texts: readonly string[]) {
  let goOn = () => {};
  let fail = (_: Error) => {};
  const gate = new Promise<void>((resolve, reject) => {
    goOn = resolve;
    fail = reject;
  });
  async function* chunks() {
    for await (const part of parts(revision, texts)) {
      if (part.at(-1) === texts.at(-1)?.charCodeAt(0)) await gate;
      yield part;
    }
  }
  return { chunks: chunks(), goOn, fail };
}

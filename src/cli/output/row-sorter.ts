import { codeOf } from '../../base/errors.js';
import type { ScratchFile } from '../../base/scratch-file.js';
import { Failure } from '../surroundings.js';

/** What decides where a row belongs. */
export type SortKey = string | number;

/** A row to be sorted: its key, and itself as JSON. */
export interface SortRow {
  readonly key: SortKey;
  readonly json: string;
}

/** What {@link sortRows} stands on. */
export interface SortDeps {
  readonly compare: (one: SortKey, other: SortKey) => number;
  readonly openScratch: () => ScratchFile;
  /** Rows of so many bytes are sorted in memory, and written down as a run when there are more. */
  readonly runBytes?: number;
}

/** Some 10,000 rows of an ordinary list. Larger runs are promoted to V8's old generation, which then grows by more than they are. */
const RUN_BYTES = 2 * 1024 ** 2;
/** What is held of all runs together in a merge, and of one at most: it grows for a row that is longer. */
const READ_BYTES_IN_ALL = 4 * 1024 ** 2;
const READ_BYTES_MAX = 64 * 1024;
/**
 * Runs that are merged at once: of each, one row at least is in memory, however long it is. A million rows of an ordinary list
 * are no more; of more runs, so many at a time are merged to one before.
 */
const MERGED_RUNS_MAX = 128;
const WRITE_BYTES = 64 * 1024;
/** Both are in JSON only escaped. */
const TAB = '\t';
const LINE_END = '\n'.charCodeAt(0);

/**
 * Yields rows in the order of their keys, equal ones in the order in which they came. Holds a bounded part of them: runs are sorted
 * in memory, written to a scratch file, and merged.
 */
export async function* sortRows(rows: AsyncIterable<SortRow>, deps: SortDeps): AsyncGenerator<string> {
  const { compare, openScratch, runBytes = RUN_BYTES } = deps;
  let runs: StoredRuns | undefined;
  const held = new HeldRows(runBytes, compare);
  try {
    for await (const row of rows) {
      const line = lineOf(row);
      if (!held.hasRoomFor(line)) {
        runs ??= new StoredRuns(openScratch);
        runs.add(held.take());
      }
      held.add(row.key, line);
    }
    const last = rowsOf(held.take());
    runs?.reduce(compare);
    for (const { json } of runs === undefined ? last : merge([...runs.readers(), last], compare)) yield json;
  } finally {
    runs?.close();
  }
}

function lineOf({ key, json }: SortRow): string {
  return `${JSON.stringify(key)}${TAB}${json}\n`;
}

function rowOf(line: string): SortRow {
  const at = line.indexOf(TAB);
  return { key: JSON.parse(line.slice(0, at)), json: line.slice(at + 1) };
}

function* rowsOf(lines: Iterable<Uint8Array>): Generator<SortRow> {
  for (const bytes of lines) yield rowOf(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length - 1).toString());
}

/** The rows of one run, packed: as objects they would take several times as much. */
class HeldRows {
  #bytes: Buffer;
  #used = 0;
  #keys: SortKey[] = [];
  /** Where each row begins, and where the last one ends. */
  #starts = [0];
  readonly #compare: (one: SortKey, other: SortKey) => number;

  constructor(size: number, compare: (one: SortKey, other: SortKey) => number) {
    this.#bytes = Buffer.allocUnsafe(size);
    this.#compare = compare;
  }

  /** Whether a row can be added. To nothing it always can: a row that is larger than a run is one of its own. */
  hasRoomFor(line: string): boolean {
    return this.#used === 0 || this.#used + Buffer.byteLength(line) <= this.#bytes.length;
  }

  add(key: SortKey, line: string): void {
    const length = Buffer.byteLength(line);
    if (length > this.#bytes.length - this.#used) this.#bytes = Buffer.allocUnsafe(length);
    this.#used += this.#bytes.write(line, this.#used);
    this.#keys.push(key);
    this.#starts.push(this.#used);
  }

  /** Its lines in order. They are good until the next row is added. */
  take(): Uint8Array[] {
    const [keys, starts, bytes] = [this.#keys, this.#starts, this.#bytes];
    const order = [...keys.keys()].sort((one, other) => this.#compare(keys[one], keys[other]));
    this.#keys = [];
    this.#starts = [0];
    this.#used = 0;
    return order.map((at) => bytes.subarray(starts[at], starts[at + 1]));
  }
}

/** Sorted runs in a scratch file. */
class StoredRuns {
  readonly #openScratch: () => ScratchFile;
  #scratch: ScratchFile;
  /** Where each run ends. */
  #ends: number[] = [];
  readonly #out = Buffer.allocUnsafe(WRITE_BYTES);

  constructor(openScratch: () => ScratchFile) {
    this.#openScratch = openScratch;
    this.#scratch = opened(openScratch);
  }

  add(lines: Iterable<Uint8Array>): void {
    try {
      this.#append(lines);
    } catch (error) {
      throw noScratch(error, this.#scratch.folder);
    }
    this.#ends.push(this.#scratch.size);
  }

  #append(lines: Iterable<Uint8Array>): void {
    let used = 0;
    for (const line of lines) {
      if (used + line.length > WRITE_BYTES) {
        this.#scratch.append(this.#out.subarray(0, used));
        used = 0;
      }
      if (line.length > WRITE_BYTES) this.#scratch.append(line);
      else {
        this.#out.set(line, used);
        used += line.length;
      }
    }
    this.#scratch.append(this.#out.subarray(0, used));
  }

  /** Merges neighbours into longer runs, in another scratch file, until no more are left than can be merged at once. */
  reduce(compare: SortDeps['compare']): void {
    while (this.#ends.length > MERGED_RUNS_MAX) {
      const [former, ends] = [this.#scratch, this.#ends];
      this.#scratch = opened(this.#openScratch);
      this.#ends = [];
      try {
        for (let run = 0; run < ends.length; run += MERGED_RUNS_MAX) {
          this.add(linesOf(merge(readRuns(former, ends, run, run + MERGED_RUNS_MAX), compare)));
        }
      } finally {
        former.close();
      }
    }
  }

  /** No more than can be merged at once. */
  readers(): Iterator<SortRow>[] {
    return readRuns(this.#scratch, this.#ends, 0, this.#ends.length);
  }

  close(): void {
    this.#scratch.close();
  }
}

function opened(openScratch: () => ScratchFile): ScratchFile {
  try {
    return openScratch();
  } catch (error) {
    throw noScratch(error);
  }
}

function* linesOf(rows: Iterable<SortRow>): Generator<Uint8Array> {
  for (const row of rows) yield Buffer.from(lineOf(row));
}

/** Reads some of the runs that end where `ends` says. */
function readRuns(scratch: ScratchFile, ends: readonly number[], first: number, behind: number): Iterator<SortRow>[] {
  const some = ends.slice(first, behind);
  const bytes = Math.min(READ_BYTES_MAX, Math.floor(READ_BYTES_IN_ALL / some.length));
  return some.map((to, at) => readRun(scratch, { from: ends[first + at - 1] ?? 0, to, bytes }));
}

function noScratch(error: unknown, folder?: string): unknown {
  if (codeOf(error) === undefined) return error;
  const where = folder === undefined ? '' : ` in ${folder}`;
  const why = error instanceof Error ? error.message : String(error);
  return new Failure(`so many rows are sorted with a temporary file${where}: ${why}`, [
    'TMPDIR names another folder for it. Without --sort none is needed',
  ]);
}

/** Reads a run line by line: what is read ahead stays bytes, so that only one row of each run is an object. */
function* readRun(scratch: ScratchFile, run: { from: number; to: number; bytes: number }): Generator<SortRow> {
  let bytes = Buffer.allocUnsafe(run.bytes);
  let [start, end, at] = [0, 0, run.from];
  for (;;) {
    const lineEnd = bytes.subarray(0, end).indexOf(LINE_END, start);
    if (lineEnd >= 0) {
      yield rowOf(bytes.toString('utf8', start, lineEnd));
      start = lineEnd + 1;
      continue;
    }
    if (at === run.to) return;
    const isLong = end - start === bytes.length;
    const next = isLong ? Buffer.allocUnsafe(2 * bytes.length) : bytes;
    end = bytes.copy(next, 0, start, end);
    [bytes, start] = [next, 0];
    const count = Math.min(bytes.length - end, run.to - at);
    scratch.read(bytes.subarray(end, end + count), at);
    [end, at] = [end + count, at + count];
  }
}

/** Where a merge stands in one of its runs. */
interface Head {
  row: SortRow;
  readonly run: number;
  readonly rest: Iterator<SortRow>;
}

/** Merges sorted runs; of equal rows that of the earlier run comes first. The heads are a binary heap. */
function* merge(runs: readonly Iterator<SortRow>[], compare: SortDeps['compare']): Generator<SortRow> {
  const isBefore = (one: Head, other: Head) => (compare(one.row.key, other.row.key) || one.run - other.run) < 0;
  const heap: Head[] = [];
  for (const [run, rest] of runs.entries()) {
    const { value, done } = rest.next();
    if (done !== true) heap.push({ row: value, run, rest });
  }
  for (let at = heap.length >> 1; at >= 0; at--) sink(heap, at, isBefore);
  while (heap.length > 0) {
    const [first] = heap;
    yield first.row;
    const { value, done } = first.rest.next();
    if (done !== true) first.row = value;
    else {
      const last = heap.pop();
      if (last !== undefined && heap.length > 0) heap[0] = last;
    }
    sink(heap, 0, isBefore);
  }
}

/** Moves an entry of a heap down to where it belongs. */
function sink<Entry>(heap: Entry[], from: number, isBefore: (one: Entry, other: Entry) => boolean): void {
  for (let at = from; ; ) {
    let least = at;
    for (const child of [2 * at + 1, 2 * at + 2]) {
      if (child < heap.length && isBefore(heap[child], heap[least])) least = child;
    }
    if (least === at) return;
    [heap[at], heap[least]] = [heap[least], heap[at]];
    at = least;
  }
}

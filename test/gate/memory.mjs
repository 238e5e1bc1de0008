import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Names the folder into which each process that runs tests writes what memory it took. */
export const MEMORY_FOLDER = 'GATE_MEMORY_FOLDER';
/** What such a process may take. A test that runs away took 22 GB before anybody looked. */
export const WORKER_BYTES_MAX = 1_024 * 1_048_576;

/** Below this garbage of a process that runs tests may lie. */
const COLLECT_ABOVE_BYTES = 512 * 1_048_576;
/** So much more than was left the last time it is collected again: it takes a third of a second. */
const COLLECT_EACH_BYTES = 128 * 1_048_576;
const LOOK_MS = 1_000;

/**
 * Collects the garbage of a process that runs tests, while a test file runs and after it. V8 goes by the memory of the machine: with 24 GiB
 * it let 1,071 MiB grow of which a quarter was garbage, and Node 22 1,189 in one long file.
 */
export class GarbageWatch {
  #above;
  #each;

  constructor(above = COLLECT_ABOVE_BYTES, each = COLLECT_EACH_BYTES) {
    this.#above = above;
    this.#each = each;
  }

  /** Collects what nothing refers to any more, if this process has grown enough. Returns whether it did. */
  look() {
    if (process.memoryUsage.rss() <= this.#above) return false;
    collect ??= garbageCollector();
    collect();
    this.#above = Math.max(this.#above, process.memoryUsage.rss() + this.#each);
    return true;
  }

  /** Looks each second. Returns what ends that. */
  start() {
    const timer = setInterval(() => this.look(), LOOK_MS);
    timer.unref();
    return () => clearInterval(timer);
  }
}

let collect;

/** V8's own, as `node --expose-gc` has it, without showing it to the contexts that tests run in. */
function garbageCollector() {
  setFlagsFromString('--expose-gc');
  const found = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  return found;
}

/** Resident memory of this process at its highest since it was started. */
export function peakBytes() {
  // Linux hands getrusage's figure on from the process that started this one, so it is the kernel's own that counts there.
  try {
    const found = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'));
    if (found !== null) return Number(found[1]) * 1_024;
  } catch {
    // No /proc: not Linux.
  }
  return process.resourceUsage().maxRSS * 1_024;
}

/** What the processes of a run took: each one's highest, and the test file that took it there. */
export async function readPeaks(folder) {
  const names = await readdir(folder);
  return Promise.all(names.map(async (name) => JSON.parse(await readFile(join(folder, name), 'utf8'))));
}

/** Holds the processes of a run to what one may take. A run of which nothing is known fails. */
export function judgePeaks(peaks) {
  if (peaks.length === 0) return { ok: false, said: 'the memory of no worker was measured' };
  const mebibytes = (bytes) => Math.round(bytes / 1_048_576);
  const byMost = [...peaks].sort((a, b) => b.bytes - a.bytes);
  const line = ({ bytes, file }) => `${mebibytes(bytes)} MiB, in ${file}`;
  const note = `${peaks.length} workers, the highest ${line(byMost[0])}; ${mebibytes(WORKER_BYTES_MAX)} MiB are allowed`;
  const above = byMost.filter(({ bytes }) => bytes > WORKER_BYTES_MAX);
  if (above.length === 0) return { ok: true, note };
  return { ok: false, note, said: `above ${mebibytes(WORKER_BYTES_MAX)} MiB:\n${above.map(line).join('\n')}` };
}

import { type Config, IN_MEMORY } from '../../config/options.js';
import type { Journal } from '../../journal/journal.js';
import { LmdbJournal } from '../../journal/storage/lmdb.js';
import { MemoryJournal } from '../../journal/storage/memory.js';
import { LocalLog } from '../../log/local.js';
import type { SharedLog, Term } from '../../log/shared-log.js';

/** What a log is opened with. */
export interface OpenTermDeps {
  /** Instead of the journal that the options name: the server closes it. */
  readonly journal?: Journal | undefined;
  /** Instead of the log that the options name. */
  readonly sharedLog?: SharedLog | undefined;
  /** Gives up waiting for another server that leads. */
  readonly signal?: AbortSignal | undefined;
}

/** The right to append to the journal that the options name, and to what it stands in. */
export interface OpenedTerm {
  readonly term: Term;
  /** Gives the term back and lets go of the log. Again and again the same. */
  close(): Promise<void>;
}

/** Opens the log that the options name and wins a term of it: at once, but where another server leads a shared one. */
export async function openTerm(config: Config, deps: OpenTermDeps): Promise<OpenedTerm> {
  const shared = openLog(config, deps);
  try {
    const term = await shared.lead(deps.signal);
    let closed: Promise<void> | undefined;
    return { term, close: () => (closed ??= term.resign().finally(() => shared.close())) };
  } catch (error) {
    await shared.close();
    throw error;
  }
}

function openLog(config: Config, deps: OpenTermDeps): SharedLog {
  const { journal: given, sharedLog } = deps;
  const { data } = config;
  if (sharedLog !== undefined) return sharedLog;
  if (given !== undefined) return new LocalLog(async () => given);
  return new LocalLog(async () => (data === IN_MEMORY ? new MemoryJournal() : LmdbJournal.open(data)));
}

import { Format } from './format/frame.js';
import { JournalError } from './journal.js';
import { PROBLEMS_MAX } from './limits.js';

/** Something that is not as it was written. */
export interface Problem {
  readonly kind: JournalError['kind'];
  /** The record, or the snapshot, that it is about. */
  readonly revision: number;
  /** For people. */
  readonly message: string;
}

/** What is wrong, as far as it is listed, and up to which revision anything is. */
export class Problems {
  count = 0;
  last = 0;
  isNewer = false;
  /** Whether a snapshot and a replay are two states. */
  isAtOdds = false;
  private readonly list: Problem[] = [];

  add(problem: Problem): void {
    this.count++;
    this.last = Math.max(this.last, problem.revision);
    this.isNewer ||= problem.kind === 'version';
    this.isAtOdds ||= problem.kind === 'differs';
    if (this.list.length < PROBLEMS_MAX) this.list.push(problem);
  }

  listed(): readonly Problem[] {
    return this.list.sort((x, y) => x.revision - y.revision);
  }
}

/** What an error of a journal says of a revision. Any other is thrown again. */
export function journalProblemOf(error: unknown): Problem {
  if (!(error instanceof JournalError) || error.revision === undefined) throw error;
  return { kind: error.kind, revision: error.revision, message: error.message };
}

/** The newest whole snapshot after which nothing is wrong, where there is one and something is wrong. */
export function repairable(
  snapshots: readonly { readonly revision: number; readonly whole: boolean }[],
  problems: Problems,
): number | undefined {
  if (problems.count === 0 || problems.isNewer) return undefined;
  const newest = snapshots.at(-1);
  return newest?.whole && newest.revision >= problems.last ? newest.revision : undefined;
}

/** What to do where only further networks are damaged. */
export const NETWORKS_ADVICE =
  'The network default is as it was written, and a server starts without those that are damaged. Restore a backup of the whole folder, or ' +
  'start the server and drop them.';
const ODDS_ADVICE = {
  old:
    'Check again with the limits that the server ran with, as in --limits-of-format-1 sessions-max=50, and start the server with the ' +
    'same. If none fit, copy the folder and run switchyard journal repair: what lies before the newest snapshot is forgotten.',
  now:
    'Copy the folder, and start the release that ran before on the copy: it may replay the commands as they were first applied. ' +
    'Report this. switchyard journal repair takes the newest snapshot for the truth, and forgets what lies before it.',
};

/** What to do, for people. */
export function advice(problems: Problems, repairableAt: number | undefined, format: number): string {
  if (problems.count === 0) return 'Everything is as it was written.';
  if (problems.isNewer) return 'A newer version wrote here: start that version again, or restore a backup.';
  if (problems.isAtOdds) return ODDS_ADVICE[format === Format.FIRST ? 'old' : 'now'];
  if (repairableAt === undefined) {
    return 'Restore a backup of the whole folder. Keep this one: all before the first problem can still be dumped.';
  }
  return (
    `The snapshot at revision ${repairableAt} is whole, and so is everything after it. Copy the folder, then run ` +
    'switchyard journal repair: what lies before that snapshot is forgotten, and no state is lost.'
  );
}

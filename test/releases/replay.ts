import { apply } from '../../src/core/decide/apply.js';
import { isFault } from '../../src/core/model/fault.js';
import type { Limits } from '../../src/core/model/limits.js';
import { State } from '../../src/core/store/state.js';
import { decodeRecord } from '../../src/journal/format/record.js';
import type { StoredRecord } from '../../src/journal/journal.js';
import { digestOf } from './digest.js';

/** Commands from one digest to the next. */
const DIGEST_EVERY = 1_000;

/** What came of replaying a journal. */
export interface Replayed {
  readonly state: State;
  readonly digests: Record<string, string>;
  readonly kinds: Record<string, number>;
  /** Commands that were stored and refused when they were applied, by reason. */
  readonly refused: Record<string, number>;
}

/**
 * Applies every record in order, and takes digests on the way: after every 1,000 commands (or `digestEvery`) and after the
 * last. `onApplied` is awaited after each command. `format` decides what of a state is in its digests.
 */
export async function replay(
  records: readonly StoredRecord[],
  limits: Limits,
  onApplied?: (record: StoredRecord, state: State) => Promise<void>,
  { format = 1, digestEvery = DIGEST_EVERY } = {},
): Promise<Replayed> {
  const state = new State(limits);
  const digests: Record<string, string> = {};
  const kinds: Record<string, number> = {};
  const refused: Record<string, number> = {};
  for (const record of records) {
    const command = decodeRecord(record);
    const applied = apply(state, command);
    count(kinds, command.kind);
    if (isFault(applied)) count(refused, applied.reason);
    await onApplied?.(record, state);
    if (state.revision % digestEvery === 0 || state.revision === records.length)
      digests[state.revision] = digestOf(state, format);
  }
  return { state, digests, kinds, refused };
}

function count(counts: Record<string, number>, what: string): void {
  counts[what] = (counts[what] ?? 0) + 1;
}

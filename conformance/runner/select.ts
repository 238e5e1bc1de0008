import type { Case } from './case.js';
import type { TesteePlan } from './testee.js';

/** What a run is narrowed to. */
export interface Selection {
  /** A part of a testee's name. */
  readonly testee?: string | undefined;
  /** A part of a case's name. */
  readonly case?: string | undefined;
}

/**
 * The testees and the cases whose names contain what was asked for, in either case of letters. Throws, with the names that there
 * are, when none does: a run of nothing would pass.
 */
export function select(plans: readonly TesteePlan[], cases: readonly Case[], wanted: Selection) {
  return { plans: named('testee', plans, wanted.testee), cases: named('case', cases, wanted.case) };
}

function named<Named extends { readonly name: string }>(kind: string, all: readonly Named[], part: string | undefined) {
  if (part === undefined) return all;
  const found = all.filter(({ name }) => name.toLowerCase().includes(part.toLowerCase()));
  if (found.length > 0) return found;
  throw new Error([`--${kind} ${part}: there is no such ${kind}, only:`, ...all.map(({ name }) => name)].join('\n  '));
}

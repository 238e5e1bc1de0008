import type { AttachedElsewhere } from '../replica/attached-elsewhere.js';
import { ELSEWHERE_MAX } from './limits.js';
import type { ElsewhereReport } from './peers.js';

/**
 * Changes that wait for one follower, some MiB of numbers. With more, the list of all begins anew, which takes less room, but in which
 * an end shows only when all were named: so it is far above what one message takes.
 */
export const CHANGED_MAX = 262_144;

/** What {@link ElsewhereReports} stand on. `F`: a follower. */
export interface ElsewhereReportsDeps<F> {
  /** The sessions that are attached at this server, the one that leads. */
  readonly sids: () => Iterable<number>;
  readonly isHere: (sid: number) => boolean;
  /** The follower that a session is attached at. */
  readonly holderOf: (sid: number) => F | undefined;
  /** What this server knows of the others. */
  readonly elsewhere: Pick<AttachedElsewhere, 'isAwaited' | 'sids'>;
}

/** What one follower has yet to be told. */
interface Unreported {
  /** Nothing was told over this link. */
  isFirst: boolean;
  /** What is left of all; undefined: all was told. */
  rest: Iterator<number> | undefined;
  /** Whether the follower knows that it was told all. */
  isWhole: boolean;
  /** Sessions of which something has changed since. */
  changed: Set<number>;
}

/**
 * What a leader tells each follower of sessions that are attached at other servers: over each link first all of them, then what has
 * changed. What a report says of a session holds when it is sent, so one that has moved meanwhile has not left.
 */
export class ElsewhereReports<F> {
  readonly #deps: ElsewhereReportsDeps<F>;
  readonly #unreported = new Map<F, Unreported>();

  constructor(deps: ElsewhereReportsDeps<F>) {
    this.#deps = deps;
  }

  /** Whether or where a session is attached has changed, or it has ended. */
  changed(sid: number): void {
    for (const [follower, { changed }] of this.#unreported) {
      changed.add(sid);
      if (changed.size > CHANGED_MAX) this.#begin(follower);
    }
  }

  /** A follower is gone. */
  left(follower: F): void {
    this.#unreported.delete(follower);
  }

  /** Takes the next part for a follower. `mayBeWhole`: the leader knows of all servers, so that what it does not name is attached nowhere. */
  take(follower: F, mayBeWhole: boolean): ElsewhereReport {
    const unreported = this.#unreported.get(follower) ?? this.#begin(follower);
    const begins = unreported.isFirst;
    unreported.isFirst = false;
    const changed = takeSome(unreported.changed.values(), ELSEWHERE_MAX).sids;
    for (const sid of changed) unreported.changed.delete(sid);
    const all: readonly number[] = this.#takeRest(unreported);
    const isElsewhere = (sid: number) => this.#isElsewhere(follower, sid);
    // What only a waiting change names would be taken for gone. One message takes more than comes between two of them, so they end.
    const isAllTold = unreported.rest === undefined && unreported.changed.size === 0;
    const ends = mayBeWhole && !unreported.isWhole && isAllTold;
    if (ends) unreported.isWhole = true;
    return {
      ...{ begins, ends },
      attached: [...all, ...changed].filter(isElsewhere),
      detached: changed.filter((sid) => !isElsewhere(sid)),
    };
  }

  #begin(follower: F): Unreported {
    const fresh = { isFirst: true, rest: this.#all(), isWhole: false, changed: new Set<number>() };
    this.#unreported.set(follower, fresh);
    return fresh;
  }

  #takeRest(unreported: Unreported): number[] {
    if (unreported.rest === undefined) return [];
    const { sids, isDone } = takeSome(unreported.rest, ELSEWHERE_MAX);
    if (isDone) unreported.rest = undefined;
    return sids;
  }

  *#all(): Generator<number> {
    yield* this.#deps.sids();
    yield* this.#deps.elsewhere.sids();
  }

  #isElsewhere(follower: F, sid: number): boolean {
    const { isHere, holderOf, elsewhere } = this.#deps;
    if (isHere(sid)) return true;
    const holder = holderOf(sid);
    return holder === undefined ? elsewhere.isAwaited(sid) : holder !== follower;
  }
}

/** The next of them, `max` at most, and whether these are the last. The rest can be taken later. */
function takeSome(from: Iterator<number>, max: number): { readonly sids: number[]; readonly isDone: boolean } {
  const sids: number[] = [];
  while (sids.length < max) {
    const { value, done } = from.next();
    if (done) return { sids, isDone: true };
    sids.push(value);
  }
  return { sids, isDone: false };
}

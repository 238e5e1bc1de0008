/**
 * Where the way to the peer stands, of a connection that may move from its first carrier to a direct path.
 *
 * - `first`: on the first carrier.
 * - `moving`: MOVED is being said there.
 * - `direct`: on the direct path; nothing more is said on the first carrier.
 * - `ending`, `movingToEnd`: it is to end, after what is being written, and after MOVED is said.
 * - `ended`, `directEnded`: its end is said, on the first carrier or on the direct path.
 */
export type OutState = 'first' | 'moving' | 'direct' | 'ending' | 'movingToEnd' | 'ended' | 'directEnded';

/**
 * What can happen to it.
 *
 * - `leave`: it begins to move.
 * - `moved`: MOVED was said.
 * - `finish`: this end has no more to write.
 * - `said`: that was said on the first carrier.
 */
export type OutEvent = (typeof OUT_EVENTS)[number];

const OUT_EVENTS = ['leave', 'moved', 'finish', 'said'] as const;

type OutCell = OutState | '·';

/** Every state × every event; `·` stays where it is. A way that is to end does not begin to move. */
// biome-ignore format: a table is read by its columns.
const OUT_TABLE: Readonly<Record<OutState, readonly [OutCell, OutCell, OutCell, OutCell]>> = {
  //            leave     moved          finish         said
  first:       ['moving', '·',           'ending',      '·'],
  moving:      ['·',      'direct',      'movingToEnd', '·'],
  direct:      ['·',      '·',           'directEnded', '·'],
  ending:      ['·',      '·',           '·',           'ended'],
  movingToEnd: ['·',      'directEnded', '·',           'ended'],
  ended:       ['·',      '·',           '·',           '·'],
  directEnded: ['·',      '·',           '·',           '·'],
};

/** Where an event leads the way to the peer. */
export function nextOut(state: OutState, event: OutEvent): OutState {
  const cell = OUT_TABLE[state][OUT_EVENTS.indexOf(event)];
  return cell === '·' ? state : cell;
}

/** Where the way from the peer stands: on the first carrier, on the direct path, or ended on either. */
export type InState = 'first' | 'direct' | 'ended' | 'directEnded';

/** What can happen to it: the peer has said MOVED, or that its way ends. */
export type InEvent = 'moved' | 'ended';

const IN_TABLE: Readonly<Record<InState, Readonly<Record<InEvent, InState>>>> = {
  first: { moved: 'direct', ended: 'ended' },
  direct: { moved: 'direct', ended: 'directEnded' },
  ended: { moved: 'ended', ended: 'ended' },
  directEnded: { moved: 'directEnded', ended: 'directEnded' },
};

/** Where an event leads the way from the peer. */
export function nextIn(state: InState, event: InEvent): InState {
  return IN_TABLE[state][event];
}

/** Where the way to the peer stands on a carrier that has taken the place of all before: `isSaid`, its end had been said before. */
export function returnedOut(out: OutState, isSaid: boolean): OutState {
  if (!isEnding(out)) return 'first';
  return isSaid ? 'ended' : 'ending';
}

/** The same of the way from the peer. */
export function returnedIn(into: InState): InState {
  return hasEnded(into) ? 'ended' : 'first';
}

/** Whether this end's way has ended, or is to. */
export function isEnding(out: OutState): boolean {
  return out !== 'first' && out !== 'moving' && out !== 'direct';
}

/** Whether the peer's way has ended. */
export function hasEnded(into: InState): boolean {
  return into === 'ended' || into === 'directEnded';
}

/** Whether nothing more is said on the first carrier by either end, and at least one way has moved: then it is left. */
export function hasLeftFirst(into: InState, out: OutState): boolean {
  const hasMoved = into === 'direct' || into === 'directEnded' || out === 'direct' || out === 'directEnded';
  return hasMoved && into !== 'first' && (out === 'direct' || out === 'directEnded' || out === 'ended');
}

import type { LinkType } from './command.js';
import { type Graph, slotOfFar, typeOfFar } from './graph.js';

const NONE = -1;

/** One side of the search: the nodes reached from one end, in the order in which they were reached. */
class Side {
  /** Slots in that order; the frontier is from `done` to the end. */
  readonly reached: number[] = [];
  done = 0;
  /** Links that widening the frontier would walk along: what the next step costs. */
  cost = 0;
  private readonly from = new Map<number, number>();

  constructor(
    private readonly graph: Graph,
    start: number,
  ) {
    this.reach(start, NONE);
  }

  has(slot: number): boolean {
    return this.from.has(slot);
  }

  /** Notes a node that was not reached before. */
  reach(slot: number, from: number): void {
    this.from.set(slot, from);
    this.reached.push(slot);
    this.cost += this.graph.degreeAt(slot);
  }

  /** The slots from a node back to this side's end. */
  backFrom(slot: number): number[] {
    const slots: number[] = [];
    for (let at = slot; at !== NONE; at = this.from.get(at)!) slots.push(at);
    return slots;
  }
}

/**
 * A path with the fewest links between two nodes, both included; undefined when nothing connects them. Which of several
 * such paths is not said.
 *
 * Searches from both ends, always where fewer links lie ahead; so a hub with a million links is only walked through when
 * the other side has as many before it. `links` names the types that may be used; empty means all.
 */
export function findPath(
  graph: Graph,
  fromSid: number,
  toSid: number,
  links: readonly LinkType[],
): number[] | undefined {
  const start = graph.slotOf(fromSid);
  const end = graph.slotOf(toSid);
  if (start === NONE || end === NONE) return undefined;
  if (start === end) return [fromSid];
  const allowed = links.length === 0 ? 0xff : links.reduce<number>((mask, link) => mask | (1 << link), 0);
  const near = new Side(graph, start);
  const far = new Side(graph, end);
  for (;;) {
    if (near.done === near.reached.length || far.done === far.reached.length) return undefined;
    const [side, other] = near.cost <= far.cost ? [near, far] : [far, near];
    const meeting = widen(graph, side, other, allowed);
    if (meeting !== undefined) {
      const slots = [...near.backFrom(meeting).reverse(), ...far.backFrom(meeting).slice(1)];
      return slots.map((slot) => graph.sidAt(slot));
    }
  }
}

/** Walks one layer further. Answers with the node in which the two sides meet, if they do. */
function widen(graph: Graph, side: Side, other: Side, allowed: number): number | undefined {
  const layerEnd = side.reached.length;
  side.cost = 0;
  for (; side.done < layerEnd; side.done++) {
    const slot = side.reached[side.done];
    for (let half = graph.firstHalf(slot); half !== NONE; half = graph.halfAfter(half)) {
      const far = graph.far(half);
      if ((allowed & (1 << typeOfFar(far))) === 0) continue;
      const peer = slotOfFar(far);
      if (side.has(peer)) continue;
      side.reach(peer, slot);
      if (other.has(peer)) return peer;
    }
  }
  return undefined;
}

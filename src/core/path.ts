import type { LinkType } from './command.js';
import type { Graph } from './graph.js';

/** One side of the search: the nodes reached from one end, in the order they were reached. */
class Side {
  /** Slots in the order they were reached; the frontier is from `done` to the end. */
  readonly reached: number[];
  readonly from = new Map<number, number>();
  done = 0;

  constructor(start: number) {
    this.reached = [start];
    this.from.set(start, -1);
  }

  /** From a node back to this side's end. */
  trail(slot: number): number[] {
    const slots: number[] = [];
    for (let at = slot; at !== -1; at = this.from.get(at)!) slots.push(at);
    return slots;
  }
}

/**
 * A path with the fewest links between two nodes, both included; undefined when nothing connects them.
 *
 * Searches from both ends, always widening the smaller frontier, so that a hub with a million links is only walked
 * through when both frontiers are larger than that. `links` names the types that may be used; empty means all.
 */
export function findPath(
  graph: Graph,
  fromSid: number,
  toSid: number,
  links: readonly LinkType[],
): number[] | undefined {
  const start = graph.slotOf(fromSid);
  const end = graph.slotOf(toSid);
  if (start === -1 || end === -1) return undefined;
  if (start === end) return [fromSid];
  const allowed = links.length === 0 ? 0xff : links.reduce<number>((mask, link) => mask | (1 << link), 0);
  const near = new Side(start);
  const far = new Side(end);
  for (;;) {
    const nearWidth = near.reached.length - near.done;
    const farWidth = far.reached.length - far.done;
    if (nearWidth === 0 || farWidth === 0) return undefined;
    const [side, other] = nearWidth <= farWidth ? [near, far] : [far, near];
    const meeting = widen(graph, side, other, allowed);
    if (meeting !== undefined) {
      const slots = [...near.trail(meeting).reverse(), ...far.trail(meeting).slice(1)];
      return slots.map((slot) => graph.sids[slot]);
    }
  }
}

/** Walks one layer further. Answers with the node in which the two sides meet, if they do. */
function widen(graph: Graph, side: Side, other: Side, allowed: number): number | undefined {
  const layerEnd = side.reached.length;
  for (; side.done < layerEnd; side.done++) {
    const slot = side.reached[side.done];
    for (let half = graph.head[slot]; half !== -1; half = graph.next[half]) {
      if ((allowed & (1 << graph.types[half >>> 1])) === 0) continue;
      const peer = graph.target[half];
      if (side.from.has(peer)) continue;
      side.from.set(peer, slot);
      if (other.from.has(peer)) return peer;
      side.reached.push(peer);
    }
  }
  return undefined;
}

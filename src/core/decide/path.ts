import type { LinkType } from '../model/link.js';
import type { Graph } from '../store/graph.js';
import { type SlotView, slotOfFar, typeOfFar } from '../store/graph-view.js';
import { ReachedSlots } from '../store/packed/reached-slots.js';

const NONE = -1;

/** One side of the search: the nodes reached from one end, in the order in which they were reached. */
class Side {
  /** Slots in that order; the frontier is from `done` to the end. */
  readonly reached: number[] = [];
  done = 0;
  /** Where the layer ends that is being walked through; equal to `done` between two layers. */
  layerEnd = 0;
  /** The half-link that comes next of the node at `done`; -1 before its first. */
  half = NONE;
  /** Links that widening the frontier would walk along: what the next layer costs. */
  cost = 0;
  readonly #from = new ReachedSlots();
  readonly #start: number;

  constructor(view: SlotView, start: number) {
    this.#start = start;
    this.reach(view, start, start);
  }

  has(slot: number): boolean {
    return this.#from.has(slot);
  }

  /** Notes a node that was not reached before. */
  reach(view: SlotView, slot: number, from: number): void {
    this.#from.add(slot, from);
    this.reached.push(slot);
    this.cost += view.degreeAt(slot);
  }

  /** The slots from a node back to this side's end. */
  backFrom(slot: number): number[] {
    const slots = [slot];
    for (let at = slot; at !== this.#start; slots.push(at)) at = this.#from.get(at);
    return slots;
  }
}

/**
 * The search for a path with the fewest links between two nodes, both included. Which of several such paths is not said.
 *
 * Searches from both ends, always where fewer links lie ahead; so a hub with a million links is only walked through when
 * the other side has as many before it.
 *
 * It is done in steps, so that a search through a million nodes stops nobody. The answer is about the graph as it was when
 * the search was made: one that is not done after a step goes on in a frozen view of that moment. For the same reason the
 * first step is to be taken in the turn in which the search is made.
 */
export class PathSearch {
  readonly #allowed: number;
  #view: SlotView;
  #isFrozen = false;
  readonly #sides: { readonly near: Side; readonly far: Side } | undefined;
  /** The side that is being widened; between two layers, the one that was. */
  #side: Side | undefined;
  #walked = 0;

  /** `links` names the types that may be used; empty means all. */
  constructor(graph: Pick<Graph, 'view' | 'slotOf'>, fromSid: number, toSid: number, links: readonly LinkType[]) {
    this.#allowed = links.length === 0 ? 0xff : links.reduce<number>((mask, link) => mask | (1 << link), 0);
    this.#view = graph.view;
    const start = graph.slotOf(fromSid);
    const end = graph.slotOf(toSid);
    if (start === NONE || end === NONE) return;
    this.#sides = { near: new Side(this.#view, start), far: new Side(this.#view, end) };
  }

  /** How many links it has walked along so far. */
  get walked(): number {
    return this.#walked;
  }

  /**
   * Goes on along as many links at most. Answers with the SIDs of the path, undefined when nothing connects the two nodes,
   * or `more` when it has not come to an end.
   */
  step(linksMax: number): number[] | undefined | 'more' {
    if (this.#sides === undefined) return undefined;
    const { near, far } = this.#sides;
    if (near.has(far.reached[0])) return this.#path(far.reached[0]);
    const until = this.#walked + linksMax;
    for (;;) {
      const side = this.#nextSide(near, far);
      if (side === undefined) return undefined;
      const meeting = this.#widen(side, side === near ? far : near, until);
      if (meeting !== undefined) return this.#path(meeting);
      if (this.#walked >= until) break;
    }
    if (!this.#isFrozen) this.#view = this.#view.freeze();
    this.#isFrozen = true;
    return 'more';
  }

  /** The side in the midst of a layer, or the one whose next layer costs less; undefined when one has no further layer. */
  #nextSide(near: Side, far: Side): Side | undefined {
    const current = this.#side;
    if (current !== undefined && current.done < current.layerEnd) return current;
    if (near.done === near.reached.length || far.done === far.reached.length) return undefined;
    const side = near.cost <= far.cost ? near : far;
    side.layerEnd = side.reached.length;
    side.cost = 0;
    this.#side = side;
    return side;
  }

  /** Walks on through a layer. Answers with the node in which the two sides meet, if they do. */
  #widen(side: Side, other: Side, until: number): number | undefined {
    const view = this.#view;
    const allowed = this.#allowed;
    let walked = this.#walked;
    for (; side.done < side.layerEnd; side.done++) {
      const slot = side.reached[side.done];
      let half = side.half === NONE ? view.firstHalf(slot) : side.half;
      for (; half !== NONE; half = view.halfAfter(half)) {
        if (walked >= until) {
          side.half = half;
          this.#walked = walked;
          return undefined;
        }
        walked++;
        const far = view.far(half);
        if ((allowed & (1 << typeOfFar(far))) === 0) continue;
        const peer = slotOfFar(far);
        if (side.has(peer)) continue;
        side.reach(view, peer, slot);
        if (!other.has(peer)) continue;
        this.#walked = walked;
        return peer;
      }
      side.half = NONE;
    }
    this.#walked = walked;
    return undefined;
  }

  #path(meeting: number): number[] {
    const { near, far } = this.#sides!;
    const slots = [...near.backFrom(meeting).reverse(), ...far.backFrom(meeting).slice(1)];
    return slots.map((slot) => this.#view.sidAt(slot));
  }
}

/** A whole search in one step, as {@link PathSearch} documents it; undefined when nothing connects the two nodes. */
export function findPath(
  graph: Graph,
  fromSid: number,
  toSid: number,
  links: readonly LinkType[],
): number[] | undefined {
  const path = new PathSearch(graph, fromSid, toSid, links).step(Number.POSITIVE_INFINITY);
  if (path === 'more') throw new Error('a search without a bound has not come to an end');
  return path;
}

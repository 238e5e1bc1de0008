import { type GraphChange, GraphModel, type GraphNode } from './graph.js';

/** Nodes and links that came or went and are remembered: an hour of a lively fleet, some 4 MB. */
const CHANGES_MAX = 10_000;

/** Where a node was, as it is drawn. */
export type Place = readonly [x: number, y: number];

/** The graph as it was at a moment, with the places that its nodes have or had. */
export interface PastPicture {
  /** The moment that was asked for. */
  readonly atMs: number;
  /** The last revision before it that changed something; 0: none that is remembered. */
  readonly revision: number;
  readonly model: GraphModel;
  /** By slot of `model`; NaN where a node has none. */
  readonly x: Float32Array;
  readonly y: Float32Array;
}

interface Entry {
  readonly atMs: number;
  readonly revision: number;
  readonly change: GraphChange;
  /** Where those that left had been, by SID. */
  readonly places: ReadonlyMap<number, Place>;
  readonly size: number;
}

/** The page's memory of what has changed, from which it makes the graph as it was, with the page's own clock. */
export class History {
  #entries: Entry[] = [];
  #size = 0;
  #reachMs: number;

  /** It reaches back to `atMs`, when the picture was whole for the first time. */
  constructor(atMs: number) {
    this.#reachMs = atMs;
  }

  /** The earliest moment that is remembered. */
  get reachMs(): number {
    return this.#reachMs;
  }

  /** Remembers a change; `placeOf` says where a node that left had been. What is too much is forgotten, the oldest first. */
  add(
    change: GraphChange,
    at: Pick<Entry, 'atMs' | 'revision'>,
    placeOf: (node: GraphNode) => Place | undefined,
  ): void {
    const size = change.added.length + change.removed.length + change.linked.length + change.unlinked.length;
    if (size === 0) return;
    const places = new Map<number, Place>();
    for (const node of change.removed) {
      const place = placeOf(node);
      if (place !== undefined) places.set(node.sid, place);
    }
    this.#entries.push({ ...at, change, places, size });
    this.#size += size;
    let forgotten = 0;
    while (this.#size > CHANGES_MAX) {
      const oldest = this.#entries[forgotten++]!;
      this.#size -= oldest.size;
      this.#reachMs = oldest.atMs;
    }
    if (forgotten > 0) this.#entries = this.#entries.slice(forgotten);
  }

  /** The graph as it was: the one of now, with everything undone that came later. */
  at(atMs: number, now: GraphModel, placeOf: (node: GraphNode) => Place | undefined): PastPicture {
    const model = new GraphModel();
    model.become(now);
    const places = new Map<number, Place>();
    let left = this.#entries.length;
    for (; left > 0 && this.#entries[left - 1]!.atMs > atMs; left--) {
      const { change, places: gone } = this.#entries[left - 1]!;
      for (const [sid, place] of gone) places.set(sid, place);
      model.undo(change);
    }
    const x = new Float32Array(model.slots.length).fill(Number.NaN);
    const y = new Float32Array(model.slots.length).fill(Number.NaN);
    for (const node of model.nodes.values()) {
      const here = now.nodes.get(node.sid);
      const place = (here?.uuid === node.uuid ? placeOf(here) : undefined) ?? places.get(node.sid);
      if (place !== undefined) [x[node.slot], y[node.slot]] = place;
    }
    return { atMs, revision: this.#entries[left - 1]?.revision ?? 0, model, x, y };
  }
}

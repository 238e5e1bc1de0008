import { Forces } from './forces.js';

/** Between two nodes that wait in the dock. */
const DOCK_STEP = 26;
/** Between the graph and the dock, and the steps in which the dock gives way when the graph grows. */
const DOCK_GAP = 70;
const DOCK_GRID = 120;
/** How far the first layout, and one of a change, go in all. */
const ALPHA = { whole: 1, change: 0.5, least: 0.012 } as const;
/** What is left of alpha after a step: some 200 steps for a whole layout, some 130 for a change. */
const COOLING = 0.978;
/** A node with more links than this stands when a new one comes: its neighbours would all follow it. */
const SETTLED_DEGREE = 2;
/** A step that moves nothing further than this is the last. */
const REST = 0.08;

/** What has changed since the last time. Slots, and in `links` both ends of every link that there is. */
export interface PlacementChange {
  readonly slots: number;
  readonly links: Int32Array;
  readonly gone: Int32Array;
  readonly fresh: Int32Array;
  /** Ends of new links that were there before. */
  readonly relinked: Int32Array;
  /** Remembered places: slot, x, y, and so on. */
  readonly places?: Float32Array;
}

/**
 * Where every node is: those with links by forces, the others in a dock below.
 *
 * Who stands, stands. After the first layout a change moves newcomers, and the ends of their links where these have few
 * others; everything else is as it was, so that a picture that somebody has learnt stays the picture.
 */
export class Placement {
  readonly forces = new Forces();
  #placed = new Uint8Array(0);
  /** The dock's place of each slot, from 1; 0 for a node of the graph. */
  #dock = new Int32Array(0);
  #dockFree: number[] = [];
  #dockLength = 0;
  #dockY = 0;
  #alpha = 0;
  #isFirst = true;

  /** Whether there is nothing to move. */
  get isAtRest(): boolean {
    return this.#alpha === 0;
  }

  /** Takes what has changed. */
  change({ slots, links, gone, fresh, relinked, places }: PlacementChange): void {
    this.#reserve(slots);
    const { forces } = this;
    for (const slot of gone) this.#forget(slot);
    forces.links = links;
    forces.degree.fill(0);
    for (const slot of links) forces.degree[slot]!++;
    for (let at = 0; places !== undefined && at < places.length; at += 3) {
      this.#put(places[at]!, places[at + 1]!, places[at + 2]!);
    }
    const isWhole = this.#isFirst || (this.#alpha > 0 && this.#isWhole);
    if (!isWhole) forces.free.fill(0);
    const moving = this.#sort(fresh, relinked, isWhole);
    if (moving.length > 0 || isWhole) {
      this.#placeNew(moving);
      this.#alpha = Math.max(this.#alpha, this.#warmth(isWhole, places !== undefined));
      this.#isWhole = isWhole;
      // All of them go as far as after a change, or further.
      if (this.#alpha >= ALPHA.change) this.#late.clear();
    }
    if (links.length > 0) this.#isFirst = false;
    this.#dockAll();
  }

  /** Lays everything out anew. */
  anew(): void {
    this.#placed.fill(0);
    this.forces.free.fill(1);
    const all = [...this.forces.used.keys()].filter((slot) => this.forces.used[slot] === 1);
    this.#placeNew(all);
    this.#alpha = ALPHA.whole;
    this.#isWhole = true;
    this.#wholeSize = all.length;
    this.#late.clear();
  }

  /** One step. Answers whether there is another. */
  step(): boolean {
    if (this.#alpha === 0) return false;
    const most = this.forces.step(this.#alpha);
    this.#alpha *= COOLING;
    if (this.#alpha < ALPHA.least || most < REST) {
      this.#layOutLate();
      this.#isWhole = false;
      this.#dockAll();
    }
    return this.#alpha > 0;
  }

  /** At the end of a layout: those that came too late for it have a change of their own, and others stand. */
  #layOutLate(): void {
    this.#alpha = this.#late.size > 0 ? ALPHA.change : 0;
    if (this.#alpha === 0) return;
    this.forces.free.fill(0);
    for (const slot of this.#late) this.forces.free[slot] = 1;
    this.#late.clear();
  }

  #isWhole = true;
  /** Slots that a change put into a whole layout when it was cooler than a change begins, and that would stand nearly where they were put. */
  readonly #late = new Set<number>();
  /** Nodes of the graph when the whole layout began. */
  #wholeSize = 0;

  /**
   * How far a change lets nodes go. A whole layout that still moves begins anew when the graph has doubled, as while a fleet comes up, and
   * otherwise cools down: with each change anew it would last for as long as nodes come and go. What comes into it late is laid out after it.
   */
  #warmth(isWhole: boolean, isRemembered: boolean): number {
    if (!isWhole) return ALPHA.change;
    const size = this.forces.used.reduce((sum, used) => sum + used, 0);
    if (!this.#isFirst && size < 2 * this.#wholeSize) return 0;
    this.#wholeSize = size;
    return isRemembered ? ALPHA.change : ALPHA.whole;
  }

  /** Which nodes belong to the graph now, and which of them may move. */
  #sort(fresh: Int32Array, relinked: Int32Array, isWhole: boolean): number[] {
    const { forces } = this;
    const isNew = new Set(fresh);
    const changed = new Set([...fresh, ...relinked]);
    const moving: number[] = [];
    for (let slot = 0; slot < forces.used.length; slot++) {
      const wasUsed = forces.used[slot] === 1;
      const isUsed = forces.degree[slot]! > 0;
      forces.used[slot] = isUsed ? 1 : 0;
      if (isUsed && !wasUsed) this.#undock(slot);
      const isChanged = !wasUsed || (changed.has(slot) && forces.degree[slot]! <= SETTLED_DEGREE);
      if (isUsed && (isWhole || isChanged)) {
        forces.free[slot] = 1;
        moving.push(slot);
        if (isChanged) this.#late.add(slot);
      }
      const isThere = wasUsed || isNew.has(slot);
      if (!isUsed && isThere && this.#dock[slot] === 0) this.#enterDock(slot);
    }
    return moving;
  }

  /** Puts nodes without a place beside their neighbours: nearest first, from those that have one or from the greatest. */
  #placeNew(moving: readonly number[]): void {
    const { forces } = this;
    const waiting = new Set(moving.filter((slot) => this.#placed[slot] === 0));
    if (waiting.size === 0) return;
    const peers = new Map<number, number[]>();
    const { links } = forces;
    for (let at = 0; at < links.length; at += 2) {
      const [a, b] = [links[at]!, links[at + 1]!];
      if (waiting.has(a)) peers.set(a, [...(peers.get(a) ?? []), b]);
      if (waiting.has(b)) peers.set(b, [...(peers.get(b) ?? []), a]);
    }
    let queue = [...waiting].filter((slot) => peers.get(slot)?.some((peer) => this.#placed[peer] === 1));
    const roots = [...waiting].sort((one, other) => forces.degree[other]! - forces.degree[one]!);
    let root = 0;
    while (waiting.size > 0) {
      if (queue.length === 0) {
        while (!waiting.has(roots[root]!)) root++;
        queue.push(roots[root]!);
      }
      const next: number[] = [];
      for (const slot of queue) {
        if (!waiting.delete(slot)) continue;
        this.#placeBeside(slot, peers.get(slot) ?? []);
        next.push(...(peers.get(slot) ?? []).filter((peer) => waiting.has(peer)));
      }
      queue = next;
    }
  }

  #placeBeside(slot: number, peers: readonly number[]): void {
    const there = peers.filter((peer) => this.#placed[peer] === 1);
    // The golden angle, so that neighbours that come together do not lie on each other.
    const angle = slot * 2.399_963;
    const { x, y } = this.forces;
    if (there.length === 0) {
      const radius = 30 * Math.sqrt(slot + 1);
      this.#put(slot, radius * Math.cos(angle), radius * Math.sin(angle));
      return;
    }
    const mean = (values: Float32Array) => there.reduce((sum, peer) => sum + values[peer]!, 0) / there.length;
    const [mx, my] = [mean(x), mean(y)];
    // Outwards, where there is room.
    const out = Math.hypot(mx, my) || 1;
    this.#put(slot, mx + (mx / out) * 20 + 24 * Math.cos(angle), my + (my / out) * 20 + 24 * Math.sin(angle));
  }

  #put(slot: number, x: number, y: number): void {
    this.forces.x[slot] = x;
    this.forces.y[slot] = y;
    this.forces.halt(slot);
    this.#placed[slot] = 1;
  }

  #forget(slot: number): void {
    this.#undock(slot);
    this.#late.delete(slot);
    this.#placed[slot] = 0;
    this.forces.used[slot] = 0;
    this.forces.free[slot] = 0;
    this.forces.x[slot] = Number.NaN;
    this.forces.y[slot] = Number.NaN;
  }

  #enterDock(slot: number): void {
    this.#placed[slot] = 0;
    this.#dock[slot] = this.#dockFree.pop() ?? ++this.#dockLength;
  }

  #undock(slot: number): void {
    const place = this.#dock[slot]!;
    if (place === 0) return;
    this.#dock[slot] = 0;
    this.#dockFree.push(place);
    if (this.#dockFree.length === this.#dockLength) {
      this.#dockFree = [];
      this.#dockLength = 0;
    }
  }

  /** Rows below the graph. They move as one, and only when the graph has grown to them. */
  #dockAll(): void {
    if (this.#dockLength === 0) return;
    const { x, y, used } = this.forces;
    let [left, right, bottom] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let slot = 0; slot < used.length; slot++) {
      if (used[slot] === 0) continue;
      left = Math.min(left, x[slot]!);
      right = Math.max(right, x[slot]!);
      bottom = Math.max(bottom, y[slot]!);
    }
    const isAlone = bottom === Number.NEGATIVE_INFINITY;
    const wanted = isAlone ? 0 : bottom + DOCK_GAP;
    if (wanted > this.#dockY || wanted < this.#dockY - 2 * DOCK_GRID) {
      this.#dockY = isAlone ? 0 : Math.ceil(wanted / DOCK_GRID) * DOCK_GRID;
    }
    const columns = 2 ** Math.ceil(Math.log2(Math.max(4, Math.sqrt(this.#dockLength) * 1.8)));
    const middle = isAlone ? 0 : Math.round((left + right) / 2 / DOCK_GRID) * DOCK_GRID;
    for (let slot = 0; slot < this.#dock.length; slot++) {
      const place = this.#dock[slot]! - 1;
      if (place < 0) continue;
      x[slot] = middle + ((place % columns) - (columns - 1) / 2) * DOCK_STEP;
      y[slot] = this.#dockY + Math.floor(place / columns) * DOCK_STEP;
    }
  }

  #reserve(slots: number): void {
    const before = this.forces.x.length;
    this.forces.reserve(slots);
    const size = this.forces.x.length;
    if (size === before) return;
    this.forces.x.fill(Number.NaN, before);
    this.forces.y.fill(Number.NaN, before);
    const [placed, dock] = [new Uint8Array(size), new Int32Array(size)];
    placed.set(this.#placed);
    dock.set(this.#dock);
    this.#placed = placed;
    this.#dock = dock;
  }
}

import { signal } from '@preact/signals';
import type { GraphChange, GraphModel, GraphNode } from '../model/graph.js';
import { chooseGroupBy, type Grouped, Grouping } from '../model/groups.js';
import { layoutPauseMs } from '../pace.js';
import type { Disc } from './disc.js';
import type { LayoutAnswer, LayoutRequest } from './worker.js';

/** The worker that lays graphs out, as the page speaks with it. */
export interface LayoutPort {
  readonly send: (request: LayoutRequest) => void;
  /** Called with each answer. */
  onAnswer: (answer: LayoutAnswer) => void;
}

/** How far a node goes towards its place in one frame of a screen, and how long that is. */
const EASE = 0.3;
const FRAME_MS = 1_000 / 60;
const NEAR = 0.05;

/** Where the nodes are, as the page draws them: asks the worker, and moves towards its answers. */
export class Layout {
  x = new Float32Array(0);
  y = new Float32Array(0);
  /** Discs of groups by their numbers; empty where nothing is grouped. */
  discs: ReadonlyMap<number, Disc> = new Map();
  /** The groups of what is shown; undefined where nothing is grouped. */
  readonly grouped = signal<Grouped | undefined>(undefined);
  /** Whether the worker has said where something is. */
  isPlaced = false;
  /** Whether the worker has nothing more to move. */
  isAtRest = true;
  /** Called when there is something to draw. */
  onMove: () => void = () => {};
  #targetX: Float32Array = new Float32Array(0);
  #targetY: Float32Array = new Float32Array(0);
  readonly #model: GraphModel;
  readonly #port: LayoutPort;
  readonly #gone = new Set<number>();
  /** Slots whose nodes have gone, by the number of the change that says so to the worker. At most as many as there are slots. */
  readonly #vacated = new Map<number, number>();
  #turn = 0;
  readonly #fresh = new Set<number>();
  readonly #relinked = new Set<number>();
  readonly #isCalm: boolean;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #places: Map<string, readonly [number, number]>;
  #isFirst = true;
  #isMoving = false;
  #advancedMs = 0;
  #grouping: Grouping | undefined;
  #groupBy = '';
  /** Whether what is sent next is the whole graph, for a layout of another kind. */
  #isAnother = false;

  /** `places` are remembered from before, by UUID. `isCalm`: nodes are put where they go, without moving there. */
  constructor(port: LayoutPort, model: GraphModel, places: Map<string, readonly [number, number]>, isCalm: boolean) {
    this.#port = port;
    this.#model = model;
    this.#places = places;
    this.#isCalm = isCalm;
    port.onAnswer = (answer) => this.#take(answer);
  }

  /** Takes what has changed in the model. */
  change({ added, removed, linked }: GraphChange): void {
    for (const { slot } of removed) {
      this.#fresh.delete(slot);
      this.#relinked.delete(slot);
      this.#gone.add(slot);
      this.#vacated.set(slot, this.#turn + 1);
      this.#hide(slot);
    }
    for (const { slot } of added) this.#fresh.add(slot);
    for (const { a, b } of linked) {
      this.#relinked.add(a.slot);
      this.#relinked.add(b.slot);
    }
    this.#sendSoon();
  }

  /** Groups the nodes as the address says it: see {@link chooseGroupBy}. */
  groupBy(said: string): void {
    if (said === this.#groupBy) return;
    this.#groupBy = said;
    this.#sendSoon();
  }

  #sendSoon(): void {
    // The first picture does not wait.
    const { nodes, links } = this.#model;
    const waitMs = this.#isFirst ? 0 : layoutPauseMs(nodes.size + links.length);
    this.#timer ??= setTimeout(() => this.#send(), waitMs);
  }

  /** Lays everything out anew. */
  anew(): void {
    this.#post({ kind: 'anew' });
  }

  /** Moves everything a little: by the time since the last picture, while something moves. Answers whether something still moves. */
  advance(nowMs: number): boolean {
    const frames = this.#isMoving ? Math.max(1, (nowMs - this.#advancedMs) / FRAME_MS) : 1;
    this.#advancedMs = nowMs;
    this.#isMoving = this.#ease(1 - (1 - EASE) ** frames);
    return this.#isMoving;
  }

  #ease(part: number): boolean {
    let isMoving = false;
    for (let slot = 0; slot < this.#targetX.length; slot++) {
      const dx = this.#targetX[slot]! - this.x[slot]!;
      const dy = this.#targetY[slot]! - this.y[slot]!;
      if (dx === 0 && dy === 0) continue;
      // NaN: it has no place yet, or goes away.
      const isFar = Math.abs(dx) + Math.abs(dy) > NEAR && !this.#isCalm;
      this.x[slot] = isFar ? this.x[slot]! + dx * part : this.#targetX[slot]!;
      this.y[slot] = isFar ? this.y[slot]! + dy * part : this.#targetY[slot]!;
      if (isFar) isMoving = true;
    }
    return isMoving;
  }

  /** Where a node is; undefined while it has no place. */
  placeOf({ slot }: GraphNode): readonly [number, number] | undefined {
    const [x, y] = [this.x[slot], this.y[slot]];
    return x === undefined || y === undefined || Number.isNaN(x) ? undefined : [x, y];
  }

  /** Where all nodes will be without groups, by UUID, to be remembered; undefined while they are grouped. */
  places(): Map<string, readonly [number, number]> | undefined {
    if (this.#grouping !== undefined) return undefined;
    const found = new Map<string, readonly [number, number]>();
    for (const { uuid, slot, links } of this.#model.nodes.values()) {
      const [x, y] = [this.#targetX[slot], this.#targetY[slot]];
      if (links.size > 0 && x !== undefined && y !== undefined && !Number.isNaN(x)) found.set(uuid, [x, y]);
    }
    return found;
  }

  #send(): void {
    this.#timer = undefined;
    const { links } = this.#model;
    const ends = new Int32Array(2 * links.length);
    links.forEach(({ a, b }, at) => {
      ends[2 * at] = a.slot;
      ends[2 * at + 1] = b.slot;
    });
    this.#regroup();
    this.#turn++;
    if (this.#grouping === undefined) this.#sendChange(ends);
    else this.#sendGroups(this.#grouping, ends);
    this.#isAnother = false;
    if (links.length > 0) this.#isFirst = false;
    this.#gone.clear();
    this.#fresh.clear();
    this.#relinked.clear();
  }

  /** Looks whether nodes are to be grouped otherwise than they are. */
  #regroup(): void {
    const by = chooseGroupBy(this.#groupBy, this.#model, this.#grouping !== undefined);
    if (JSON.stringify(by) === JSON.stringify(this.#grouping?.by)) return;
    this.#isAnother = true;
    this.#grouping = by && new Grouping(by);
    if (by === undefined) this.grouped.value = undefined;
  }

  #sendGroups(grouping: Grouping, links: Int32Array): void {
    const grouped = grouping.read(this.#model);
    this.grouped.value = grouped;
    this.#post({ kind: 'group', isNew: this.#isAnother, turn: this.#turn, groups: grouped.of.slice(), links });
  }

  #sendChange(ends: Int32Array): void {
    const { slots } = this.#model;
    if (this.#isAnother) for (const node of this.#model.nodes.values()) this.#fresh.add(node.slot);
    // The server is in no picture: everybody has a link to it.
    const fresh = [...this.#fresh].filter((slot) => slots[slot] !== undefined && slots[slot].parent !== 0);
    const places = this.#remembered(fresh);
    this.#post({
      kind: 'change',
      isNew: this.#isAnother,
      turn: this.#turn,
      slots: slots.length,
      links: ends,
      gone: Int32Array.from(this.#gone),
      fresh: Int32Array.from(fresh),
      relinked: Int32Array.from(this.#relinked),
      ...(places.length > 0 ? { places } : {}),
    });
  }

  #remembered(fresh: readonly number[]): Float32Array {
    const found = fresh.flatMap((slot) => {
      const place = this.#places.get(this.#model.slots[slot]?.uuid ?? '');
      return place === undefined ? [] : [slot, ...place];
    });
    return Float32Array.from(found);
  }

  #post(request: LayoutRequest): void {
    this.isAtRest = false;
    this.#port.send(request);
  }

  #hide(slot: number): void {
    for (const values of [this.x, this.y, this.#targetX, this.#targetY]) values[slot] = Number.NaN;
  }

  #take({ turn, x, y, discs, isAtRest }: LayoutAnswer): void {
    const found = new Map<number, Disc>();
    for (let at = 0; at < discs.length; at += 4) {
      found.set(discs[at]!, { x: discs[at + 1]!, y: discs[at + 2]!, radius: discs[at + 3]! });
    }
    this.discs = found;
    if (x.length > this.x.length) {
      const [wasX, wasY] = [this.x, this.y];
      this.x = new Float32Array(x.length).fill(Number.NaN);
      this.y = new Float32Array(y.length).fill(Number.NaN);
      this.x.set(wasX);
      this.y.set(wasY);
    }
    this.#targetX = x;
    this.#targetY = y;
    // Where the worker does not know yet that a node has gone, its place is not that of the node that has its slot now.
    for (const [slot, vacated] of this.#vacated) {
      if (vacated > turn) this.#hide(slot);
      else this.#vacated.delete(slot);
    }
    for (let slot = 0; slot < x.length; slot++) {
      if (this.#model.slots[slot] === undefined) this.#hide(slot);
    }
    this.isAtRest = isAtRest;
    this.isPlaced = true;
    this.onMove();
  }
}

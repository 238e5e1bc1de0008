import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Layout, type LayoutPort } from '../../console/src/layout/layout.js';
import { Placement } from '../../console/src/layout/placement.js';
import type { LayoutAnswer, LayoutRequest } from '../../console/src/layout/worker.js';
import { GraphModel } from '../../console/src/model/graph.js';
import { IS_LONG } from '../long.js';

/** A topology of NetJSON: another one than the demo's by CONSOLE_TOPOLOGY=FILE. */
const FILE = process.env.CONSOLE_TOPOLOGY ?? 'docs/demo/mesh.netjson';
/** As `switchyard replay --churn 50 --for 10m` has it; one minute of it in a run that has no hour. */
const CHURN_PER_S = 50;
const SECONDS = IS_LONG ? 600 : 60;
const TICK_MS = 20;
const AWAY_MS = { least: 500, spread: 2_000 } as const;
/** Steps of the layout in each tick: what its worker does in that time with some thousand nodes. */
const STEPS = 2;
/** Ticks between two answers of the worker while it moves nodes. */
const TELL_TICKS = 2;
/** How long a message takes from the page to its worker or back: as long as either is busy. */
const WAY_MS = { least: 0, spread: 300 } as const;
/** A window of the run, in each of which most nodes have no cause to move. */
const WINDOW_MS = 5_000;
const UNCAUSED_PART_MIN = 0.6;

/** A node with more links than this stands when a neighbour comes. */
const SETTLED_DEGREE = 2;

interface Topology {
  readonly nodes: readonly { readonly id: string; readonly label?: string }[];
  readonly links: readonly { readonly source: string; readonly target: string }[];
}

/** The fleet that a file describes: its nodes come and go with their links. */
class Fleet {
  readonly model = new GraphModel();
  readonly #links = new Map<number, number[]>();
  readonly #names: readonly string[];

  constructor({ nodes, links }: Topology) {
    this.#names = nodes.map(({ id, label }) => label ?? id);
    const numbers = new Map(nodes.map(({ id }, at) => [id, at]));
    for (const { source, target } of links) {
      const [one, other] = [numbers.get(source), numbers.get(target)];
      if (one === undefined || other === undefined || one === other) continue;
      this.#links.set(one, [...(this.#links.get(one) ?? []), other]);
      this.#links.set(other, [...(this.#links.get(other) ?? []), one]);
    }
  }

  get size(): number {
    return this.#names.length;
  }

  come(at: number) {
    const cvid = sidOf(at);
    const node = { cvid, parent: 1, instanceUuid: `uuid-${at}`, name: this.#names[at], labels: new Map() };
    const there = (this.#links.get(at) ?? []).filter((other) => this.model.nodes.has(sidOf(other)));
    const linkAdded = there.map((other) => ({ cvid1: cvid, cvid2: sidOf(other), link: 2 }));
    return this.model.apply({ nodeAdded: [node], nodeRemoved: [], linkAdded, linkRemoved: [] });
  }

  leave(at: number) {
    return this.model.apply({ nodeAdded: [], nodeRemoved: [{ cvid: sidOf(at) }], linkAdded: [], linkRemoved: [] });
  }
}

function sidOf(at: number): number {
  return 8 * (at + 1) + 2;
}

/** Numbers that are the same in each run. */
function randomOf(seed: number): () => number {
  let last = seed;
  return () => (last = (last * 48_271) % 2_147_483_647) / 2_147_483_647;
}

/** What the worker knew when it answered. */
interface Knowledge {
  /** Where it had each node, by UUID. */
  readonly places: ReadonlyMap<string, readonly [number, number]>;
  /** UUIDs of those that it had a cause to move since its answer before. */
  readonly caused: ReadonlySet<string>;
}

/** Messages of one direction: each is late by a time of its own, and none overtakes another. */
class Way<Message> {
  readonly #messages: { readonly atMs: number; readonly message: Message }[] = [];
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = randomOf(seed);
  }

  send(message: Message, nowMs: number): void {
    const last = this.#messages.at(-1)?.atMs ?? 0;
    const atMs = Math.max(last, nowMs + WAY_MS.least + this.#random() * WAY_MS.spread);
    this.#messages.push({ atMs, message });
  }

  /** Those that have arrived. */
  take(nowMs: number): Message[] {
    const left = this.#messages.findIndex(({ atMs }) => atMs > nowMs);
    return this.#messages.splice(0, left < 0 ? this.#messages.length : left).map(({ message }) => message);
  }
}

/** The worker of a page, in this thread, and as far away as in another one. */
class Worker implements LayoutPort {
  onAnswer: LayoutPort['onAnswer'] = () => {};
  readonly #placement = new Placement();
  readonly #model: GraphModel;
  readonly #requests = new Way<{ readonly request: LayoutRequest; readonly owners: readonly (string | undefined)[] }>(
    2,
  );
  readonly #answers = new Way<{ readonly answer: LayoutAnswer; readonly knowledge: Knowledge }>(3);
  /** UUIDs by slot, as the page had them when it asked. */
  #owners: readonly (string | undefined)[] = [];
  /** UUIDs of those that the last change lets move: newcomers, and ends of new links that have few others. */
  #causes = new Set<string>();
  /** The same since the last answer, also by changes before. */
  #caused = new Set<string>();
  #turn = 0;
  #ticks = 0;
  nowMs = 0;

  constructor(model: GraphModel) {
    this.#model = model;
  }

  readonly send = (request: LayoutRequest) => {
    const owners = this.#model.slots.map((node) => node?.uuid);
    this.#requests.send({ request, owners }, this.nowMs);
  };

  /** One tick: hears, moves, and answers. Calls back with what was known at each answer that has reached the page. */
  tick(nowMs: number, steps: number): Knowledge[] {
    this.nowMs = nowMs;
    for (const { request, owners } of this.#requests.take(nowMs)) this.#change(request, owners);
    const wasAtRest = this.isAtRest;
    for (let at = 0; at < steps && this.#placement.step(); at++);
    if (!wasAtRest && (this.isAtRest || this.#ticks++ % TELL_TICKS === 0)) this.#tell();
    return this.#answers.take(nowMs).map(({ answer, knowledge }) => {
      this.onAnswer(answer);
      return knowledge;
    });
  }

  get isAtRest(): boolean {
    return this.#placement.isAtRest;
  }

  #change(request: LayoutRequest, owners: readonly (string | undefined)[]): void {
    if (request.kind !== 'change') throw new Error(`not asked for: ${request.kind}`);
    this.#owners = owners;
    this.#turn = request.turn;
    const degree = new Map<number, number>();
    for (const slot of request.links) degree.set(slot, (degree.get(slot) ?? 0) + 1);
    const isFree = (slot: number) =>
      this.#placement.forces.used[slot] !== 1 || (degree.get(slot) ?? 0) <= SETTLED_DEGREE;
    const free = [...request.fresh, ...[...request.relinked].filter(isFree)];
    this.#causes = new Set(free.map((slot) => owners[slot] ?? ''));
    for (const uuid of this.#causes) this.#caused.add(uuid);
    this.#placement.change(request);
    this.#tell();
  }

  #tell(): void {
    const { x, y, used } = this.#placement.forces;
    const places = new Map<string, readonly [number, number]>();
    for (const [slot, uuid] of this.#owners.entries()) {
      if (uuid === undefined) continue;
      places.set(uuid, [x[slot], y[slot]]);
      // The dock gives way as one.
      if (used[slot] === 0) this.#caused.add(uuid);
    }
    const answer = { turn: this.#turn, x: x.slice(), y: y.slice(), discs: new Float32Array(), isAtRest: this.isAtRest };
    this.#answers.send({ answer, knowledge: { places, caused: this.#caused } }, this.nowMs);
    this.#caused = new Set(this.#causes);
  }
}

describe('a fleet that churns', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it(`moves no node without cause while ${CHURN_PER_S} nodes a second leave and return`, () => {
    const fleet = new Fleet(JSON.parse(readFileSync(FILE, 'utf8')));
    const worker = new Worker(fleet.model);
    const layout = new Layout(worker, fleet.model, new Map(), true);
    for (let at = 0; at < fleet.size; at++) layout.change(fleet.come(at));
    jest.advanceTimersByTime(1_000);
    let nowMs = 0;
    let known: Knowledge = { places: new Map(), caused: new Set() };
    // Until the first layout is at rest, and its last answer there.
    for (let quietMs = 0; quietMs < 1_000; nowMs += TICK_MS, quietMs = worker.isAtRest ? quietMs + TICK_MS : 0) {
      known = worker.tick(nowMs, 50).at(-1) ?? known;
    }
    layout.advance(nowMs);

    const back = new Map<number, number>();
    const random = randomOf(1);
    const startMs = nowMs;
    let left = 0;
    const movedWithoutCause: string[] = [];
    const misplaced: string[] = [];
    const windows = Array.from({ length: (SECONDS * 1_000) / WINDOW_MS }, () => ({ compared: 0, uncaused: 0 }));
    for (; nowMs < startMs + SECONDS * 1_000; nowMs += TICK_MS) {
      const before = placesOf(fleet.model, layout);
      for (const [at, backMs] of back) {
        if (backMs > nowMs) continue;
        back.delete(at);
        layout.change(fleet.come(at));
      }
      for (; left < ((nowMs - startMs) * CHURN_PER_S) / 1_000; left++) {
        const at = Math.floor(random() * fleet.size);
        if (back.has(at)) continue;
        back.set(at, nowMs + AWAY_MS.least + random() * AWAY_MS.spread);
        layout.change(fleet.leave(at));
      }
      jest.advanceTimersByTime(TICK_MS);
      const heard = worker.tick(nowMs, STEPS);
      known = heard.at(-1) ?? known;
      layout.advance(nowMs);
      const window = windows[Math.floor((nowMs - startMs) / WINDOW_MS)];
      for (const node of fleet.model.nodes.values()) {
        const [was, is] = [before.get(node.uuid), layout.placeOf(node)];
        if (is === undefined) continue;
        const place = known.places.get(node.uuid);
        if (place?.[0] !== is[0] || place[1] !== is[1]) misplaced.push(`${node.uuid} at ${nowMs - startMs} ms`);
        if (was === undefined) continue;
        window.compared++;
        if (heard.some(({ caused }) => caused.has(node.uuid))) continue;
        window.uncaused++;
        if (was[0] !== is[0] || was[1] !== is[1]) movedWithoutCause.push(`${node.uuid} at ${nowMs - startMs} ms`);
      }
    }
    expect(movedWithoutCause).toEqual([]);
    // No newcomer is shown where the one stood that had its slot before.
    expect(misplaced).toEqual([]);
    for (const { compared, uncaused } of windows) {
      expect(compared).toBeGreaterThan(((0.5 * WINDOW_MS) / TICK_MS) * fleet.size);
      expect(uncaused / compared).toBeGreaterThan(UNCAUSED_PART_MIN);
    }
  }, 3_000_000);
});

/** Where nodes are, by UUID: a slot is given to others. */
function placesOf(model: GraphModel, layout: Layout): Map<string, readonly [number, number]> {
  const places = new Map<string, readonly [number, number]>();
  for (const node of model.nodes.values()) {
    const place = layout.placeOf(node);
    if (place !== undefined) places.set(node.uuid, place);
  }
  return places;
}

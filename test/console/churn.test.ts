import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Layout, type LayoutPort } from '../../console/src/layout/layout.js';
import { Placement } from '../../console/src/layout/placement.js';
import type { LayoutRequest } from '../../console/src/layout/worker.js';
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

/** The worker of a page, in this thread: as many steps as it is told. */
class Worker implements LayoutPort {
  onAnswer: LayoutPort['onAnswer'] = () => {};
  readonly #placement = new Placement();
  /** Slots that have a cause to move: newcomers, and ends of new links that have few others. */
  readonly moved = new Set<number>();

  readonly send = (request: LayoutRequest) => {
    if (request.kind !== 'change') throw new Error(`not asked for: ${request.kind}`);
    const degree = new Map<number, number>();
    for (const slot of request.links) degree.set(slot, (degree.get(slot) ?? 0) + 1);
    for (const slot of request.fresh) this.moved.add(slot);
    for (const slot of request.relinked) {
      const wasInDock = this.#placement.forces.used[slot] !== 1;
      if (wasInDock || (degree.get(slot) ?? 0) <= SETTLED_DEGREE) this.moved.add(slot);
    }
    this.#placement.change(request);
    this.#tell();
  };

  step(steps: number): void {
    for (let at = 0; at < steps && this.#placement.step(); at++);
    this.#tell();
  }

  get isAtRest(): boolean {
    return this.#placement.isAtRest;
  }

  #tell(): void {
    const { x, y } = this.#placement.forces;
    const isAtRest = this.#placement.isAtRest;
    this.onAnswer({ x: x.slice(), y: y.slice(), discs: new Float32Array(), isAtRest });
  }
}

describe('a fleet that churns', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it(`moves no node without cause while ${CHURN_PER_S} nodes a second leave and return`, () => {
    const fleet = new Fleet(JSON.parse(readFileSync(FILE, 'utf8')));
    const worker = new Worker();
    const layout = new Layout(worker, fleet.model, new Map(), true);
    for (let at = 0; at < fleet.size; at++) layout.change(fleet.come(at));
    jest.advanceTimersByTime(1_000);
    while (!worker.isAtRest) worker.step(50);
    layout.advance(0);

    const back = new Map<number, number>();
    let seed = 1;
    const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
    let left = 0;
    let movedWithoutCause = 0;
    let compared = 0;
    for (let nowMs = 0; nowMs < SECONDS * 1_000; nowMs += TICK_MS) {
      const before = placesOf(fleet.model, layout);
      // Slots that the worker still moves by an earlier change keep their cause until it rests.
      if (worker.isAtRest) worker.moved.clear();
      for (const [at, backMs] of back) {
        if (backMs > nowMs) continue;
        back.delete(at);
        layout.change(fleet.come(at));
      }
      for (; left < (nowMs * CHURN_PER_S) / 1_000; left++) {
        const at = Math.floor(random() * fleet.size);
        if (back.has(at)) continue;
        back.set(at, nowMs + AWAY_MS.least + random() * AWAY_MS.spread);
        layout.change(fleet.leave(at));
      }
      jest.advanceTimersByTime(TICK_MS);
      worker.step(STEPS);
      layout.advance(nowMs);
      for (const node of fleet.model.nodes.values()) {
        const [was, is] = [before.get(node.uuid), layout.placeOf(node)];
        if (was === undefined || is === undefined) continue;
        compared++;
        const isCaused = worker.moved.has(node.slot) || node.links.size === 0;
        if ((was[0] !== is[0] || was[1] !== is[1]) && !isCaused) movedWithoutCause++;
      }
    }
    expect(compared).toBeGreaterThan(100_000);
    expect(movedWithoutCause).toBe(0);
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

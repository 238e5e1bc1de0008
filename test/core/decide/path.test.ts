import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SEED } from '../../../harness/seed.js';
import { findPath, PathSearch } from '../../../src/core/decide/path.js';
import { type Link, LinkType, orderedLink } from '../../../src/core/model/link.js';
import { Graph } from '../../../src/core/store/graph.js';

const { CONTROL_TCP, TRANSPORT_TCP, TRANSPORT_UDP } = LinkType;

/** The node with that number. */
function node(number: number): number {
  return (number + 1) * 256 + 2;
}

function graphOf(nodes: number, links: readonly Link[]): Graph {
  const graph = new Graph();
  for (let number = 0; number < nodes; number++) graph.addNode(node(number));
  for (const link of links) if (!graph.hasLink(link)) graph.addLink(link);
  return graph;
}

function link(one: number, other: number, type: LinkType = TRANSPORT_UDP): Link {
  return orderedLink(node(one), node(other), type);
}

/** How many links lie between two nodes at least: breadth first over a list of links. */
function distance(links: readonly Link[], from: number, to: number): number | undefined {
  let layer = new Set([from]);
  const seen = new Set(layer);
  for (let steps = 0; layer.size > 0; steps++) {
    if (layer.has(to)) return steps;
    const next = new Set<number>();
    for (const { a, b } of links) {
      if (layer.has(a) && !seen.has(b)) next.add(b);
      if (layer.has(b) && !seen.has(a)) next.add(a);
    }
    for (const one of next) seen.add(one);
    layer = next;
  }
  return undefined;
}

describe('a path', () => {
  it('from a node to itself is the node', () => {
    expect(findPath(graphOf(1, []), node(0), node(0), [])).toEqual([node(0)]);
  });

  it('to or from what is not there is none', () => {
    const graph = graphOf(1, []);
    expect(findPath(graph, node(0), node(1), [])).toBeUndefined();
    expect(findPath(graph, node(1), node(0), [])).toBeUndefined();
  });

  it('leads along the links of the types that are named, or of all', () => {
    const graph = graphOf(3, [link(0, 2, CONTROL_TCP), link(0, 1, TRANSPORT_TCP), link(1, 2, TRANSPORT_UDP)]);
    expect(findPath(graph, node(0), node(2), [])).toEqual([node(0), node(2)]);
    expect(findPath(graph, node(0), node(2), [CONTROL_TCP])).toEqual([node(0), node(2)]);
    expect(findPath(graph, node(0), node(2), [TRANSPORT_TCP, TRANSPORT_UDP])).toEqual([node(0), node(1), node(2)]);
    expect(findPath(graph, node(0), node(2), [TRANSPORT_TCP])).toBeUndefined();
  });

  it('between two leaves does not walk through all the links of their hub', () => {
    const leaves = 2_000;
    const graph = graphOf(
      leaves + 1,
      Array.from({ length: leaves }, (_, at) => link(at, leaves)),
    );
    const search = new PathSearch(graph, node(3), node(1_000), []);
    expect(search.step(10)).toEqual([node(3), node(leaves), node(1_000)]);
    expect(search.walked).toBeLessThan(10);
  });

  it(`is as short as breadth first finds it, and made of links that are there (seed ${SEED})`, () => {
    const types = fc.constantFrom(CONTROL_TCP, TRANSPORT_TCP, TRANSPORT_UDP);
    const ends = fc.tuple(fc.nat({ max: 19 }), fc.nat({ max: 19 }), types);
    const links = fc.array(ends, { maxLength: 40, size: 'max' });
    fc.assert(
      fc.property(
        links,
        fc.nat({ max: 19 }),
        fc.nat({ max: 19 }),
        fc.uniqueArray(types),
        (drawn, from, to, allowed) => {
          const all = drawn.filter(([one, other]) => one !== other).map(([one, other, type]) => link(one, other, type));
          const usable = all.filter((one) => allowed.length === 0 || allowed.includes(one.link));
          const path = findPath(graphOf(20, all), node(from), node(to), allowed);
          const steps = distance(usable, node(from), node(to));
          expect(path?.length).toBe(steps === undefined ? undefined : steps + 1);
          if (path === undefined) return;
          expect([path[0], path.at(-1)]).toEqual([node(from), node(to)]);
          for (let at = 1; at < path.length; at++) expect(distance(usable, path[at - 1], path[at])).toBe(1);
        },
      ),
      { seed: SEED, numRuns: 200 },
    );
  });
});

/** Steps through a search, with something done between any two of its steps; answers with the path and the steps. */
function stepThrough(search: PathSearch, linksMax: number, between: () => void) {
  const walked: number[] = [];
  for (;;) {
    const before = search.walked;
    const path = search.step(linksMax);
    walked.push(search.walked - before);
    if (path !== 'more') return { path, walked };
    between();
  }
}

describe('a search in steps', () => {
  it('walks along as many links in a step as it may, also of a hub, and no more', () => {
    const leaves = 1_000;
    const hubs = [leaves, leaves + 1];
    const links = hubs.flatMap((hub) =>
      Array.from({ length: leaves / 2 }, (_, at) => link(hub, at + (hub - leaves) * 500)),
    );
    const search = new PathSearch(graphOf(leaves + 2, links), node(leaves), node(leaves + 1), []);
    const { path, walked } = stepThrough(search, 64, () => {});
    expect(path).toBeUndefined();
    expect(walked.slice(0, -1).every((count) => count === 64)).toBe(true);
    expect(walked.length).toBeGreaterThan(leaves / 2 / 64);
  });

  it('finds its path past more nodes than are kept in a map', () => {
    const length = 40_000;
    const chain = Array.from({ length: length - 1 }, (_, at) => link(at, at + 1));
    const search = new PathSearch(graphOf(length, chain), node(0), node(length - 1), []);
    const { path } = stepThrough(search, 1_000, () => {});
    expect(path).toEqual(Array.from({ length }, (_, at) => node(at)));
  });

  it(`answers about the graph as it was when it began, whatever changes between its steps (seed ${SEED})`, () => {
    const NODES = 24;
    const ends = fc.tuple(fc.nat({ max: NODES - 1 }), fc.nat({ max: NODES - 1 }));
    const links = fc.array(ends, { maxLength: 60, size: 'max' });
    const pair = fc.uniqueArray(fc.nat({ max: NODES - 1 }), { minLength: 2, maxLength: 2 });
    fc.assert(
      fc.property(links, links, pair, fc.integer({ min: 1, max: 12 }), (drawn, changes, [from, to], linksMax) => {
        const all = drawn.filter(([one, other]) => one !== other).map(([one, other]) => link(one, other));
        const before = graphOf(NODES, all);
        const graph = graphOf(NODES, all);
        const left = [...changes];
        const search = new PathSearch(graph, node(from), node(to), []);
        const { path } = stepThrough(search, linksMax, () => disturb(graph, left));
        expect(path?.length).toBe(findPath(before, node(from), node(to), [])?.length);
        if (path === undefined) return;
        expect([path[0], path.at(-1)]).toEqual([node(from), node(to)]);
        for (let at = 1; at < path.length; at++) {
          expect(before.hasLink(orderedLink(path[at - 1], path[at], TRANSPORT_UDP))).toBe(true);
        }
      }),
      { seed: SEED, numRuns: 300 },
    );
  });
});

/** Turns some links round, and gives the slot of a node to another node. */
function disturb(graph: Graph, changes: [number, number][]): void {
  for (const [one, other] of changes.splice(0, 3)) {
    const wanted = link(one, other);
    if (one === other) replaceNode(graph, node(one));
    else if (!graph.has(wanted.a) || !graph.has(wanted.b)) continue;
    else if (graph.hasLink(wanted)) graph.removeLink(wanted);
    else graph.addLink(wanted);
  }
}

function replaceNode(graph: Graph, sid: number): void {
  if (!graph.has(sid)) return;
  for (const one of graph.linksOf(sid)) graph.removeLink(one);
  graph.removeNode(sid);
  const [anyOther] = graph.sidsAfter(0);
  const newcomer = node(1_000 + graph.nodeCount);
  if (graph.has(newcomer)) return;
  graph.addNode(newcomer);
  graph.addLink(orderedLink(newcomer, anyOther, TRANSPORT_UDP));
}

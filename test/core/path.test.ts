import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { LinkType } from '../../src/core/command.js';
import { Graph, type Link, orderedLink } from '../../src/core/graph.js';
import { findPath } from '../../src/core/path.js';
import { SEED } from '../seed.js';

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
    let walked = 0;
    const counted = new Proxy(graph, {
      get: (target, key) => {
        if (key === 'far') walked++;
        const value = Reflect.get(target, key, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    expect(findPath(counted, node(3), node(1_000), [])).toEqual([node(3), node(leaves), node(1_000)]);
    expect(walked).toBeLessThan(10);
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

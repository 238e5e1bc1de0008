import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SEED } from '../../../harness/seed.js';
import { compareLinks, type Link, LinkType, orderedLink } from '../../../src/core/model/link.js';
import { Graph } from '../../../src/core/store/graph.js';

const { CONTROL_TCP, TRANSPORT_TCP, TRANSPORT_UDP } = LinkType;
const [A, B, C] = [0x102, 0x202, 0x302];

function graphOf(sids: readonly number[], links: readonly Link[] = []): Graph {
  const graph = new Graph();
  for (const sid of sids) graph.addNode(sid);
  for (const link of links) graph.addLink(link);
  return graph;
}

describe('the graph', () => {
  it('has one spelling for a link, whichever end is named first', () => {
    expect(orderedLink(B, A, TRANSPORT_TCP)).toEqual({ a: A, b: B, link: TRANSPORT_TCP });
    expect(orderedLink(A, B, TRANSPORT_TCP)).toEqual({ a: A, b: B, link: TRANSPORT_TCP });
  });

  it('holds a link of each type between two nodes', () => {
    const graph = graphOf([A, B]);
    for (const link of [TRANSPORT_UDP, CONTROL_TCP, TRANSPORT_TCP]) graph.addLink({ a: A, b: B, link });
    expect([graph.linkCount, graph.degree(A), graph.degree(B)]).toEqual([3, 3, 3]);
    graph.removeLink({ a: A, b: B, link: CONTROL_TCP });
    expect(graph.linksBetween(B, A).map(({ link }) => link)).toEqual([TRANSPORT_TCP, TRANSPORT_UDP]);
    expect(graph.hasLink({ a: A, b: B, link: CONTROL_TCP })).toBe(false);
  });

  it('throws rather than to lose its balance', () => {
    const graph = graphOf([A, B], [{ a: A, b: B, link: CONTROL_TCP }]);
    expect(() => graph.addNode(A)).toThrow('there already');
    expect(() => graph.removeNode(A)).toThrow('cannot be removed');
    expect(() => graph.removeNode(C)).toThrow('cannot be removed');
    expect(() => graph.addLink({ a: A, b: A, link: CONTROL_TCP })).toThrow('no two ends');
    expect(() => graph.addLink({ a: A, b: C, link: CONTROL_TCP })).toThrow('no two ends');
    expect(() => graph.removeLink({ a: A, b: B, link: TRANSPORT_UDP })).toThrow('not there');
    expect([graph.nodeCount, graph.linkCount, graph.degree(A)]).toEqual([2, 1, 1]);
  });

  it('takes a hub with many links apart in any order', () => {
    const leaves = Array.from({ length: 5_000 }, (_, at) => (at + 2) * 256 + 3);
    const graph = graphOf([A, ...leaves]);
    for (const leaf of leaves) graph.addLink(orderedLink(A, leaf, CONTROL_TCP));
    expect(graph.linksOf(A)).toHaveLength(5_000);
    for (const leaf of [...leaves.slice(2_000), ...leaves.slice(0, 2_000)]) {
      graph.removeLink(orderedLink(A, leaf, CONTROL_TCP));
      graph.removeNode(leaf);
    }
    expect([graph.nodeCount, graph.linkCount, graph.degree(A)]).toEqual([1, 0, 0]);
  });

  it('copies its links as they are, to be read more than once while it goes on', () => {
    const graph = graphOf(
      [A, B, C],
      [
        { a: A, b: B, link: CONTROL_TCP },
        { a: B, b: C, link: TRANSPORT_UDP },
      ],
    );
    const copy = graph.copyLinks();
    graph.removeLink({ a: A, b: B, link: CONTROL_TCP });
    graph.removeNode(A);
    graph.addNode(0x402);
    graph.addLink({ a: C, b: 0x402, link: TRANSPORT_TCP });
    for (let time = 0; time < 2; time++) {
      expect([...copy].sort(compareLinks)).toEqual([
        { a: A, b: B, link: CONTROL_TCP },
        { a: B, b: C, link: TRANSPORT_UDP },
      ]);
    }
  });

  it(`is a set of nodes and a set of links (seed ${SEED})`, () => {
    const node = fc.integer({ min: 1, max: 12 }).map((base) => base * 256 + 2);
    const type = fc.constantFrom(CONTROL_TCP, TRANSPORT_TCP, TRANSPORT_UDP);
    const toggle = fc.oneof(
      { arbitrary: fc.tuple(node), weight: 1 },
      { arbitrary: fc.tuple(node, node, type), weight: 4 },
    );
    fc.assert(
      fc.property(fc.array(toggle, { maxLength: 150, size: 'max' }), (toggles) => {
        const graph = new Graph();
        const nodes = new Set<number>();
        let links: Link[] = [];
        const touching = (sid: number) => links.filter(({ a, b }) => a === sid || b === sid).sort(compareLinks);
        for (const [one, other, link] of toggles) {
          if (other === undefined || link === undefined) {
            if (!nodes.has(one)) {
              graph.addNode(one);
              nodes.add(one);
            } else if (touching(one).length === 0) {
              graph.removeNode(one);
              nodes.delete(one);
            }
          } else if (nodes.has(one) && nodes.has(other) && one !== other) {
            const toggled = orderedLink(one, other, link);
            const left = links.filter((known) => compareLinks(known, toggled) !== 0);
            expect(graph.hasLink(toggled)).toBe(left.length < links.length);
            if (left.length < links.length) graph.removeLink(toggled);
            else graph.addLink(toggled);
            links = left.length < links.length ? left : [...links, toggled];
          }
        }
        expect([graph.nodeCount, graph.linkCount]).toEqual([nodes.size, links.length]);
        expect([...graph.sidsAfter(0)]).toEqual([...nodes].sort((x, y) => x - y));
        expect([...graph.copyLinks()].sort(compareLinks)).toEqual([...links].sort(compareLinks));
        for (let base = 1; base <= 12; base++) {
          const sid = base * 256 + 2;
          expect(graph.has(sid)).toBe(nodes.has(sid));
          expect(graph.degree(sid)).toBe(touching(sid).length);
          expect(graph.linksOf(sid)).toEqual(touching(sid));
          if (nodes.has(sid)) expect(graph.view.sidAt(graph.slotOf(sid))).toBe(sid);
          for (const peer of nodes) {
            const between = touching(sid).filter(({ a, b }) => peer !== sid && (a === peer || b === peer));
            if (peer !== sid) expect(graph.linksBetween(sid, peer)).toEqual(between);
          }
        }
      }),
      { seed: SEED, numRuns: 50 },
    );
  });
});

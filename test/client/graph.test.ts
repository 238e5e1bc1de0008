import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { LinkRemoved, type NetworkDelta } from '../../gen/switchyard/v1/network.js';
import { Graph, type GraphChange, LinkType, SwitchyardError } from '../../src/client/index.js';

const node = (cvid: number, facts: object = {}) => ({
  cvid,
  parent: 9,
  instanceUuid: `u${cvid}`,
  name: '',
  labels: {},
  ...facts,
});
const link = (cvid1: number, cvid2: number, type: number = LinkType.TRANSPORT_UDP) => ({ cvid1, cvid2, link: type });
const delta = (parts: Partial<NetworkDelta>): NetworkDelta => ({
  nodeAdded: [],
  nodeRemoved: [],
  linkAdded: [],
  linkRemoved: [],
  ...parts,
});
const graphOf = (...deltas: Partial<NetworkDelta>[]) => {
  const graph = new Graph();
  for (const parts of deltas) graph.apply(delta(parts));
  return graph;
};
const kinds = (changes: readonly GraphChange[]) => changes.map((change) => change.kind);

describe('applying a delta', () => {
  it('removes links, then nodes, and adds nodes, then links, whatever the order on the wire', () => {
    const graph = graphOf({ nodeAdded: [node(1), node(2)], linkAdded: [link(1, 2)] });
    const changes = graph.apply(
      delta({ linkAdded: [link(1, 3)], nodeAdded: [node(3)], nodeRemoved: [{ cvid: 2 }], linkRemoved: [link(2, 1)] }),
    );
    expect(kinds(changes)).toEqual(['linkRemoved', 'nodeRemoved', 'nodeAdded', 'linkAdded']);
  });

  it('lets a node go and another come under the same number in one delta', () => {
    const graph = graphOf({ nodeAdded: [node(1), node(2)], linkAdded: [link(1, 2)] });
    const instanceUuid = 'other';
    graph.apply(
      delta({ nodeRemoved: [{ cvid: 1 }], linkRemoved: [link(1, 2)], nodeAdded: [node(1, { instanceUuid })] }),
    );
    expect(graph.node(1)?.instanceUuid).toBe('other');
    expect([...graph.links()]).toEqual([]);
  });

  it('takes what is there already, and the removal of what is not, for no change', () => {
    const graph = graphOf({ nodeAdded: [node(1, { labels: { a: 'b' } })], linkAdded: [link(1, 2)] });
    const again = delta({
      nodeAdded: [node(1, { labels: { a: 'b' } })],
      linkAdded: [link(2, 1)],
      nodeRemoved: [{ cvid: 77 }],
      linkRemoved: [link(1, 2, LinkType.CONTROL_TCP), link(5, 6)],
    });
    expect(graph.apply(again)).toEqual([]);
    expect(graph.size).toEqual({ nodes: 1, links: 1 });
  });

  it('keeps parallel links of different types apart, and removes all of a pair when no type is named', () => {
    const graph = graphOf({ linkAdded: [link(2, 1, 0), link(1, 2, 1), link(1, 2, 2)] });
    expect(graph.size.links).toBe(3);
    graph.apply(delta({ linkRemoved: [link(1, 2, 1)] }));
    expect([...graph.links()]).toEqual([link(1, 2, 0), link(1, 2, 2)]);
    // Over the wire, because absence has to survive the encoding.
    const all = LinkRemoved.decode(LinkRemoved.encode(LinkRemoved.fromPartial({ cvid1: 2, cvid2: 1 })).finish());
    expect(kinds(graph.apply(delta({ linkRemoved: [all] })))).toEqual(['linkRemoved', 'linkRemoved']);
    expect(graph.size.links).toBe(0);
  });

  it('leaves the links of a node that goes to the delta, which lists them', () => {
    const graph = graphOf({ nodeAdded: [node(1), node(2)], linkAdded: [link(1, 2)] });
    expect(kinds(graph.apply(delta({ nodeRemoved: [{ cvid: 2 }] })))).toEqual(['nodeRemoved']);
    expect(graph.neighbours(2)).toEqual([1]);
  });

  it('replaces the facts of a node that comes again with others', () => {
    const graph = graphOf({ nodeAdded: [node(1, { labels: { a: 'b' } })] });
    for (const facts of [{ name: 'n' }, { parent: 8 }, { labels: { a: 'c' } }, { labels: {} }, { instanceUuid: 'x' }]) {
      expect(kinds(graph.apply(delta({ nodeAdded: [node(1, facts)] })))).toEqual(['nodeAdded']);
    }
    expect(graph.size.nodes).toBe(1);
  });

  it('holds link types that a later server may have, and refuses what it cannot hold', () => {
    const graph = graphOf({ linkAdded: [link(1, 2, 30)] });
    expect(graph.hasLink(2, 1, 30 as LinkType)).toBe(true);
    expect([...graph.links(1)]).toEqual([link(1, 2, 30)]);
    expect(() => graph.apply(delta({ linkAdded: [link(1, 2, 31)] }))).toThrow(SwitchyardError);
  });
});

describe('reading a graph', () => {
  it('finds neighbours and links from either end', () => {
    const graph = graphOf({ nodeAdded: [node(1)], linkAdded: [link(3, 1), link(1, 2), link(2, 1, 0)] });
    expect(graph.neighbours(1).sort()).toEqual([2, 3]);
    expect(graph.neighbours(3)).toEqual([1]);
    expect(graph.neighbours(77)).toEqual([]);
    expect([...graph.links(3)]).toEqual([link(1, 3)]);
    expect([...graph.links(2)]).toEqual([link(1, 2, 0), link(1, 2)]);
  });

  it('is equal to another only with the same nodes, facts and links', () => {
    const make = (facts = {}, type = 2) =>
      graphOf({ nodeAdded: [node(1, facts), node(2)], linkAdded: [link(1, 2, type)] });
    expect(make().equals(make())).toBe(true);
    expect(make().equals(make({ name: 'other' }))).toBe(false);
    expect(make().equals(make({}, 1))).toBe(false);
    expect(make().equals(graphOf({ nodeAdded: [node(1), node(3)], linkAdded: [link(1, 2)] }))).toBe(false);
    expect(make().equals(new Graph())).toBe(false);
  });
});

/** Deltas over few nodes, so that everything collides with everything. */
const anyDelta = fc
  .record({
    nodeAdded: fc.array(fc.record({ cvid: fc.integer({ min: 1, max: 6 }), name: fc.constantFrom('a', 'b') })),
    nodeRemoved: fc.array(fc.record({ cvid: fc.integer({ min: 1, max: 6 }) }), { maxLength: 3 }),
    linkAdded: fc.array(
      fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 2 })),
    ),
    linkRemoved: fc.array(
      fc.tuple(
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 6 }),
        fc.option(fc.integer({ min: 0, max: 2 })),
      ),
      { maxLength: 3 },
    ),
  })
  .map(({ nodeAdded, nodeRemoved, linkAdded, linkRemoved }) =>
    delta({
      nodeAdded: nodeAdded.map(({ cvid, name }) => node(cvid, { name })),
      nodeRemoved,
      linkAdded: linkAdded.filter(([a, b]) => a !== b).map(([a, b, type]) => link(a, b, type)),
      linkRemoved: linkRemoved.map(([cvid1, cvid2, type]) => ({ cvid1, cvid2, link: type ?? undefined })),
    }),
  );

/** The same graph as plain sets of words, applied in the plainest way. */
function model(deltas: readonly NetworkDelta[]): { nodes: Map<number, string>; links: Set<string> } {
  const nodes = new Map<number, string>();
  const links = new Set<string>();
  const name = (a: number, b: number, type: number) => `${Math.min(a, b)}-${Math.max(a, b)}-${type}`;
  for (const { linkRemoved, nodeRemoved, nodeAdded, linkAdded } of deltas) {
    for (const { cvid1, cvid2, link: type } of linkRemoved) {
      for (const each of type === undefined ? [0, 1, 2] : [type]) links.delete(name(cvid1, cvid2, each));
    }
    for (const { cvid } of nodeRemoved) nodes.delete(cvid);
    for (const added of nodeAdded) nodes.set(added.cvid, added.name);
    for (const { cvid1, cvid2, link: type } of linkAdded) links.add(name(cvid1, cvid2, type));
  }
  return { nodes, links };
}

describe('any run of deltas', () => {
  it('leaves what a plain model says, and its changes turn the graph before into the one after', () => {
    fc.assert(
      fc.property(fc.array(anyDelta, { maxLength: 12 }), (deltas) => {
        const graph = new Graph();
        const replayed = new Graph();
        for (const each of deltas) for (const change of graph.apply(each)) replay(replayed, change);
        const { nodes, links } = model(deltas);
        expect(new Map([...graph.nodes()].map(({ cvid, name }) => [cvid, name]))).toEqual(nodes);
        expect(new Set([...graph.links()].map((l) => `${l.cvid1}-${l.cvid2}-${l.link}`))).toEqual(links);
        expect(graph.size).toEqual({ nodes: nodes.size, links: links.size });
        expect(replayed.equals(graph)).toBe(true);
      }),
    );
  });

  it('differs from any other run by changes that lead from one to the other', () => {
    fc.assert(
      fc.property(fc.array(anyDelta, { maxLength: 6 }), fc.array(anyDelta, { maxLength: 6 }), (some, others) => {
        const [from, to] = [graphOf(...some), graphOf(...others)];
        for (const change of from.changesTo(to)) replay(from, change);
        expect(from.equals(to)).toBe(true);
        expect(from.changesTo(to)).toEqual([]);
      }),
    );
  });
});

/** Applies one change as a delta of its own; each must have an effect. */
function replay(graph: Graph, change: GraphChange): void {
  switch (change.kind) {
    case 'linkRemoved':
      expect(graph.apply(delta({ linkRemoved: [change.link] }))).toHaveLength(1);
      break;
    case 'nodeRemoved':
      expect(graph.apply(delta({ nodeRemoved: [{ cvid: change.node.cvid }] }))).toHaveLength(1);
      break;
    case 'nodeAdded':
      expect(graph.apply(delta({ nodeAdded: [change.node] }))).toHaveLength(1);
      break;
    case 'linkAdded':
      expect(graph.apply(delta({ linkAdded: [change.link] }))).toHaveLength(1);
      break;
  }
}

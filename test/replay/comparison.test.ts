import { beforeEach, describe, expect, it } from '@jest/globals';
import { Graph, LinkType } from '../../src/client/index.js';
import { compare } from '../../src/replay/comparison.js';
import { planReplay } from '../../src/replay/plan.js';

const SERVER = 9;
const plan = planReplay({
  protocol: null,
  version: null,
  metric: null,
  nodes: ['a', 'b', 'c'].map((id) => ({ id, properties: {} })),
  links: [
    { source: 'a', target: 'b', cost: 1, properties: { type: 'wifi' } },
    { source: 'b', target: 'a', cost: 1, properties: { type: 'vpn' } },
    { source: 'b', target: 'c', cost: 1, properties: { type: 'wifi' } },
  ],
});

let graph: Graph;

function nodeAdded(cvid: number, instanceUuid: string) {
  return { cvid, parent: SERVER, instanceUuid, name: '', labels: {} };
}

function change(more: Partial<Parameters<Graph['apply']>[0]>): void {
  graph.apply({ nodeAdded: [], nodeRemoved: [], linkAdded: [], linkRemoved: [], ...more });
}

beforeEach(() => {
  graph = new Graph();
  change({
    nodeAdded: [
      { ...nodeAdded(SERVER, 'a-server'), parent: 0 },
      ...plan.nodes.map(({ uuid }, i) => nodeAdded(10 + i, uuid)),
    ],
    linkAdded: [
      ...[10, 11, 12].map((cvid1) => ({ cvid1, cvid2: SERVER, link: LinkType.CONTROL_TCP })),
      { cvid1: 11, cvid2: 10, link: LinkType.TRANSPORT_UDP },
      { cvid1: 10, cvid2: 11, link: LinkType.TRANSPORT_TCP },
      { cvid1: 11, cvid2: 12, link: LinkType.TRANSPORT_UDP },
    ],
  });
});

describe("a watcher's graph beside the file", () => {
  it('is equal when every node and every link is there', () => {
    expect(compare(plan, graph)).toEqual({ nodes: 3, links: 3, differences: [] });
  });

  it('is equal whatever others do on the same server', () => {
    change({
      nodeAdded: [nodeAdded(50, 'somebody')],
      linkAdded: [{ cvid1: 50, cvid2: 10, link: LinkType.TRANSPORT_UDP }],
    });
    expect(compare(plan, graph).differences).toEqual([]);
  });

  it('names a link that is missing, and one of another type in its place', () => {
    change({
      linkRemoved: [{ cvid1: 11, cvid2: 12, link: LinkType.TRANSPORT_UDP }],
      linkAdded: [{ cvid1: 11, cvid2: 12, link: LinkType.TRANSPORT_TCP }],
    });
    expect(compare(plan, graph).differences).toEqual([
      'link b -- c (TRANSPORT_TCP): not in the file',
      'link b -- c (TRANSPORT_UDP): missing',
    ]);
  });

  it('names a link that the file does not have', () => {
    change({ linkAdded: [{ cvid1: 12, cvid2: 10, link: LinkType.TRANSPORT_UDP }] });
    expect(compare(plan, graph).differences).toEqual(['link a -- c (TRANSPORT_UDP): not in the file']);
  });

  it('names a node that is missing, and its links', () => {
    change({ nodeRemoved: [{ cvid: 12 }] });
    expect(compare(plan, graph).differences).toEqual(['node c: missing', 'link b -- c (TRANSPORT_UDP): missing']);
  });

  it('names an instance that is there twice, and one without its server', () => {
    change({
      nodeAdded: [nodeAdded(13, plan.nodes[0].uuid)],
      linkRemoved: [{ cvid1: 12, cvid2: SERVER, link: LinkType.CONTROL_TCP }],
    });
    expect(compare(plan, graph).differences).toEqual([
      'node c: no link to its server',
      'node a: there is more than one',
    ]);
  });
});

/*
 * One contender for shortest paths, in a process of its own so that its memory is its own: builds the same random graph as
 * every other, says what it holds, and how long each of the same searches took.
 *
 *   node --expose-gc --import ./harness/typescript.mjs harness/bench/parts/search.ts switchyard|graphology NODES LINKS SEARCHES
 */

import { findPath } from '../../../src/core/decide/path.js';
import { LinkType, orderedLink } from '../../../src/core/model/link.js';
import { Graph } from '../../../src/core/store/graph.js';
import { makeSid } from '../../../src/core/store/sid.js';
import { seeded } from './seeded.js';

/** What every contender has to do. Nodes are numbers from 1. */
interface Contender {
  addNode(node: number): void;
  /** False: it is there already. */
  addLink(a: number, b: number): boolean;
  /** How many nodes a shortest path has; 0 when there is none. */
  search(a: number, b: number): number;
}

const LINK = LinkType.TRANSPORT_UDP;

function switchyard(): Contender {
  const graph = new Graph();
  const sid = (node: number) => makeSid(2, 0, node);
  return {
    addNode: (node) => void graph.addNode(sid(node)),
    addLink(a, b) {
      const link = orderedLink(sid(a), sid(b), LINK);
      if (graph.hasLink(link)) return false;
      graph.addLink(link);
      return true;
    },
    search: (a, b) => findPath(graph, sid(a), sid(b), [])?.length ?? 0,
  };
}

async function graphology(): Promise<Contender> {
  const { UndirectedGraph } = await import('graphology');
  const { bidirectional } = await import('graphology-shortest-path');
  const graph = new UndirectedGraph();
  return {
    addNode: (node) => void graph.addNode(node),
    addLink(a, b) {
      if (graph.hasEdge(a, b)) return false;
      graph.addEdge(a, b);
      return true;
    },
    search: (a, b) => bidirectional(graph, a, b)?.length ?? 0,
  };
}

function usedBytes(): number {
  for (let round = 0; round < 3; round++) globalThis.gc!();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const [name, nodes, links, searches] = process.argv.slice(2).map((word, at) => (at === 0 ? word : Number(word))) as [
  string,
  number,
  number,
  number,
];
const contender = name === 'graphology' ? await graphology() : switchyard();
const random = seeded(7);
const any = () => 1 + Math.floor(random() * nodes);
const emptyBytes = usedBytes();
for (let node = 1; node <= nodes; node++) contender.addNode(node);
for (let made = 0; made < links; ) {
  const [a, b] = [any(), any()];
  if (a !== b && contender.addLink(a, b)) made++;
}
const heldBytes = usedBytes() - emptyBytes;
const pairs = Array.from({ length: searches }, () => [any(), any()]);
const searchMs: number[] = [];
let steps = 0;
for (const [a, b] of pairs) {
  const startMs = performance.now();
  steps += contender.search(a, b);
  searchMs.push(performance.now() - startMs);
}
console.log(JSON.stringify({ heldBytes, searchMs, steps }));

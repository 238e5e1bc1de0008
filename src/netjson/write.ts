import type { NetworkGraph } from './graph.js';

/**
 * Writes a graph as NetJSON, one node or link a line: a reader sees a difference between two files, and a writer never
 * holds the whole text.
 */
export function* writeNetJson(graph: NetworkGraph): Iterable<string> {
  const { nodes, links, ...about } = graph;
  const head = JSON.stringify({ type: 'NetworkGraph', ...about });
  yield `${head.slice(0, -1)},"nodes":[`;
  yield* lines(nodes);
  yield '\n],"links":[';
  yield* lines(links);
  yield '\n]}\n';
}

function* lines(items: readonly object[]): Iterable<string> {
  for (const [index, item] of items.entries()) yield `${index === 0 ? '' : ','}\n${JSON.stringify(item)}`;
}

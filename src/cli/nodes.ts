import type { GraphNode } from '../client/index.js';
import { jsonLine } from './json-line.js';
import type { Surroundings } from './surroundings.js';
import { formatTable } from './table.js';
import { type GraphFlags, graphOf } from './via.js';
import { counted } from './words.js';

/** Who is on the network: every node with what it calls itself, how many links it has, and its labels. */
export async function listNodes(
  flags: GraphFlags & { readonly json?: boolean },
  surroundings: Surroundings,
): Promise<void> {
  const { terminal } = surroundings;
  const { graph, position } = await graphOf(flags, surroundings);
  const rows = [...graph.nodes()]
    .sort((one, other) => one.cvid - other.cvid)
    .map((node) => ({ node, links: [...graph.links(node.cvid)].length }));
  if (flags.json) {
    for (const { node, links } of rows) await terminal.out.write(jsonLine({ ...node, links }));
    return;
  }
  const table = formatTable(
    [
      { heading: 'SID', value: ({ node }) => node.cvid, right: true },
      { heading: 'NAME', value: ({ node }) => nameOf(node) },
      { heading: 'LINKS', value: ({ links }) => links, right: true },
      { heading: 'UUID', value: ({ node }) => node.instanceUuid },
      { heading: 'LABELS', value: ({ node }) => labelsWord(node.labels) },
    ],
    rows,
    terminal.colors.bold,
  );
  await terminal.out.write(table);
  const { nodes, links } = graph.size;
  await terminal.err.write(`${counted(nodes, 'node')}, ${counted(links, 'link')} at revision ${position.revision}\n`);
}

/** What a node calls itself, or what it is when it does not. */
export function nameOf(node: GraphNode): string {
  return node.name || (node.parent === 0 ? '(server)' : '-');
}

/** Labels in one line. */
export function labelsWord(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).sort(([one], [other]) => (one < other ? -1 : 1));
  return pairs.map(([key, value]) => `${key}=${value}`).join(' ') || '-';
}

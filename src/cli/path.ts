import { isIPv4 } from 'node:net';
import { type GraphNode, type GraphView, LinkType } from '../client/index.js';
import { type ConnectionFlags, readGraph, withServer } from './connection.js';
import { nameOf } from './nodes.js';
import type { Text } from './output/text.js';
import { type Surroundings, UsageError } from './surroundings.js';
import { counted, linkWord } from './words.js';

/** What a path may be made of. Every session is two control links from every other, so those are left out at first. */
const DIRECT_LINKS = [LinkType.TRANSPORT_TCP, LinkType.TRANSPORT_UDP];
const ALL_LINKS = [LinkType.CONTROL_TCP, ...DIRECT_LINKS];

/** A path with the fewest links between two nodes, each named by SID, UUID or name. */
export async function showPath(
  from: string,
  to: string,
  flags: ConnectionFlags & { readonly json?: boolean; readonly control?: boolean },
  surroundings: Surroundings,
): Promise<void> {
  const { terminal, signal } = surroundings;
  await withServer(flags, surroundings, async (yard) => {
    const { graph } = await readGraph(yard, signal);
    const ends = [findNode(graph, from), findNode(graph, to)];
    const links = flags.control ? [] : DIRECT_LINKS;
    const { cvids, position } = await yard.findPath(ends[0].cvid, ends[1].cvid, { links, signal });
    if (flags.json) {
      await terminal.out.json({ cvids, links: cvids.length - 1, revision: position.revision });
      return;
    }
    await terminal.out.writeLines(describePath(graph, cvids, flags.control === true));
  });
}

/** One line a node, with the links that lead to the next. */
function describePath(graph: GraphView, cvids: readonly number[], withControl: boolean): Text[] {
  const lines = cvids.map((cvid, i) => {
    const node = graph.node(cvid);
    // The path was found a moment after the snapshot was read.
    const name = node === undefined ? '(new)' : nameOf(node);
    const before = cvids[i - 1];
    if (before === undefined) return [name, ` (${cvid})`];
    const used = (withControl ? ALL_LINKS : DIRECT_LINKS).filter((link) => graph.hasLink(before, cvid, link));
    return [`  ${used.map(linkWord).join(', ')} → `, name, ` (${cvid})`];
  });
  return [...lines, counted(cvids.length - 1, 'link')];
}

/**
 * The one node that somebody means: by SID, UUID or name. Where nothing else fits, as ssh makes `%h` of what it was given:
 * a name in lower case, a number as an IPv4 address.
 */
export function findNode(graph: GraphView, text: string): GraphNode {
  const asSid = /^\d+$/.test(text) ? graph.node(Number(text)) : undefined;
  if (asSid !== undefined) return asSid;
  const lower = text.toLowerCase();
  const nodes = [...graph.nodes()];
  const exact = nodes.filter((node) => node.instanceUuid === lower || node.name === text);
  const number = isIPv4(text) ? text.split('.').reduce((sid, octet) => sid * 256 + Number(octet), 0) : 0;
  const meant = ({ name, cvid }: GraphNode) => name.toLowerCase() === lower || cvid === number;
  const found = exact.length > 0 ? exact : nodes.filter(meant);
  if (found.length === 1) return found[0];
  if (found.length === 0) {
    throw new UsageError(`${JSON.stringify(text)} is no node's SID, UUID or name; see switchyard nodes`);
  }
  const sids = found.map((node) => node.cvid).join(', ');
  throw new UsageError(`${JSON.stringify(text)} is the name of ${found.length} nodes: use one of the SIDs ${sids}`);
}

import { isIPv4 } from 'node:net';
import { type GraphNode, type GraphView, LinkType, SwitchyardError } from '../../client/index.js';
import { type ConnectionFlags, type GraphReader, readGraph } from '../connection.js';
import type { Text } from '../output/text.js';
import { withReader } from '../reader.js';
import { type Surroundings, UsageError } from '../surroundings.js';
import { counted, linkWord } from '../words.js';
import { nameOf } from './nodes.js';

/** Links that a path may use by default. Control links would make every session two links from every other. */
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
  await withReader(flags, surroundings, async (yard) => {
    const { graph } = await readGraph(yard, signal);
    const ends = [await findNode(yard, graph, from, signal), await findNode(yard, graph, to, signal)];
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

/** Sessions that are asked whether they are attached before a name counts as ambiguous. */
const NAMESAKES_MAX = 16;

/**
 * The node that a text names: by SID, UUID or name. If none fits, the text is read as ssh writes `%h`: a name in lower case, or
 * a number as an IPv4 address. Of several nodes with one name it is the only attached one: the others were left behind by
 * instances that are gone, and their sessions have not expired yet.
 */
export async function findNode(
  yard: GraphReader,
  graph: GraphView,
  text: string,
  signal: AbortSignal,
): Promise<GraphNode> {
  const found = nodesMeant(graph, text);
  if (found.length === 1) return found[0];
  if (found.length === 0) {
    throw new UsageError(`${JSON.stringify(text)} is no node's SID, UUID or name; see switchyard nodes`);
  }
  const attached = found.length > NAMESAKES_MAX ? [] : await attachedOf(yard, found, signal);
  if (attached.length === 1) return attached[0];
  const sids = found.map((node) => node.cvid).join(', ');
  throw new UsageError(`${JSON.stringify(text)} is the name of ${found.length} nodes: use one of the SIDs ${sids}`);
}

/** All nodes that a text may name, by the rules of {@link findNode}. */
function nodesMeant(graph: GraphView, text: string): readonly GraphNode[] {
  const asSid = /^\d+$/.test(text) ? graph.node(Number(text)) : undefined;
  if (asSid !== undefined) return [asSid];
  const lower = text.toLowerCase();
  const nodes = [...graph.nodes()];
  const exact = nodes.filter((node) => node.instanceUuid === lower || node.name === text);
  if (exact.length > 0) return exact;
  const number = isIPv4(text) ? text.split('.').reduce((sid, octet) => sid * 256 + Number(octet), 0) : 0;
  return nodes.filter(({ name, cvid }) => name.toLowerCase() === lower || cvid === number);
}

async function attachedOf(yard: GraphReader, nodes: readonly GraphNode[], signal: AbortSignal): Promise<GraphNode[]> {
  const isAttached = async ({ cvid }: GraphNode): Promise<boolean> => {
    try {
      return (await yard.getSession(cvid, { signal })).session.attached;
    } catch (error) {
      // It has ended since the graph was read.
      if (error instanceof SwitchyardError) return false;
      throw error;
    }
  };
  const attached = await Promise.all(nodes.map(isAttached));
  return nodes.filter((_, at) => attached[at]);
}

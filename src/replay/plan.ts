import { LinkType } from '../client/index.js';
import type { Json, NetworkGraph, GraphNode as TopologyNode } from '../netjson/graph.js';
import { NODE_NAMESPACE, uuidOfName } from './uuid.js';

/** A node that is to join, and as what. */
export interface PlannedNode {
  /** Its id in the file. */
  readonly id: string;
  readonly uuid: string;
  /** What it calls itself: its label or id, cut to what a session may have. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** A link that both of its ends are to report. The smaller index is always the first. */
export interface PlannedLink {
  /** Indices into the plan's nodes. */
  readonly a: number;
  readonly b: number;
  readonly link: LinkType;
}

/** What a replay brings up, and what a watcher has to see at its end. */
export interface ReplayPlan {
  /** In the order in which they join. */
  readonly nodes: readonly PlannedNode[];
  /** Each pair and type once. */
  readonly links: readonly PlannedLink[];
  /** What the file holds besides, and why it is not replayed. */
  readonly left: {
    readonly offlineNodes: number;
    /** Servers make their own nodes, and every session has its control link by itself. */
    readonly servers: number;
    readonly controlLinks: number;
    /** Links with an end that does not join. */
    readonly offlineLinks: number;
    /** Links of a pair and type that was there already, from the same end. */
    readonly repeatedLinks: number;
    /** Links of a pair and type that was there already, but only from the other end: here a link has no direction. */
    readonly otherDirections: number;
    /** Links with a cost of their own, which a network has no place for. */
    readonly costs: number;
    /** What else is written at nodes and links that stand, by name, with how many of them have it. */
    readonly properties: ReadonlyMap<string, number>;
  };
}

/** A topology that cannot be replayed as it stands. */
export class PlanError extends Error {}

/**
 * Makes a plan from a topology: who joins, in the order of `firstseen`, and which links stand at the end.
 *
 * Nodes of one moment keep the order of the file, and nodes without a moment come last. Throws a {@link PlanError} when
 * a property that it needs is not what it should be.
 */
export function planReplay(graph: NetworkGraph): ReplayPlan {
  const joining = graph.nodes.filter((node) => !isServer(node) && isOnline(node));
  const servers = graph.nodes.filter(isServer).length;
  const nodes = joining
    .map((node) => ({ node, atMs: firstSeenMs(node) }))
    .sort((one, other) => (one.atMs === other.atMs ? 0 : one.atMs - other.atMs))
    .map(({ node }) => plannedNode(node));
  const indexOf = new Map(nodes.map((node, index) => [node.id, index]));
  const links = new Map<string, PlannedLink>();
  /** From which end each pair and type has been listed. */
  const listed = new Set<string>();
  const properties = new Map<string, number>();
  for (const node of joining) countProperties(properties, node.properties, NODE_PROPERTIES);
  let costs = 0;
  let otherDirections = 0;
  let controlLinks = 0;
  let offlineLinks = 0;
  let repeatedLinks = 0;
  for (const { source, target, cost, properties: written } of graph.links) {
    const link = linkTypeOf(written.type);
    const [a, b] = [indexOf.get(source), indexOf.get(target)];
    if (link === LinkType.CONTROL_TCP) controlLinks += 1;
    else if (a === undefined || b === undefined) offlineLinks += 1;
    else {
      const planned = { a: Math.min(a, b), b: Math.max(a, b), link };
      const key = `${planned.a} ${planned.b} ${link}`;
      const way = `${a} ${b} ${link}`;
      if (cost !== COST_OF_NOTHING) costs += 1;
      countProperties(properties, written, LINK_PROPERTIES);
      if (listed.has(way)) repeatedLinks += 1;
      else if (links.has(key)) otherDirections += 1;
      else links.set(key, planned);
      listed.add(way);
    }
  }
  const offlineNodes = graph.nodes.length - nodes.length - servers;
  return {
    nodes,
    links: [...links.values()],
    left: { offlineNodes, servers, controlLinks, offlineLinks, repeatedLinks, otherDirections, costs, properties },
  };
}

/** What of a node and of a link has a place in a network, or says how it is to be read. */
const NODE_PROPERTIES: ReadonlySet<string> = new Set(['online', 'firstseen', 'gateway', 'server']);
const LINK_PROPERTIES: ReadonlySet<string> = new Set(['type']);

/** The cost that an export writes where none is known. */
const COST_OF_NOTHING = 1;

function countProperties(counts: Map<string, number>, written: object, known: ReadonlySet<string>): void {
  for (const name of Object.keys(written)) if (!known.has(name)) counts.set(name, (counts.get(name) ?? 0) + 1);
}

/** vpn and its like run over TCP; wifi and everything else is a datagram path. An export names its own types. */
function linkTypeOf(type: Json | undefined): LinkType {
  if (type === 'control_tcp') return LinkType.CONTROL_TCP;
  return type === 'vpn' || type === 'transport_tcp' ? LinkType.TRANSPORT_TCP : LinkType.TRANSPORT_UDP;
}

/** A node that an export wrote for a server. */
function isServer(node: TopologyNode): boolean {
  return node.properties.server === true;
}

/** A node that does not say is online: only crawlers of community networks write it down. */
function isOnline({ id, properties: { online = true } }: TopologyNode): boolean {
  if (typeof online === 'boolean') return online;
  throw new PlanError(`node ${JSON.stringify(id)}: properties.online must be true or false`);
}

function firstSeenMs({ id, properties: { firstseen = null } }: TopologyNode): number {
  if (firstseen === null) return Number.POSITIVE_INFINITY;
  const atMs = typeof firstseen === 'string' ? Date.parse(firstseen) : Number.NaN;
  if (!Number.isNaN(atMs)) return atMs;
  throw new PlanError(
    `node ${JSON.stringify(id)}: properties.firstseen must be a time, such as 2020-05-13T12:59:46+0200`,
  );
}

function plannedNode({ id, label, properties }: TopologyNode): PlannedNode {
  const name = fitted(label ?? id, NAME_BYTES_MAX);
  const labels: Record<string, string> = { 'netjson-id': fitted(id, LABEL_VALUE_BYTES_MAX) };
  // Gateways are agents like the others; this is what tells them apart.
  if (properties.gateway === true) labels.gateway = 'true';
  return { id, uuid: uuidOfName(NODE_NAMESPACE, id), name, labels };
}

/** Bounds of the API: see SessionRequest's `name` and `labels`. */
const NAME_BYTES_MAX = 128;
const LABEL_VALUE_BYTES_MAX = 255;

/** As much of a text as fits, whole characters only, without control characters. */
function fitted(text: string, bytesMax: number): string {
  let fit = '';
  let bytes = 0;
  for (const character of text) {
    if (/\p{Cc}/u.test(character)) continue;
    bytes += Buffer.byteLength(character);
    if (bytes > bytesMax) break;
    fit += character;
  }
  return fit;
}

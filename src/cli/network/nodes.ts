import {
  Graph,
  type GraphNode,
  type GraphView,
  type Position,
  type SwitchyardError,
  WatchKind,
  type WatchNetworkDeltaResponse,
} from '../../client/index.js';
import { answering, readGraph } from '../connection.js';
import { checkList, type ListFlags, writeListing } from '../output/listing.js';
import type { Column } from '../output/table.js';
import { withReader } from '../reader.js';
import { Failure, type Surroundings, UsageError } from '../surroundings.js';
import { counted } from '../words.js';
import { type GraphFlags, snapshotVia } from './via.js';

/**
 * Up to so many nodes are held until their links have been counted. Of a larger network the nodes are printed as they come,
 * without the number of links: a snapshot has all nodes before the links.
 */
const HELD_MAX = 50_000;

/** A node, and how many links it has, where that is known. */
interface NodeRow {
  readonly node: GraphNode;
  readonly links: number | undefined;
}

/** Lists every node with its name, the number of its links, and its labels. */
export async function listNodes(flags: GraphFlags & ListFlags, surroundings: Surroundings): Promise<void> {
  checkList(COLUMNS, flags);
  const { via } = flags;
  if (via !== undefined) {
    const read = await readNetwork(snapshotVia(via, flags, surroundings));
    if (read instanceof LargeNetwork) return writeLarge(read, flags, surroundings);
    return writeGraph(read.graph, read.position, flags, surroundings);
  }
  await withReader(flags, surroundings, async (yard) => {
    const { signal } = surroundings;
    await answering(yard, signal);
    const broken = new AbortController();
    const onBreak = (error: SwitchyardError) => broken.abort(error);
    const messages = yard.watchNetworkDelta({ signal: AbortSignal.any([signal, broken.signal]), onBreak });
    const read = await readNetwork(messages);
    if (read instanceof LargeNetwork) return writeLarge(read, flags, surroundings);
    // The snapshot may be a little old.
    const { graph, position } = await readGraph(yard, signal);
    await writeGraph(graph, position, flags, surroundings);
  });
}

async function writeGraph(graph: GraphView, position: Position, flags: ListFlags, surroundings: Surroundings) {
  const { terminal } = surroundings;
  const rows = [...graph.nodes()]
    .sort((one, other) => one.cvid - other.cvid)
    .map((node) => ({ node, links: [...graph.links(node.cvid)].length }));
  await writeListing({ columns: COLUMNS, rows, facts: nodeFacts }, flags, surroundings);
  const { nodes, links } = graph.size;
  if (!flags.json)
    await terminal.err.write(`${counted(nodes, 'node')}, ${counted(links, 'link')} at revision ${position.revision}`);
}

async function writeLarge(large: LargeNetwork, flags: ListFlags, surroundings: Surroundings): Promise<void> {
  const { terminal } = surroundings;
  const columns = COLUMNS.filter(({ heading }) => heading !== 'LINKS');
  if ([flags.sort, ...(flags.filter ?? [])].some((text) => /^-?links(=|$)/i.test(text ?? ''))) {
    throw new UsageError(`the links of more than ${HELD_MAX} nodes are not counted`);
  }
  await writeListing({ columns, rows: large.rows(), facts: nodeFacts }, flags, surroundings);
  if (!flags.json) await terminal.err.write(`${large.summary}; those of each node are not counted`);
}

const COLUMNS: readonly Column<NodeRow>[] = [
  { heading: 'SID', value: ({ node }) => node.cvid, right: true },
  { heading: 'NAME', value: ({ node }) => nameOf(node) },
  { heading: 'LINKS', value: ({ links = 0 }) => links, right: true },
  { heading: 'UUID', value: ({ node }) => node.instanceUuid },
  { heading: 'LABELS', value: ({ node }) => labelsWord(node.labels) },
];

function nodeFacts({ node, links }: NodeRow): object {
  return links === undefined ? node : { ...node, links };
}

/** The messages of a snapshot, and perhaps what comes after it. */
type Messages = AsyncGenerator<WatchNetworkDeltaResponse, unknown>;

/** Reads a snapshot to its end, or as far as it is held: the rest is read as its rows are. */
async function readNetwork(
  messages: Messages,
): Promise<LargeNetwork | { readonly graph: GraphView; readonly position: Position }> {
  const graph = new Graph();
  for (;;) {
    const { value, done } = await messages.next();
    if (done === true) throw new Failure('the network ended before its end was told');
    for (const delta of value.deltas) graph.apply(delta);
    if (value.kind === WatchKind.SNAPSHOT_END) {
      await messages.return(undefined);
      return { graph, position: value.position! };
    }
    if (graph.size.nodes > HELD_MAX) return new LargeNetwork(messages, graph);
  }
}

/** A snapshot of more nodes than are held, read as it comes. */
class LargeNetwork {
  #held: GraphNode[];
  #nodes: number;
  #links: number;
  #position: Position | undefined;
  readonly #messages: Messages;

  constructor(messages: Messages, begun: GraphView) {
    this.#messages = messages;
    this.#held = [...begun.nodes()];
    this.#nodes = begun.size.nodes;
    this.#links = begun.size.links;
  }

  /** The totals, once all rows were read. */
  get summary(): string {
    const { revision } = this.#position!;
    return `${counted(this.#nodes, 'node')}, ${counted(this.#links, 'link')} at revision ${revision}`;
  }

  async *rows(): AsyncGenerator<NodeRow> {
    try {
      for (let goesOn = true; goesOn || this.#held.length > 0; ) {
        for (const node of this.#held.splice(0)) yield { node, links: undefined };
        goesOn = goesOn && (await this.#take());
      }
    } finally {
      await this.#messages.return(undefined);
    }
  }

  /** Takes the next message; false when the snapshot is whole. */
  async #take(): Promise<boolean> {
    const { value, done } = await this.#messages.next();
    if (done === true) throw new Failure('the network ended before its end was told');
    this.#position = value.position;
    for (const { nodeAdded, linkAdded } of value.deltas) {
      this.#held.push(...nodeAdded);
      this.#nodes += nodeAdded.length;
      this.#links += linkAdded.length;
    }
    return value.kind !== WatchKind.SNAPSHOT_END;
  }
}

/** A node's name, or what it is when it has none. */
export function nameOf(node: GraphNode): string {
  return node.name || (node.parent === 0 ? '(server)' : '-');
}

/** Labels in one line. */
export function labelsWord(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).sort(([one], [other]) => (one < other ? -1 : 1));
  return pairs.map(([key, value]) => `${key}=${value}`).join(' ') || '-';
}

import type { LinkType } from '../../gen/switchyard/v1/link.js';
import type { NetworkDelta, NodeAdded } from '../../gen/switchyard/v1/network.js';
import { SwitchyardError } from './error.js';
import { StatusCode } from './status.js';

/** A node as it came: who it is, which server holds it, what it calls itself. */
export type GraphNode = Readonly<NodeAdded>;

/** A link. It has no direction, so the smaller end is always the first. */
export interface GraphLink {
  readonly cvid1: number;
  readonly cvid2: number;
  readonly link: LinkType;
}

/** What became different in a graph: only what really did. */
export type GraphChange =
  | { readonly kind: 'linkRemoved'; readonly link: GraphLink }
  | { readonly kind: 'nodeRemoved'; readonly node: GraphNode }
  | { readonly kind: 'nodeAdded'; readonly node: GraphNode }
  | { readonly kind: 'linkAdded'; readonly link: GraphLink };

/** What can be read of a graph. */
export type GraphView = Omit<Graph, 'apply'>;

/**
 * The graph as one reader sees it: an undirected multigraph, at most one link of each type between two nodes.
 *
 * A link may have an end that is no node here: a watch of some nodes tells of their links but not of their peers. So a
 * node that goes takes no links with it; the server lists those that go, and nothing here hides it if it does not.
 * The links of a pair are the bits of one number, kept at both ends, so that neighbours are found from either.
 */
export class Graph {
  readonly #nodes = new Map<number, GraphNode>();
  readonly #peers = new Map<number, Map<number, number>>();
  #linkCount = 0;

  /** How many nodes and how many links; parallel links of different types count each. */
  get size(): { readonly nodes: number; readonly links: number } {
    return { nodes: this.#nodes.size, links: this.#linkCount };
  }

  node(cvid: number): GraphNode | undefined {
    return this.#nodes.get(cvid);
  }

  nodes(): IterableIterator<GraphNode> {
    return this.#nodes.values();
  }

  /** The nodes to which at least one link leads, each once. */
  neighbours(cvid: number): number[] {
    return [...(this.#peers.get(cvid)?.keys() ?? [])];
  }

  hasLink(cvid1: number, cvid2: number, link: LinkType): boolean {
    return ((this.#peers.get(cvid1)?.get(cvid2) ?? 0) & bitOf(link)) !== 0;
  }

  /** All links, or those of one node, each once. */
  *links(cvid?: number): IterableIterator<GraphLink> {
    const ends = cvid === undefined ? this.#peers.keys() : [cvid];
    for (const from of ends) {
      for (const [to, bits] of this.#peers.get(from) ?? []) {
        if (cvid !== undefined || from <= to) yield* linksOf(from, to, bits);
      }
    }
  }

  /**
   * Applies one revision: links removed, nodes removed, nodes added, links added. Removing what is not there and adding
   * what is there change nothing; a node that comes again with other facts takes the place of the old one.
   */
  apply(delta: NetworkDelta): GraphChange[] {
    const changes: GraphChange[] = [];
    for (const { cvid1, cvid2, link } of delta.linkRemoved) {
      this.#unlink(cvid1, cvid2, link === undefined ? ~0 : bitOf(link), changes);
    }
    for (const { cvid } of delta.nodeRemoved) {
      const node = this.#nodes.get(cvid);
      if (!node) continue;
      this.#nodes.delete(cvid);
      changes.push({ kind: 'nodeRemoved', node });
    }
    for (const node of delta.nodeAdded) {
      const old = this.#nodes.get(node.cvid);
      if (old && sameNode(old, node)) continue;
      this.#nodes.set(node.cvid, node);
      changes.push({ kind: 'nodeAdded', node });
    }
    for (const { cvid1, cvid2, link } of delta.linkAdded) this.#link(cvid1, cvid2, bitOf(link), changes);
    return changes;
  }

  /** What would have to change to make this graph the other, in the order in which a delta is applied. */
  changesTo(other: GraphView): GraphChange[] {
    const changes: GraphChange[] = [];
    for (const link of this.links()) {
      if (!other.hasLink(link.cvid1, link.cvid2, link.link)) changes.push({ kind: 'linkRemoved', link });
    }
    for (const node of this.nodes()) {
      if (!other.node(node.cvid)) changes.push({ kind: 'nodeRemoved', node });
    }
    for (const node of other.nodes()) {
      const old = this.#nodes.get(node.cvid);
      if (!old || !sameNode(old, node)) changes.push({ kind: 'nodeAdded', node });
    }
    for (const link of other.links()) {
      if (!this.hasLink(link.cvid1, link.cvid2, link.link)) changes.push({ kind: 'linkAdded', link });
    }
    return changes;
  }

  /** Whether both have the same nodes, with the same facts, and the same links. */
  equals(other: GraphView): boolean {
    const { nodes, links } = other.size;
    if (nodes !== this.#nodes.size || links !== this.#linkCount) return false;
    return this.changesTo(other).length === 0;
  }

  #link(cvid1: number, cvid2: number, bit: number, changes: GraphChange[]): void {
    const bits = this.#peers.get(cvid1)?.get(cvid2) ?? 0;
    if (bits & bit) return;
    this.#set(cvid1, cvid2, bits | bit);
    this.#linkCount += 1;
    for (const link of linksOf(cvid1, cvid2, bit)) changes.push({ kind: 'linkAdded', link });
  }

  #unlink(cvid1: number, cvid2: number, mask: number, changes: GraphChange[]): void {
    const bits = this.#peers.get(cvid1)?.get(cvid2) ?? 0;
    if ((bits & mask) === 0) return;
    this.#set(cvid1, cvid2, bits & ~mask);
    for (const link of linksOf(cvid1, cvid2, bits & mask)) {
      this.#linkCount -= 1;
      changes.push({ kind: 'linkRemoved', link });
    }
  }

  #set(cvid1: number, cvid2: number, bits: number): void {
    for (const [from, to] of [
      [cvid1, cvid2],
      [cvid2, cvid1],
    ] as const) {
      let peers = this.#peers.get(from);
      if (!peers) this.#peers.set(from, (peers = new Map()));
      if (bits !== 0) peers.set(to, bits);
      else if (peers.delete(to) && peers.size === 0) this.#peers.delete(from);
    }
  }
}

/** The bit of a link type. Types that later servers may add have one too, as far as 31 bits go. */
function bitOf(link: LinkType): number {
  if (link >= 0 && link <= 30) return 1 << link;
  throw new SwitchyardError(StatusCode.DATA_LOSS, `link type ${link} is not one that this client can hold`);
}

function* linksOf(from: number, to: number, bits: number): IterableIterator<GraphLink> {
  const [cvid1, cvid2] = from < to ? [from, to] : [to, from];
  for (let link = 0; bits >>> link !== 0; link += 1) {
    if ((bits >>> link) & 1) yield { cvid1, cvid2, link };
  }
}

function sameNode(a: GraphNode, b: GraphNode): boolean {
  if (a.parent !== b.parent || a.instanceUuid !== b.instanceUuid || a.name !== b.name) return false;
  const keys = Object.keys(a.labels);
  return keys.length === Object.keys(b.labels).length && keys.every((key) => a.labels[key] === b.labels[key]);
}

import type { LinkType } from './command.js';
import { SlotIndex } from './slots.js';

/** A link, its lower SID first: the one spelling that an undirected link has. */
export interface Link {
  readonly a: number;
  readonly b: number;
  readonly link: LinkType;
}

/** The one spelling of a link between two nodes. */
export function orderedLink(one: number, other: number, link: LinkType): Link {
  return one < other ? { a: one, b: other, link } : { a: other, b: one, link };
}

/** The order in which links are listed: by lower end, by higher end, by type. */
export function compareLinks(x: Link, y: Link): number {
  return x.a - y.a || x.b - y.b || x.link - y.link;
}

const NONE = -1;
const FIRST_CAPACITY = 64;

/**
 * The undirected multigraph of nodes and typed links: at most one link of each type between two nodes, none to itself.
 *
 * Nodes and links live in slots of typed arrays. A link is two half-links, 2i and 2i + 1, each in the doubly linked list
 * of the node that it starts from, so adding and removing cost the same for a leaf and for a hub with a million links.
 * A node takes 12 B (and 4 B in the index), a link 25 B; a Map of Sets took six to nine times that.
 *
 * Invariant: half-link h starts at the node that `target[h ^ 1]` names. A slot is reused, last freed first; so nothing
 * that leaves the core may depend on slots or on the order of a list.
 */
export class Graph {
  private readonly index = new SlotIndex();
  /** SID by node slot; 0 in a free slot. */
  sids = new Int32Array(FIRST_CAPACITY);
  /** First half-link by node slot; in a free slot, the next free slot. */
  head = new Int32Array(FIRST_CAPACITY);
  private degrees = new Int32Array(FIRST_CAPACITY);
  private nodeEnd = 0;
  private nodeFree = NONE;
  private nodes = 0;

  /** Node slot at the far end, by half-link; NONE when free. */
  target = new Int32Array(2 * FIRST_CAPACITY);
  /** Next half-link of the same node; in a free link's even half, the next free link. */
  next = new Int32Array(2 * FIRST_CAPACITY);
  private previous = new Int32Array(2 * FIRST_CAPACITY);
  /** Type by link. */
  types = new Uint8Array(FIRST_CAPACITY);
  private linkEnd = 0;
  private linkFree = NONE;
  private links = 0;

  /** How many nodes there are. */
  get nodeCount(): number {
    return this.nodes;
  }

  /** How many links there are. */
  get linkCount(): number {
    return this.links;
  }

  /** One past the highest node slot in use. */
  get slotEnd(): number {
    return this.nodeEnd;
  }

  /** The slot of a node, or -1. Good until the node is removed. */
  slotOf(sid: number): number {
    return this.index.get(sid);
  }

  /** Whether the node is there. */
  has(sid: number): boolean {
    return this.index.get(sid) !== NONE;
  }

  /** The nodes past this one, in an order that stays as nodes come and go; of one instance type, or (0) of all. */
  sidsAfter(sid: number, type = 0): Iterable<number> {
    return this.index.after(sid, type);
  }

  /** How many links a node has; 0 when it is not there. */
  degree(sid: number): number {
    const slot = this.index.get(sid);
    return slot === NONE ? 0 : this.degrees[slot];
  }

  /** Adds a node that is not there, and answers with its slot. */
  addNode(sid: number): number {
    let slot = this.nodeFree;
    if (slot === NONE) {
      slot = this.nodeEnd++;
      if (slot === this.sids.length) this.growNodes();
    } else {
      this.nodeFree = this.head[slot];
    }
    this.sids[slot] = sid;
    this.head[slot] = NONE;
    this.degrees[slot] = 0;
    this.index.set(sid, slot);
    this.nodes++;
    return slot;
  }

  /** Removes a node that has no links any more. */
  removeNode(sid: number): void {
    const slot = this.index.get(sid);
    if (slot === NONE || this.degrees[slot] !== 0)
      throw new Error(`node ${sid} cannot be removed: it has links or is not there`);
    this.index.delete(sid);
    this.sids[slot] = 0;
    this.head[slot] = this.nodeFree;
    this.nodeFree = slot;
    this.nodes--;
  }

  /** Whether this link is there. Looks through the links of the end that has fewer. */
  hasLink({ a, b, link }: Link): boolean {
    return this.find(this.index.get(a), this.index.get(b), link) !== NONE;
  }

  /** Adds a link that is not there between two nodes that are. */
  addLink({ a, b, link }: Link): void {
    const from = this.index.get(a);
    const to = this.index.get(b);
    if (from === NONE || to === NONE || from === to) throw new Error(`link ${a}-${b} has no two ends`);
    let at = this.linkFree;
    if (at === NONE) {
      at = this.linkEnd++;
      if (at === this.types.length) this.growLinks();
    } else {
      this.linkFree = this.next[2 * at];
    }
    this.types[at] = link;
    this.attach(2 * at, from, to);
    this.attach(2 * at + 1, to, from);
    this.links++;
  }

  /** Removes a link that is there. */
  removeLink({ a, b, link }: Link): void {
    const half = this.find(this.index.get(a), this.index.get(b), link);
    if (half === NONE) throw new Error(`link ${a}-${b} of type ${link} is not there`);
    const at = half >>> 1;
    this.detach(2 * at, this.target[2 * at + 1]);
    this.detach(2 * at + 1, this.target[2 * at]);
    this.target[2 * at] = NONE;
    this.target[2 * at + 1] = NONE;
    this.next[2 * at] = this.linkFree;
    this.linkFree = at;
    this.links--;
  }

  /** The links of a node, in the order of {@link compareLinks}. */
  linksOf(sid: number): Link[] {
    const slot = this.index.get(sid);
    const found: Link[] = [];
    if (slot === NONE) return found;
    for (let half = this.head[slot]; half !== NONE; half = this.next[half]) {
      found.push(orderedLink(sid, this.sids[this.target[half]], this.types[half >>> 1] as LinkType));
    }
    return found.sort(compareLinks);
  }

  /** The links between two nodes, by type. */
  linksBetween(a: number, b: number): Link[] {
    const low = this.degree(a) <= this.degree(b) ? a : b;
    const high = low === a ? b : a;
    return this.linksOf(low).filter((link) => link.a === high || link.b === high);
  }

  /**
   * All links as they stand now, three numbers each (lower SID, higher SID, type), in slot order.
   *
   * A copy, so that it can be read while the graph goes on changing: one pass over flat arrays.
   */
  copyLinks(): Int32Array {
    const copy = new Int32Array(3 * this.links);
    let end = 0;
    for (let at = 0; at < this.linkEnd; at++) {
      if (this.target[2 * at] === NONE) continue;
      const one = this.sids[this.target[2 * at]];
      const other = this.sids[this.target[2 * at + 1]];
      copy[end] = Math.min(one, other);
      copy[end + 1] = Math.max(one, other);
      copy[end + 2] = this.types[at];
      end += 3;
    }
    return copy;
  }

  /** A half-link of that type from one slot to the other, or NONE. */
  private find(from: number, to: number, link: LinkType): number {
    if (from === NONE || to === NONE) return NONE;
    const [start, end] = this.degrees[from] <= this.degrees[to] ? [from, to] : [to, from];
    for (let half = this.head[start]; half !== NONE; half = this.next[half]) {
      if (this.target[half] === end && this.types[half >>> 1] === link) return half;
    }
    return NONE;
  }

  private attach(half: number, from: number, to: number): void {
    const first = this.head[from];
    this.target[half] = to;
    this.next[half] = first;
    this.previous[half] = NONE;
    if (first !== NONE) this.previous[first] = half;
    this.head[from] = half;
    this.degrees[from]++;
  }

  private detach(half: number, from: number): void {
    const before = this.previous[half];
    const after = this.next[half];
    if (before === NONE) this.head[from] = after;
    else this.next[before] = after;
    if (after !== NONE) this.previous[after] = before;
    this.degrees[from]--;
  }

  private growNodes(): void {
    const capacity = grown(this.sids.length);
    this.sids = resized(this.sids, capacity);
    this.head = resized(this.head, capacity);
    this.degrees = resized(this.degrees, capacity);
  }

  private growLinks(): void {
    const capacity = grown(this.types.length);
    this.target = resized(this.target, 2 * capacity);
    this.next = resized(this.next, 2 * capacity);
    this.previous = resized(this.previous, 2 * capacity);
    const types = new Uint8Array(capacity);
    types.set(this.types);
    this.types = types;
  }
}

/** By a half, so that at most a third lies idle and copying stays a small part of filling. */
function grown(capacity: number): number {
  return capacity + (capacity >>> 1);
}

function resized(array: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const copy = new Int32Array(length);
  copy.set(array);
  return copy;
}

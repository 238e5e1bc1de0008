import { compareLinks, type Link, type LinkType, orderedLink } from '../model/link.js';
import { SlotView, slotOfFar, TYPE_BITS, typeOfFar } from './graph-view.js';
import { Int32Pages } from './packed/pages.js';
import { SlotIndex } from './packed/slots.js';

const NONE = -1;

/**
 * The undirected multigraph of nodes and typed links: at most one link of each type between two nodes, none to itself.
 *
 * Nodes and links live in slots of columns of numbers. A link is two half-links, 2i and 2i + 1, each in the doubly linked
 * list of the node that it starts from, so adding and removing cost the same for a leaf and for a hub with a million
 * links. A node takes 12 B (and 4 B in the index), a link 24 B; a Map of Sets took six to nine times that.
 *
 * Invariant: half-link h starts at the node that `far(h ^ 1)` names. A slot is reused, last freed first; so nothing that
 * leaves the core may depend on slots or on the order of a list.
 */
export class Graph {
  private readonly index = new SlotIndex();
  /** SID by node slot; 0 in a free slot. */
  private readonly sids = new Int32Pages();
  /** First half-link by node slot; in a free slot, the next free slot. */
  private readonly head = new Int32Pages();
  private readonly degrees = new Int32Pages();
  private nodeEnd = 0;
  private nodeFree = NONE;
  private nodes = 0;

  private readonly fars = new Int32Pages();
  /** Next half-link of the same node; in a free link's even half, the next free link. */
  private readonly next = new Int32Pages();
  private readonly previous = new Int32Pages();
  private linkEnd = 0;
  private linkFree = NONE;
  private links = 0;

  /** The graph's columns to read along links, as they are at every moment: a search walks over it, or freezes it. */
  readonly view = new SlotView(this.sids, this.head, this.degrees, this.fars, this.next);

  /** How many nodes there are. */
  get nodeCount(): number {
    return this.nodes;
  }

  /** How many links there are. */
  get linkCount(): number {
    return this.links;
  }

  /** The slot of a node, or -1. Good until the node is removed. */
  slotOf(sid: number): number {
    return this.index.get(sid);
  }

  /** The SID of the node in a slot that is in use. */
  sidAt(slot: number): number {
    return this.sids.get(slot);
  }

  /** Whether the node is there. */
  has(sid: number): boolean {
    return this.index.get(sid) !== NONE;
  }

  /** The nodes past this one, in an order that stays as nodes come and go; of one instance type, or (0) of all. */
  sidsAfter(sid: number, type = 0): Iterable<number> {
    return this.index.after(sid, type);
  }

  /** The nodes past this one, ascending, whatever comes and goes meanwhile. */
  sidsAscending(sid: number): Iterable<number> {
    return this.index.ascending(sid);
  }

  /** How many links a node has; 0 when it is not there. */
  degree(sid: number): number {
    const slot = this.index.get(sid);
    return slot === NONE ? 0 : this.degrees.get(slot);
  }

  /** Adds a node that is not there, and answers with its slot. */
  addNode(sid: number): number {
    if (this.has(sid)) throw new Error(`node ${sid} is there already`);
    let slot = this.nodeFree;
    if (slot === NONE) {
      slot = this.nodeEnd++;
      for (const column of [this.sids, this.head, this.degrees]) column.reach(slot);
    } else {
      this.nodeFree = this.head.get(slot);
    }
    this.sids.set(slot, sid);
    this.head.set(slot, NONE);
    this.degrees.set(slot, 0);
    this.index.set(sid, slot);
    this.nodes++;
    return slot;
  }

  /** Removes a node that has no links any more. */
  removeNode(sid: number): void {
    const slot = this.index.get(sid);
    if (slot === NONE || this.degrees.get(slot) !== 0) {
      throw new Error(`node ${sid} cannot be removed: it has links or is not there`);
    }
    this.index.delete(sid);
    this.sids.set(slot, 0);
    this.head.set(slot, this.nodeFree);
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
      for (const column of [this.fars, this.next, this.previous]) column.reach(2 * at + 1);
    } else {
      this.linkFree = this.next.get(2 * at);
    }
    this.attach(2 * at, from, (to << TYPE_BITS) | link);
    this.attach(2 * at + 1, to, (from << TYPE_BITS) | link);
    this.links++;
  }

  /** Removes a link that is there. */
  removeLink({ a, b, link }: Link): void {
    const half = this.find(this.index.get(a), this.index.get(b), link);
    if (half === NONE) throw new Error(`link ${a}-${b} of type ${link} is not there`);
    const at = half >>> 1;
    this.detach(2 * at, slotOfFar(this.fars.get(2 * at + 1)));
    this.detach(2 * at + 1, slotOfFar(this.fars.get(2 * at)));
    this.fars.set(2 * at, NONE);
    this.fars.set(2 * at + 1, NONE);
    this.next.set(2 * at, this.linkFree);
    this.linkFree = at;
    this.links--;
  }

  /** The links of a node, in the order of {@link compareLinks}. */
  linksOf(sid: number): Link[] {
    const slot = this.index.get(sid);
    const found: Link[] = [];
    if (slot === NONE) return found;
    for (let half = this.head.get(slot); half !== NONE; half = this.next.get(half)) {
      const far = this.fars.get(half);
      found.push(orderedLink(sid, this.sids.get(slotOfFar(far)), typeOfFar(far)));
    }
    return found.sort(compareLinks);
  }

  /** The links between two nodes, by type. */
  linksBetween(a: number, b: number): Link[] {
    const low = this.degree(a) <= this.degree(b) ? a : b;
    const high = low === a ? b : a;
    return this.linksOf(low).filter((link) => link.a === high || link.b === high);
  }

  /** All links as they stand now, to be read again and again while the graph goes on changing. */
  copyLinks(): Iterable<Link> {
    const fars = this.fars.copy();
    const sids = this.sids.copy();
    const { linkEnd } = this;
    return { [Symbol.iterator]: () => linksIn(fars, sids, linkEnd) };
  }

  /** A half-link of that type from one slot to the other, or NONE. */
  private find(from: number, to: number, link: LinkType): number {
    if (from === NONE || to === NONE) return NONE;
    const [start, end] = this.degrees.get(from) <= this.degrees.get(to) ? [from, to] : [to, from];
    const wanted = (end << TYPE_BITS) | link;
    for (let half = this.head.get(start); half !== NONE; half = this.next.get(half)) {
      if (this.fars.get(half) === wanted) return half;
    }
    return NONE;
  }

  private attach(half: number, from: number, far: number): void {
    const first = this.head.get(from);
    this.fars.set(half, far);
    this.next.set(half, first);
    this.previous.set(half, NONE);
    if (first !== NONE) this.previous.set(first, half);
    this.head.set(from, half);
    this.degrees.set(from, this.degrees.get(from) + 1);
  }

  private detach(half: number, from: number): void {
    const before = this.previous.get(half);
    const after = this.next.get(half);
    if (before === NONE) this.head.set(from, after);
    else this.next.set(before, after);
    if (after !== NONE) this.previous.set(after, before);
    this.degrees.set(from, this.degrees.get(from) - 1);
  }
}

function* linksIn(fars: Int32Pages, sids: Int32Pages, linkEnd: number): Iterator<Link> {
  for (let at = 0; at < linkEnd; at++) {
    const far = fars.get(2 * at);
    if (far === NONE) continue;
    const near = fars.get(2 * at + 1);
    yield orderedLink(sids.get(slotOfFar(near)), sids.get(slotOfFar(far)), typeOfFar(far));
  }
}

import type { LinkChange, NetworkDelta, NodeAdded } from '../wire/messages.js';

/** A link of the picture: two nodes, and which types stand between them. */
export interface GraphLink {
  readonly a: GraphNode;
  readonly b: GraphNode;
  /** Bit 1 << type of each link between the two. */
  types: number;
  /** Its place in {@link GraphModel.links}. */
  at: number;
}

/** A node of the picture. */
export interface GraphNode {
  readonly sid: number;
  readonly uuid: string;
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  /** 0 for a server. */
  readonly parent: number;
  /** Its place in what is drawn; given to another node when it has gone. */
  readonly slot: number;
  /** By the SID of the node at the other end. The links to the server are left out: everybody has one. */
  readonly links: Map<number, GraphLink>;
}

/** What one message changed, for the layout and the list of changes. */
export interface GraphChange {
  readonly added: readonly GraphNode[];
  readonly removed: readonly GraphNode[];
  readonly linked: readonly GraphLink[];
  readonly unlinked: readonly GraphLink[];
}

const CONTROL = 0;

/** The graph as the page knows it: a replica of the server's, and a slot for each node. */
export class GraphModel {
  readonly nodes = new Map<number, GraphNode>();
  readonly links: GraphLink[] = [];
  /** By slot; undefined where none is. */
  readonly slots: (GraphNode | undefined)[] = [];
  /** How many nodes have a label, by its key. */
  readonly labelCounts = new Map<string, number>();
  /** Grows with every change. */
  version = 0;
  #free: number[] = [];

  /** Applies one revision, in the order that the API documents. */
  apply(delta: NetworkDelta): GraphChange {
    const unlinked = delta.linkRemoved.flatMap((link) => this.#unlink(link));
    const removed = delta.nodeRemoved.flatMap(({ cvid }) => this.#remove(cvid, unlinked));
    const added = delta.nodeAdded.flatMap((node) => this.#add(node));
    const linked = delta.linkAdded.flatMap((link) => this.#link(link));
    this.version++;
    return { added, removed, linked, unlinked };
  }

  /** Takes over all that another one has, which is used no more. Only for a graph without nodes: {@link become} is for others. */
  adopt(other: GraphModel): GraphChange {
    for (const [sid, node] of other.nodes) this.nodes.set(sid, node);
    for (const link of other.links) this.links.push(link);
    this.slots.length = 0;
    for (const node of other.slots) this.slots.push(node);
    for (const [key, count] of other.labelCounts) this.labelCounts.set(key, count);
    this.#free = other.#free;
    this.version++;
    return { added: [...this.nodes.values()], removed: [], linked: [...this.links], unlinked: [] };
  }

  /** Becomes the same as another, and answers with what that changed. */
  become(other: GraphModel): GraphChange {
    const gone = [...this.nodes.values()].filter((node) => !isSame(node, other.nodes.get(node.sid)));
    const cut = this.links.filter((link) => typesIn(other, link) !== link.types);
    const changes = { nodeAdded: [] as NodeAdded[], linkAdded: [] as LinkChange[] };
    const nodeRemoved = gone.map(({ sid }) => ({ cvid: sid }));
    const before = this.apply({ ...changes, nodeRemoved, linkRemoved: cut.flatMap(changesOf) });
    for (const node of other.nodes.values()) {
      const { sid: cvid, uuid: instanceUuid, name, labels, parent } = node;
      if (!this.nodes.has(cvid)) changes.nodeAdded.push({ cvid, instanceUuid, name, labels, parent });
    }
    for (const link of other.links) {
      if (typesIn(this, link) !== link.types) changes.linkAdded.push(...changesOf(link));
    }
    const after = this.apply({ ...changes, nodeRemoved: [], linkRemoved: [] });
    return { ...after, removed: before.removed, unlinked: before.unlinked };
  }

  /** Takes a change back that {@link apply} made of a graph that is the same as this one. */
  undo({ added, removed, linked, unlinked }: GraphChange): void {
    this.apply({
      nodeRemoved: added.map(({ sid }) => ({ cvid: sid })),
      linkRemoved: linked.map(({ a, b }) => ({ cvid1: a.sid, cvid2: b.sid, link: CONTROL })),
      nodeAdded: removed.map(({ sid: cvid, uuid: instanceUuid, name, labels, parent }) => {
        return { cvid, instanceUuid, name, labels, parent };
      }),
      linkAdded: unlinked.flatMap(changesOf),
    });
  }

  /** The link between two nodes. */
  between(one: number, other: number): GraphLink | undefined {
    return this.nodes.get(one)?.links.get(other);
  }

  #add({ cvid: sid, parent, instanceUuid: uuid, name, labels }: NodeAdded): GraphNode[] {
    if (this.nodes.has(sid)) return [];
    const slot = this.#free.pop() ?? this.slots.length;
    const node: GraphNode = { sid, uuid, name, labels, parent, slot, links: new Map() };
    this.nodes.set(sid, node);
    this.slots[slot] = node;
    this.#countLabels(node, 1);
    return [node];
  }

  #remove(sid: number, unlinked: GraphLink[]): GraphNode[] {
    const node = this.nodes.get(sid);
    if (node === undefined) return [];
    for (const link of [...node.links.values()]) unlinked.push(...this.#drop(link));
    this.nodes.delete(sid);
    this.slots[node.slot] = undefined;
    this.#free.push(node.slot);
    this.#countLabels(node, -1);
    return [node];
  }

  #countLabels({ labels }: GraphNode, by: 1 | -1): void {
    for (const key of labels.keys()) {
      const count = (this.labelCounts.get(key) ?? 0) + by;
      if (count > 0) this.labelCounts.set(key, count);
      else this.labelCounts.delete(key);
    }
  }

  #link({ cvid1, cvid2, link: type }: LinkChange): GraphLink[] {
    const [a, b] = [this.nodes.get(cvid1), this.nodes.get(cvid2)];
    if (a === undefined || b === undefined || type === CONTROL) return [];
    const there = a.links.get(b.sid);
    if (there !== undefined) {
      there.types |= 1 << type;
      return [];
    }
    const link: GraphLink = { a, b, types: 1 << type, at: this.links.length };
    this.links.push(link);
    a.links.set(b.sid, link);
    b.links.set(a.sid, link);
    return [link];
  }

  /** A change that names no type, or the control link, between two instances takes all that stands there. */
  #unlink({ cvid1, cvid2, link: type }: LinkChange): GraphLink[] {
    const link = this.between(cvid1, cvid2);
    if (link === undefined) return [];
    const left = type === CONTROL ? 0 : link.types & ~(1 << type);
    // One that goes keeps its types, for whoever takes that back.
    if (left === 0) return this.#drop(link);
    link.types = left;
    return [];
  }

  #drop(link: GraphLink): GraphLink[] {
    link.a.links.delete(link.b.sid);
    link.b.links.delete(link.a.sid);
    const last = this.links.pop();
    if (last !== undefined && last !== link) {
      this.links[link.at] = last;
      last.at = link.at;
    }
    return [link];
  }
}

/** An instance that came again under the SID of another is another node. */
function isSame(node: GraphNode, other: GraphNode | undefined): boolean {
  return other !== undefined && node.uuid === other.uuid && node.name === other.name;
}

function typesIn(model: GraphModel, { a, b }: GraphLink): number {
  return model.between(a.sid, b.sid)?.types ?? 0;
}

function changesOf({ a, b, types }: GraphLink): LinkChange[] {
  return [1, 2, 3, 4, 5, 6, 7]
    .filter((type) => types & (1 << type))
    .map((link) => ({ cvid1: a.sid, cvid2: b.sid, link }));
}

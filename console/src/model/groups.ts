import type { GraphModel, GraphNode } from './graph.js';

/** By what nodes are grouped: a label's value, or which nodes are linked with each other. */
export type GroupBy = { readonly kind: 'label'; readonly key: string } | { readonly kind: 'linked' };

/** A group of nodes. */
export interface Group {
  /** Its number, which stays while it has a node. */
  readonly id: number;
  readonly name: string;
  /** Asks for its nodes in the language of queries; empty where that has no words for it. */
  readonly query: string;
  readonly size: number;
}

/** Links between two groups, by their numbers, drawn as one. */
export interface Bundle {
  readonly a: number;
  readonly b: number;
  readonly links: number;
}

/** All groups of a graph. */
export interface Grouped {
  readonly by: GroupBy;
  /** The largest first. */
  readonly groups: readonly Group[];
  /** The group's number of each slot; -1 where no instance is. */
  readonly of: Int32Array;
  readonly bundles: readonly Bundle[];
}

/** From so many instances on they are grouped unless somebody says otherwise, and below so many not any more. */
export const GROUPED_FROM = 3_000;
const UNGROUPED_BELOW = 2_400;
/** The label by which they are grouped, where at least half of them have it. */
const USUAL_LABEL = 'site';
/** Discs at once: their layout compares each with each. What is left over is one group. */
const GROUPS_MAX = 300;
/** Keys of labels that are offered. */
const KEYS_MAX = 12;
const OTHERS = '\u0000others';
const NONE = '\u0000none';

/** Reads what the address says: nothing (as is usual), `:none`, `:linked`, or the key of a label. */
export function chooseGroupBy(said: string, model: GraphModel, isGrouped: boolean): GroupBy | undefined {
  if (said === ':none') return undefined;
  if (said === ':linked') return { kind: 'linked' };
  if (said !== '') return { kind: 'label', key: said };
  const nodes = model.nodes.size - 1;
  if (nodes < (isGrouped ? UNGROUPED_BELOW : GROUPED_FROM)) return undefined;
  const labelled = model.labelCounts.get(USUAL_LABEL) ?? 0;
  return 2 * labelled >= nodes ? { kind: 'label', key: USUAL_LABEL } : { kind: 'linked' };
}

/** The keys of labels by which instances could be grouped, those of most first. */
export function labelKeys({ labelCounts }: GraphModel): string[] {
  const sorted = [...labelCounts].sort(([key, count], [other, others]) => others - count || (key < other ? -1 : 1));
  return sorted.slice(0, KEYS_MAX).map(([key]) => key);
}

/** Groups the nodes of a graph again and again; a group that has a node keeps its number, so that its disc stays where it is. */
export class Grouping {
  readonly by: GroupBy;
  #ids = new Map<string, number>();
  #freeIds: number[] = [];

  constructor(by: GroupBy) {
    this.by = by;
  }

  /** The groups of a graph as it is now. */
  read(model: GraphModel): Grouped {
    const parts = this.by.kind === 'label' ? partsByLabel(model, this.by.key) : partsByLinks(model);
    const sorted = [...parts.all].sort((one, other) => other.size - one.size);
    this.#number(sorted.map(({ key }) => key));
    const groups: Group[] = [];
    let others = 0;
    for (const part of sorted) {
      const id = part.key === OTHERS ? undefined : this.#ids.get(part.key);
      part.id = id ?? this.#ids.get(OTHERS) ?? 0;
      if (id === undefined) others += part.size;
      else groups.push({ id, size: part.size, ...this.#wordsOf(part) });
    }
    if (others > 0) groups.push({ id: this.#ids.get(OTHERS) ?? 0, size: others, name: 'others', query: '' });
    const of = parts.of.map((at) => parts.all[at]?.id ?? -1);
    return { by: this.by, groups, of, bundles: bundlesOf(model, of) };
  }

  #wordsOf({ key, most }: Part): Pick<Group, 'name' | 'query'> {
    const { by } = this;
    if (by.kind === 'label') {
      if (key === NONE) return { name: `no ${by.key}`, query: '' };
      // The language has no word for a value with a space in it.
      const isWord = key !== '' && !/\s/.test(`${by.key}${key}`);
      return { name: key === '' ? `${by.key}, empty` : key, query: isWord ? `${by.key}=${key}` : '' };
    }
    if (key === NONE) return { name: 'no links', query: 'links=0' };
    return { name: `around ${most.name === '' ? `#${most.sid}` : most.name}`, query: '' };
  }

  /** Gives each of the largest groups a number, and takes those back that have no node any more. */
  #number(keys: readonly string[]): void {
    const there = new Set(keys);
    const isFull = keys.length > GROUPS_MAX;
    for (const [key, id] of this.#ids) {
      if (there.has(key) || (key === OTHERS && isFull)) continue;
      this.#ids.delete(key);
      this.#freeIds.push(id);
    }
    if (isFull) this.#idOf(OTHERS);
    for (const key of keys) {
      if (this.#ids.size >= GROUPS_MAX) break;
      this.#idOf(key);
    }
  }

  #idOf(key: string): void {
    if (!this.#ids.has(key)) this.#ids.set(key, this.#freeIds.pop() ?? this.#ids.size);
  }
}

/** Nodes that belong together, before it is known which of them are groups. */
interface Part {
  /** By which it is known again the next time. */
  key: string;
  size: number;
  /** Its node with most links. */
  most: GraphNode;
  /** The number of its group. */
  id: number;
}

/** All parts of a graph, and by slot which of them a node is in; -1 where no instance is. */
class Parts {
  readonly all: Part[] = [];
  readonly of: Int32Array;

  constructor({ slots }: GraphModel) {
    this.of = new Int32Array(slots.length).fill(-1);
  }

  add(node: GraphNode, at: number): void {
    const part = this.all[at];
    if (part === undefined) return;
    part.size++;
    if (node.links.size > part.most.links.size) part.most = node;
    this.of[node.slot] = at;
  }

  make(key: string, most: GraphNode): number {
    return this.all.push({ key, size: 0, most, id: -1 }) - 1;
  }
}

function partsByLabel(model: GraphModel, label: string): Parts {
  const parts = new Parts(model);
  const known = new Map<string, number>();
  for (const node of model.nodes.values()) {
    if (node.parent === 0) continue;
    const key = node.labels.get(label) ?? NONE;
    let at = known.get(key);
    if (at === undefined) {
      at = parts.make(key, node);
      known.set(key, at);
    }
    parts.add(node, at);
  }
  return parts;
}

/** Those that are linked with each other. Their key is the least UUID among them, which hardly ever changes. */
function partsByLinks(model: GraphModel): Parts {
  const parts = new Parts(model);
  const roots = findRoots(model);
  const ofRoot = new Int32Array(model.slots.length).fill(-1);
  let unlinked = -1;
  for (const node of model.nodes.values()) {
    if (node.parent === 0) continue;
    if (node.links.size === 0) {
      if (unlinked < 0) unlinked = parts.make(NONE, node);
      parts.add(node, unlinked);
      continue;
    }
    const root = roots[node.slot] ?? 0;
    const at = ofRoot[root] ?? -1;
    if (at < 0) ofRoot[root] = parts.make(node.uuid, node);
    const part = parts.all[at];
    if (part !== undefined && node.uuid < part.key) part.key = node.uuid;
    parts.add(node, ofRoot[root] ?? -1);
  }
  return parts;
}

/** By slot the slot that stands for all that are linked with it. */
function findRoots({ slots, links }: GraphModel): Int32Array {
  const roots = new Int32Array(slots.length);
  for (let slot = 0; slot < roots.length; slot++) roots[slot] = slot;
  const find = (slot: number): number => {
    let at = slot;
    for (let next = roots[at] ?? at; next !== at; next = roots[at] ?? at) {
      roots[at] = roots[next] ?? next;
      at = next;
    }
    return at;
  };
  for (const { a, b } of links) {
    const [one, other] = [find(a.slot), find(b.slot)];
    if (one !== other) roots[one] = other;
  }
  for (let slot = 0; slot < roots.length; slot++) roots[slot] = find(slot);
  return roots;
}

function bundlesOf({ links }: GraphModel, of: Int32Array): Bundle[] {
  const width = GROUPS_MAX + 1;
  const counts = new Uint32Array(width * width);
  for (const { a, b } of links) {
    const one = of[a.slot] ?? -1;
    const other = of[b.slot] ?? -1;
    if (one !== other && one >= 0 && other >= 0) counts[Math.min(one, other) * width + Math.max(one, other)]!++;
  }
  const bundles: Bundle[] = [];
  counts.forEach((links, pair) => {
    if (links > 0) bundles.push({ a: Math.floor(pair / width), b: pair % width, links });
  });
  return bundles;
}

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
  let labelled = 0;
  for (const { labels } of model.nodes.values()) if (labels.has(USUAL_LABEL)) labelled++;
  return 2 * labelled >= nodes ? { kind: 'label', key: USUAL_LABEL } : { kind: 'linked' };
}

/** The keys of labels by which instances could be grouped, those of most first. */
export function labelKeys(model: GraphModel): string[] {
  const counts = new Map<string, number>();
  for (const { labels } of model.nodes.values()) {
    for (const key of labels.keys()) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const sorted = [...counts].sort(([key, count], [other, others]) => others - count || (key < other ? -1 : 1));
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
    const { by } = this;
    const nodes = [...model.nodes.values()].filter(({ parent }) => parent !== 0);
    const keyOf =
      by.kind === 'label' ? ({ labels }: GraphNode) => labels.get(by.key) ?? NONE : linkedKeys(model, nodes);
    const members = new Map<string, GraphNode[]>();
    for (const node of nodes) {
      const key = keyOf(node);
      const there = members.get(key);
      if (there === undefined) members.set(key, [node]);
      else there.push(node);
    }
    const sized = [...members].sort(([, one], [, other]) => other.length - one.length);
    this.#number(sized.map(([key]) => key));
    const of = new Int32Array(model.slots.length).fill(-1);
    const groups: Group[] = [];
    const others: GraphNode[] = [];
    for (const [key, all] of sized) {
      const id = this.#ids.get(key);
      if (id === undefined || key === OTHERS) others.push(...all);
      else groups.push(this.#group(id, key, all, of));
    }
    if (others.length > 0) groups.push(this.#group(this.#ids.get(OTHERS) ?? 0, OTHERS, others, of));
    return { by, groups, of, bundles: bundlesOf(model, of) };
  }

  #group(id: number, key: string, members: readonly GraphNode[], of: Int32Array): Group {
    for (const { slot } of members) of[slot] = id;
    return { id, size: members.length, ...this.#wordsOf(key, members) };
  }

  #wordsOf(key: string, members: readonly GraphNode[]): Pick<Group, 'name' | 'query'> {
    const { by } = this;
    if (key === OTHERS) return { name: 'others', query: '' };
    if (by.kind === 'label') {
      if (key === NONE) return { name: `no ${by.key}`, query: '' };
      // The language has no word for a value with a space in it.
      const isWord = key !== '' && !/\s/.test(`${by.key}${key}`);
      return { name: key === '' ? `${by.key}, empty` : key, query: isWord ? `${by.key}=${key}` : '' };
    }
    if (key === NONE) return { name: 'no links', query: 'links=0' };
    const most = members.reduce((one, other) => (other.links.size > one.links.size ? other : one));
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

/** Of nodes that are linked with each other the least UUID, which hardly ever changes. */
function linkedKeys(model: GraphModel, nodes: readonly GraphNode[]): (node: GraphNode) => string {
  const root = Int32Array.from(model.slots, (_, slot) => slot);
  const find = (slot: number): number => {
    let at = slot;
    while (root[at] !== at) {
      root[at] = root[root[at]!]!;
      at = root[at]!;
    }
    return at;
  };
  for (const { a, b } of model.links) root[find(a.slot)] = find(b.slot);
  const least = new Map<number, string>();
  for (const { slot, uuid } of nodes) {
    const at = find(slot);
    const known = least.get(at);
    if (known === undefined || uuid < known) least.set(at, uuid);
  }
  return ({ slot, links }) => (links.size === 0 ? NONE : (least.get(find(slot)) ?? NONE));
}

function bundlesOf({ links }: GraphModel, of: Int32Array): Bundle[] {
  const counts = new Map<number, number>();
  const width = GROUPS_MAX + 1;
  for (const { a, b } of links) {
    const [one, other] = [of[a.slot]!, of[b.slot]!];
    if (one === other || one < 0 || other < 0) continue;
    const pair = Math.min(one, other) * width + Math.max(one, other);
    counts.set(pair, (counts.get(pair) ?? 0) + 1);
  }
  return [...counts].map(([pair, count]) => ({ a: Math.floor(pair / width), b: pair % width, links: count }));
}

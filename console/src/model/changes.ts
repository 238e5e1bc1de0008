import type { GraphChange, GraphNode } from './graph.js';

/** One line of the list of changes: what became of one node in one message. */
export interface ChangeLine {
  readonly id: number;
  readonly atMs: number;
  readonly revision: number;
  readonly kind: 'came' | 'left' | 'linked' | 'unlinked';
  readonly node: Pick<GraphNode, 'sid' | 'name' | 'parent'>;
  /** How many links came or went with it. */
  readonly links: number;
  /** Why it left, when that is known by now. */
  readonly reason: string;
}

/** Lines that are kept: an hour of a lively fleet. Each is some 200 B. */
const LINES_MAX = 10_000;
/** Seconds of the rate that is drawn. */
const RATE_SECONDS = 600;

/** The page's own memory of what has happened since it was opened, with the page's clock: deltas carry no time. */
export class ChangeLog {
  readonly lines: ChangeLine[] = [];
  /** Changes in each second, the last {@link RATE_SECONDS} of them, by second modulo that. */
  readonly #rates = new Uint32Array(RATE_SECONDS);
  #rateSecond = 0;
  #lastId = 0;

  /** Forgets all of it. */
  clear(): void {
    this.lines.length = 0;
    this.#rates.fill(0);
  }

  /** Adds the lines of a change; of links between nodes that stay, one line for the node that has more of them. */
  add(change: GraphChange, revision: number, atMs: number, reasonOf: (sid: number) => string): void {
    const links = new Map<GraphNode, number>();
    for (const { a, b } of [...change.linked, ...change.unlinked]) {
      for (const node of [a, b]) links.set(node, (links.get(node) ?? 0) + 1);
    }
    const told = new Set<GraphNode>([...change.added, ...change.removed]);
    const line = (kind: ChangeLine['kind'], node: GraphNode, number: number) => {
      const { sid, name, parent } = node;
      const reason = kind === 'left' ? reasonOf(sid) : '';
      this.lines.push({ id: ++this.#lastId, atMs, revision, kind, node: { sid, name, parent }, links: number, reason });
    };
    for (const node of change.removed) line('left', node, links.get(node) ?? 0);
    for (const node of change.added) line('came', node, links.get(node) ?? 0);
    for (const [kind, list] of [
      ['linked', change.linked],
      ['unlinked', change.unlinked],
    ] as const) {
      const heads = new Map<GraphNode, number>();
      for (const { a, b } of list) {
        if (told.has(a) || told.has(b)) continue;
        const head = (links.get(a) ?? 0) >= (links.get(b) ?? 0) ? a : b;
        heads.set(head, (heads.get(head) ?? 0) + 1);
      }
      for (const [node, number] of heads) line(kind, node, number);
    }
    if (this.lines.length > LINES_MAX) this.lines.splice(0, this.lines.length - LINES_MAX);
    const size = change.added.length + change.removed.length + change.linked.length + change.unlinked.length;
    this.#count(atMs, size);
  }

  /** Says later why a node left: the two watches tell in no order. */
  explain(sid: number, reason: string): void {
    for (let at = this.lines.length - 1; at >= 0 && at > this.lines.length - 1_000; at--) {
      const line = this.lines[at]!;
      if (line.kind === 'left' && line.node.sid === sid && line.reason === '') {
        this.lines[at] = { ...line, reason };
        return;
      }
    }
  }

  /** Changes a second, the oldest first, until now. */
  rates(nowMs: number, seconds = RATE_SECONDS): number[] {
    this.#count(nowMs, 0);
    const last = Math.floor(nowMs / 1_000);
    return Array.from({ length: seconds }, (_, at) => this.#rates[(last - seconds + 1 + at) % RATE_SECONDS] ?? 0);
  }

  #count(atMs: number, size: number): void {
    const second = Math.floor(atMs / 1_000);
    const from = Math.max(this.#rateSecond + 1, second - RATE_SECONDS + 1);
    for (let passed = from; passed <= second; passed++) this.#rates[passed % RATE_SECONDS] = 0;
    this.#rateSecond = Math.max(second, this.#rateSecond);
    this.#rates[second % RATE_SECONDS]! += size;
  }
}

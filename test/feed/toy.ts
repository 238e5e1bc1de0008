import { ManualClock } from '../../harness/manual-clock.js';
import { type Applied, apply } from '../../src/core/decide/apply.js';
import type { Change } from '../../src/core/model/change.js';
import type { Command } from '../../src/core/model/command.js';
import { isFault } from '../../src/core/model/fault.js';
import { DEFAULT_LIMITS } from '../../src/core/model/limits.js';
import type { Position } from '../../src/core/model/position.js';
import { type Capture, rowsOf } from '../../src/core/store/snapshot.js';
import { State } from '../../src/core/store/state.js';
import { Feed } from '../../src/feed/feed.js';
import { DEFAULT_FEED_LIMITS, type FeedLimits } from '../../src/feed/limits.js';
import type { Topic } from '../../src/feed/topic.js';
import type { Touch } from '../../src/feed/touches.js';

/** One line of the toy topic: what it says, where, and which nodes it is about. */
export interface Line {
  kind: 'delta' | 'snapshot' | 'end' | 'bookmark' | 'reset';
  revision: number;
  /** `+n`, `-n`, `+a-b`, `-a-b`. */
  items: string[];
}

const text = new TextEncoder();
const line = (one: Line): Uint8Array => text.encode(`${JSON.stringify(one)}\n`);

/** The lines of a message. */
export function lines(message: Uint8Array): Line[] {
  const parts = new TextDecoder().decode(message).trimEnd().split('\n');
  return parts.map((part) => JSON.parse(part));
}

function itemsOf(changes: readonly Change[]): string[] {
  const items: string[] = [];
  for (const change of changes) {
    if (change.kind === 'SessionOpened') items.push(`+${change.session.sid}`);
    if (change.kind === 'SessionClosed') items.push(`-${change.session.sid}`);
    if (change.kind === 'LinkAdded') items.push(`+${change.link.a}-${change.link.b}`);
    if (change.kind === 'LinkRemoved') items.push(`-${change.link.a}-${change.link.b}`);
  }
  return items;
}

const sidsOf = (item: string): number[] => item.slice(1).split('-').map(Number);

function* snapshotChunks(taken: Capture): Iterator<Uint8Array> {
  const { revision } = taken.position;
  for (const row of rowsOf(taken)) {
    if (row.kind === 'session') yield line({ kind: 'snapshot', revision, items: [`+${row.session.sid}`] });
    if (row.kind === 'link') yield line({ kind: 'snapshot', revision, items: [`+${row.a}-${row.b}`] });
  }
}

/** A topic whose messages are lines of JSON: concatenable, and readable in a failed test. */
export const TOY: Topic = {
  name: 'toy',
  encode: ({ revision }: Position, changes) => line({ kind: 'delta', revision, items: itemsOf(changes) }),
  size: (changes) => 64 + 24 * itemsOf(changes).length,
  touches: (changes): Touch[] => itemsOf(changes).map((item) => ({ a: sidsOf(item)[0], b: sidsOf(item)[1] ?? 0 })),
  filter: (message, keeps) => {
    const kept = lines(message)
      .map((one) => ({ ...one, items: one.items.filter((item) => sidsOf(item).some(keeps)) }))
      .filter((one) => one.items.length > 0);
    return kept.length === 0 ? undefined : text.encode(kept.map((one) => `${JSON.stringify(one)}\n`).join(''));
  },
  bookmark: ({ revision }) => line({ kind: 'bookmark', revision, items: [] }),
  reset: ({ revision }) => line({ kind: 'reset', revision, items: [] }),
  snapshot: { chunks: snapshotChunks, end: ({ revision }) => line({ kind: 'end', revision, items: [] }) },
  net: (state, touches) => {
    const removed = new Set<string>();
    const added = new Set<string>();
    for (const { a, b } of touches) {
      if (b === 0) (state.graph.has(a) ? added : removed).add(`${state.graph.has(a) ? '+' : '-'}${a}`);
      else removed.add(`-${a}-${b}`);
      if (b !== 0 && state.graph.linksBetween(a, b).length > 0) added.add(`+${a}-${b}`);
    }
    return line({ kind: 'delta', revision: state.revision, items: [...removed, ...added] });
  },
};

/** A core with a feed of the toy topic, and a clock that the test moves. */
export class ToyWorld {
  readonly clock = new ManualClock();
  readonly state = new State(DEFAULT_LIMITS);
  readonly feed: Feed;

  constructor(limits: Partial<FeedLimits> = {}, topic: Topic = TOY) {
    apply(this.state, { kind: 'FoundNetwork', epoch: 'e', serverUuid: 's', atMs: 0 });
    this.feed = new Feed(topic, this.state, { ...DEFAULT_FEED_LIMITS, ...limits }, this.clock);
  }

  /** Applies and publishes. */
  do(command: Command): Applied {
    const applied = apply(this.state, command);
    if (isFault(applied)) throw new Error(applied.message);
    this.feed.publish(this.state.position, applied.changes);
    return applied;
  }

  /** Opens a session for instance number n, and answers with its SID. */
  open(n: number): number {
    const uuid = `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
    this.do({
      kind: 'OpenSession',
      uuid,
      type: 2,
      flavor: 0,
      ttlMs: 1000,
      name: '',
      labels: {},
      tokenHash: '',
      atMs: 0,
    });
    return this.state.sessions.ofInstance(uuid)!.sid;
  }

  close(sid: number): void {
    this.do({ kind: 'CloseSession', sid, reason: 2 });
  }
}

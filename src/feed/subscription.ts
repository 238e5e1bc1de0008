import { Fault } from '../core/model/fault.js';
import type { Position } from '../core/model/position.js';
import type { Feed } from './feed.js';
import type { SharedSnapshot } from './snapshot.js';

/** Where a subscription begins. */
export type Start =
  /** After a position that the log leads on from, or that its net effect does. */
  | { readonly kind: 'after'; readonly revision: number }
  /** With a snapshot, after a RESET where the reader had another picture. */
  | { readonly kind: 'snapshot'; readonly reset: boolean }
  /** Now, which a bookmark (or a RESET) tells. */
  | { readonly kind: 'now'; readonly reset: boolean };

/** What a subscription asks for besides where it begins. */
export interface Wish {
  readonly coalesce: boolean;
  /** Empty: everything. */
  readonly sids: ReadonlySet<number>;
}

/**
 * One watcher: a place in the history, and nothing that grows.
 *
 * It is pulled: whoever writes to the wire calls {@link next} when the last write is done. In order it is
 *
 *     (RESET) -> SNAPSHOT... -> SNAPSHOT_END -> (DELTA | BOOKMARK)... -> fault
 *
 * and from any point back to RESET, when what it missed cannot be told otherwise and it may be.
 */
export class Subscription {
  /** The last revision that was delivered. */
  private cursor = 0;
  private snapshot: SharedSnapshot | undefined;
  private chunkAt = 0;
  /** A small message that goes out before anything else. */
  private first: 'reset' | 'bookmark' | undefined;
  private bookmarkDue = false;
  private ending: Fault | undefined;
  private closed = false;
  private wake: (() => void) | undefined;
  /** Monotonic time of the last message. */
  lastSentMs: number;

  constructor(
    private readonly feed: Feed,
    start: Start,
    private readonly wish: Wish,
  ) {
    this.lastSentMs = feed.clock.nowMs();
    if (start.kind === 'after') this.cursor = start.revision;
    else if (start.kind === 'snapshot') this.beginSnapshot(start.reset);
    else {
      this.cursor = feed.position.revision;
      this.first = start.reset ? 'reset' : 'bookmark';
    }
  }

  /** Whether the next message is made for this watcher alone: a part of a snapshot, or the net effect of what it missed. */
  get isCostly(): boolean {
    return this.snapshot !== undefined || (this.first === undefined && this.cursor < this.feed.log.floor);
  }

  /** The next message, a Fault that ends the watch, or undefined when there is nothing yet. */
  next(): Uint8Array | Fault | undefined {
    if (this.closed) return undefined;
    const message = this.pull();
    if (message === undefined) this.feed.await(this);
    else if (message instanceof Fault) this.close();
    else this.lastSentMs = this.feed.clock.nowMs();
    return message;
  }

  /** `wake` is called, at most once a turn, when {@link next} may have something after it had nothing. */
  onReady(wake: () => void): void {
    this.wake = wake;
  }

  /** The watcher is gone. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.leaveSnapshot();
    this.feed.forget(this);
  }

  /** For the feed: there may be something. */
  ready(): void {
    this.wake?.();
  }

  /** For the feed: it has been quiet for long. */
  dueBookmark(): void {
    this.bookmarkDue = true;
  }

  /** For the feed: deliver what there is, say where that leads to, and end with this. */
  drain(fault: Fault): void {
    this.ending = fault;
    this.bookmarkDue = true;
  }

  private pull(): Uint8Array | Fault | undefined {
    const { topic, position } = this.feed;
    if (this.snapshot?.retired) {
      this.leaveSnapshot();
      this.beginSnapshot(true);
    }
    if (this.first !== undefined) {
      const message = this.first === 'reset' ? topic.reset(position) : topic.bookmark(position);
      this.first = undefined;
      return message;
    }
    if (this.snapshot !== undefined) return this.pullSnapshot(this.snapshot);
    return this.pullChanges() ?? this.pullBookmark();
  }

  private pullSnapshot(snapshot: SharedSnapshot): Uint8Array {
    const { topic } = this.feed;
    for (;;) {
      const chunk = snapshot.chunk(this.chunkAt++);
      if (chunk === undefined) break;
      const kept = this.wish.sids.size === 0 ? chunk : topic.filter(chunk, (sid) => this.wish.sids.has(sid));
      if (kept !== undefined) return kept;
    }
    this.cursor = snapshot.position.revision;
    this.leaveSnapshot();
    return topic.snapshot!.end(snapshot.position);
  }

  private pullChanges(): Uint8Array | Fault | undefined {
    const { log, touches } = this.feed;
    const floor = this.wish.sids.size === 0 ? log.floor : Math.max(log.floor, touches.floor);
    if (this.cursor < floor) return this.catchUp(floor);
    if (this.wish.sids.size > 0) return this.pullFiltered();
    const run = log.read(this.cursor, this.feed.limits.messageBytesMax);
    if (run === undefined) return undefined;
    this.cursor = run.revision;
    this.bookmarkDue = this.ending !== undefined;
    return run.bytes;
  }

  /** The changes past the cursor that touch the wished nodes: only their revisions are decoded. */
  private pullFiltered(): Uint8Array | undefined {
    const { topic, log, touches, limits, position } = this.feed;
    const { sids } = this.wish;
    const kept: Uint8Array[] = [];
    let bytes = 0;
    let reached = position.revision;
    let last = 0;
    touches.walk(this.cursor, (revision, a, b) => {
      if (revision === last || !(sids.has(a) || sids.has(b))) return true;
      if (bytes > limits.messageBytesMax) {
        reached = revision - 1;
        return false;
      }
      last = revision;
      const entry = log.read(revision - 1, 0);
      const message = entry && topic.filter(entry.bytes, (sid) => sids.has(sid));
      if (message !== undefined) {
        kept.push(message);
        bytes += message.length;
      }
      return true;
    });
    this.cursor = reached;
    return kept.length === 0 ? undefined : Buffer.concat(kept);
  }

  private pullBookmark(): Uint8Array | Fault | undefined {
    if (this.bookmarkDue) {
      this.bookmarkDue = false;
      return this.feed.topic.bookmark(this.feed.position);
    }
    return this.ending;
  }

  /** What was missed has left the history. */
  private catchUp(floor: number): Uint8Array | Fault {
    const { topic, touches, limits, state, position } = this.feed;
    if (!this.wish.coalesce || topic.net === undefined) return lagged(position.epoch, this.cursor, floor);
    if (this.cursor < touches.floor || touches.countAfter(this.cursor) > limits.netTouchesMax) {
      this.beginSnapshot(true);
      return this.pull() as Uint8Array;
    }
    const { sids } = this.wish;
    const missed: { a: number; b: number }[] = [];
    touches.walk(this.cursor, (_revision, a, b) => {
      if (sids.size === 0 || sids.has(a) || sids.has(b)) missed.push({ a, b });
      return true;
    });
    this.cursor = position.revision;
    return topic.net(state, missed);
  }

  private beginSnapshot(reset: boolean): void {
    this.snapshot = this.feed.shareSnapshot();
    this.snapshot.readers++;
    this.chunkAt = 0;
    if (reset) this.first = 'reset';
  }

  private leaveSnapshot(): void {
    if (this.snapshot !== undefined) this.snapshot.readers--;
    this.snapshot = undefined;
  }
}

/** The refusal of a watch that stands at a position that is cut off. */
function lagged(epoch: string, revision: number, floor: number): Fault {
  const message = `the watch stood at revision ${revision}; the oldest held is ${floor + 1}`;
  return new Fault('WATCH_LAGGED', message, [], undefined, {
    epoch,
    revision: String(revision),
    oldest_revision: String(floor + 1),
  });
}

/** The refusal of a watch that asks for a position that is cut off. */
export function compacted(after: Position, floor: number): Fault {
  const message = `revision ${after.revision} is compacted; the oldest held is ${floor + 1}`;
  return new Fault('REVISION_COMPACTED', message, [], undefined, { oldest_revision: String(floor + 1) });
}

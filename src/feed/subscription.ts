import type { Clock, Timer } from '../base/clock.js';
import { Fault } from '../core/model/fault.js';
import type { Position } from '../core/model/position.js';
import type { StateView } from '../core/store/state-view.js';
import type { FeedLimits } from './limits.js';
import type { History } from './log.js';
import type { SharedSnapshot, SnapshotReader } from './snapshot.js';
import type { Topic } from './topic.js';
import type { Touches } from './touches.js';

/** The feed, as its subscriptions need it. */
export interface SubscriptionOwner {
  readonly topic: Topic<unknown>;
  readonly state: StateView;
  readonly limits: FeedLimits;
  readonly clock: Clock;
  readonly log: History;
  readonly touches: Touches;
  /** The newest position that was published. */
  readonly position: Position;
  /** When that position was committed, by the wall clock; undefined: before this process began. */
  readonly publishedAtMs: number | undefined;
  /** The snapshot to begin with. */
  shareSnapshot(): SharedSnapshot;
  /** It has nothing to read, and is woken when there is something. */
  await(subscription: Subscription): void;
  /** Wakes those that have nothing to read, in a later turn of the event loop. */
  flushSoon(): void;
  /** It is over. */
  forget(subscription: Subscription): void;
}

/** Where a subscription begins. */
export type Start =
  /** After a position from which the log or a net effect continues. */
  | { readonly kind: 'after'; readonly revision: number }
  /** With a snapshot, after a RESET if the reader had another state. */
  | { readonly kind: 'snapshot'; readonly reset: boolean }
  /** Now, said by a bookmark or a RESET. */
  | { readonly kind: 'now'; readonly reset: boolean };

/** What a subscription asks for, other than where it begins. */
export interface Wish {
  readonly coalesce: boolean;
  /** Empty: everything. */
  readonly sids: ReadonlySet<number>;
}

/** What {@link Subscription} has next: a message, its end, nothing, or `more`: it has to look further in a later turn. */
type Found = Uint8Array | Fault | 'more' | undefined;

/** The changes after a watcher's revision that touch its nodes. */
interface FilteredChanges {
  readonly kept: readonly Uint8Array[];
  /** The revision up to which the changes were checked. */
  readonly reached: number;
  /** Why it stopped: all was checked, a revision has no entry, or more is left for a later turn. */
  readonly ends: 'all' | 'gap' | 'more';
}

/**
 * One watcher: a revision in the history, and nothing that grows.
 *
 * It is pulled: the door calls {@link next} when its last write is done. The messages, in order:
 *
 *     (RESET) -> SNAPSHOT... -> SNAPSHOT_END -> (DELTA | BOOKMARK)... -> fault
 *
 * and from any point back to RESET, when it missed something that can be sent in no other way. The first message comes at
 * once: a BOOKMARK when there is nothing else.
 */
export class Subscription {
  readonly #feed: SubscriptionOwner;
  readonly #wish: Wish;
  /** The last revision that was delivered. */
  #cursor = 0;
  #snapshot: SnapshotReader | undefined;
  /** A small message that goes out before anything else. */
  #first: Uint8Array | undefined;
  #isBookmarkDue = false;
  /** The next messages have to be RESET and a snapshot. */
  #hasToRestart = false;
  #lastResetMs: number | undefined;
  #restartTimer: Timer | undefined;
  #ending: Fault | undefined;
  #isClosed = false;
  #wake: (() => void) | undefined;
  /** Monotonic time of the last message. */
  lastSentMs: number;

  constructor(feed: SubscriptionOwner, start: Start, wish: Wish) {
    this.#feed = feed;
    this.#wish = wish;
    this.lastSentMs = feed.clock.nowMs();
    if (start.kind === 'after') {
      this.#cursor = start.revision;
      // A message that is due anyway takes its place.
      this.#isBookmarkDue = true;
    } else if (start.reset) this.#restart();
    else if (start.kind === 'snapshot') this.#beginSnapshot();
    else {
      this.#cursor = feed.position.revision;
      this.#first = feed.topic.bookmark(feed.position, feed.publishedAtMs);
    }
  }

  /** Whether the next message is made for this watcher alone: a part of a snapshot, the net effect of what it missed, or translated history. */
  get isCostly(): boolean {
    if (this.#restartTimer !== undefined) return false;
    return this.#snapshot !== undefined || (this.#first === undefined && this.#cursor < this.#feed.log.sharedFloor);
  }

  /** The next message, a Fault that ends the watch, or undefined when there is nothing yet. */
  next(): Uint8Array | Fault | undefined {
    if (this.#isClosed) return undefined;
    const found = this.#pull();
    if (found === undefined) this.#feed.await(this);
    else if (found === 'more') {
      this.#feed.await(this);
      this.#feed.flushSoon();
      return undefined;
    } else if (found instanceof Fault) this.close();
    else this.lastSentMs = this.#feed.clock.nowMs();
    return found;
  }

  /** `wake` is called, at most once a turn, when {@link next} may have something after it had nothing. */
  onReady(wake: () => void): void {
    this.#wake = wake;
  }

  /** For the door: the watcher is gone. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#restartTimer?.cancel();
    this.#leaveSnapshot();
    this.#feed.forget(this);
  }

  /** For the feed: there may be a message. */
  ready(): void {
    this.#wake?.();
  }

  /** For the feed: nothing was sent for `bookmarkMs`. */
  dueBookmark(): void {
    this.#isBookmarkDue = true;
  }

  /** For the feed: delivers what there is, then a bookmark, and ends with this fault. */
  drain(fault: Fault): void {
    this.#ending = fault;
    this.#isBookmarkDue = true;
  }

  #pull(): Found {
    if (this.#snapshot?.isRetired) {
      this.#leaveSnapshot();
      this.#hasToRestart = true;
    }
    if (this.#hasToRestart && !this.#mayRestart()) return this.#ending;
    if (this.#hasToRestart) this.#restart();
    if (this.#first !== undefined) {
      const message = this.#first;
      this.#first = undefined;
      return message;
    }
    if (this.#snapshot !== undefined) return this.#pullSnapshot(this.#snapshot);
    return this.#pullChanges() ?? this.#pullBookmark();
  }

  /** Skips chunks with none of the watched nodes, up to `filterBytesMax` in one turn of the event loop. */
  #pullSnapshot(snapshot: SnapshotReader): Found {
    const { topic, limits } = this.#feed;
    const { sids } = this.#wish;
    for (let bytes = 0; bytes < limits.filterBytesMax; ) {
      const chunk = snapshot.next();
      if (chunk === undefined) {
        this.#cursor = snapshot.position.revision;
        this.#leaveSnapshot();
        return topic.snapshot!.end(snapshot.position);
      }
      const kept = sids.size === 0 ? chunk : topic.filter(chunk, (sid) => sids.has(sid));
      if (kept !== undefined) return kept;
      bytes += chunk.length;
    }
    return 'more';
  }

  #pullChanges(): Found {
    const { log, touches, limits } = this.#feed;
    const isFiltered = this.#wish.sids.size > 0;
    const floor = isFiltered ? Math.max(log.floor, touches.floor) : log.floor;
    if (this.#cursor < floor) return this.#catchUp(floor);
    if (isFiltered) return this.#pullFiltered();
    if (log.hasGapAfter(this.#cursor)) return this.#beginAgain();
    const run = log.read(this.#cursor, limits.messageBytesMax);
    if (run === undefined) return undefined;
    this.#cursor = run.revision;
    this.#isBookmarkDue = this.#ending !== undefined;
    return run.bytes;
  }

  /** The changes past the cursor that touch the watched nodes. Decodes only their revisions, and a bounded number at a time. */
  #pullFiltered(): Found {
    const { kept, reached, ends } = this.#filterChanges();
    this.#cursor = reached;
    if (kept.length > 0) {
      this.#isBookmarkDue = this.#ending !== undefined;
      return Buffer.concat(kept);
    }
    if (ends === 'gap') return this.#beginAgain();
    return ends === 'more' ? 'more' : undefined;
  }

  /** Looks through the changes past the cursor, up to a gap or as many as one turn has time for. */
  #filterChanges(): FilteredChanges {
    const { topic, log, touches, limits, position } = this.#feed;
    const { sids } = this.#wish;
    const kept: Uint8Array[] = [];
    const had = { keptBytes: 0, seenBytes: 0, seenTouches: 0 };
    let current = 0;
    let isTaken = false;
    let ends: 'all' | 'gap' | 'more' = 'all';
    touches.walk(this.#cursor, (revision, a, b) => {
      if (revision !== current) {
        if (isEnough(had, limits)) ends = 'more';
        else isTaken = false;
        current = revision;
        if (ends === 'more') return false;
      }
      had.seenTouches++;
      if (isTaken || !(sids.has(a) || sids.has(b))) return true;
      if (log.isGap(revision)) {
        ends = 'gap';
        return false;
      }
      const entry = log.read(revision - 1, 0)!.bytes;
      const message = topic.filter(entry, (sid) => sids.has(sid));
      if (message !== undefined && kept.length > 0 && had.keptBytes + message.length > limits.messageBytesMax) {
        ends = 'more';
        return false;
      }
      isTaken = true;
      had.seenBytes += entry.length;
      had.keptBytes += message?.length ?? 0;
      if (message !== undefined) kept.push(message);
      return true;
    });
    return { kept, ends, reached: ends === 'all' ? position.revision : current - 1 };
  }

  #pullBookmark(): Found {
    if (this.#isBookmarkDue) {
      this.#isBookmarkDue = false;
      return this.#feed.topic.bookmark(this.#feed.position, this.#feed.publishedAtMs);
    }
    return this.#ending;
  }

  /** For a cursor that the history no longer reaches: the net effect, a new beginning, or a fault. */
  #catchUp(floor: number): Found {
    const { topic, touches, limits, state, position } = this.#feed;
    if (!this.#wish.coalesce || topic.net === undefined) return lagged(position.epoch, this.#cursor, floor);
    const isForgotten = this.#cursor < touches.floor || touches.countAfter(this.#cursor) > limits.netTouchesMax;
    if (isForgotten) return this.#beginAgain();
    const { sids } = this.#wish;
    const missed: { a: number; b: number }[] = [];
    touches.walk(this.#cursor, (_revision, a, b) => {
      if (sids.size === 0 || sids.has(a) || sids.has(b)) missed.push({ a, b });
      return true;
    });
    const net = topic.net(state, missed, limits.netBytesMax);
    if (net === undefined) return this.#beginAgain();
    this.#cursor = position.revision;
    this.#isBookmarkDue = this.#ending !== undefined;
    return net;
  }

  /** RESET and a snapshot, now or once `resetEveryMs` have passed since the last RESET. */
  #beginAgain(): Found {
    this.#hasToRestart = true;
    return this.#pull();
  }

  /** Whether a RESET may be sent yet; if not, the watch is woken when it may. */
  #mayRestart(): boolean {
    const { clock, limits } = this.#feed;
    const waitMs = this.#lastResetMs === undefined ? 0 : this.#lastResetMs + limits.resetEveryMs - clock.nowMs();
    if (waitMs <= 0) return true;
    // In whole milliseconds: less than the clock can tell apart would fire in the same moment, again and again.
    this.#restartTimer ??= clock.after(Math.ceil(waitMs), () => {
      this.#restartTimer = undefined;
      this.ready();
    });
    return false;
  }

  #restart(): void {
    const { topic, position, clock } = this.#feed;
    this.#hasToRestart = false;
    this.#isBookmarkDue = this.#ending !== undefined;
    this.#lastResetMs = clock.nowMs();
    this.#first = topic.reset(position);
    if (topic.snapshot === undefined) this.#cursor = position.revision;
    else this.#beginSnapshot();
  }

  #beginSnapshot(): void {
    this.#snapshot = this.#feed.shareSnapshot().enter();
  }

  #leaveSnapshot(): void {
    this.#snapshot?.leave();
    this.#snapshot = undefined;
  }
}

/** Whether one turn has checked enough for a watch of some nodes, so that the rest waits for the next. */
function isEnough(
  had: { readonly keptBytes: number; readonly seenBytes: number; readonly seenTouches: number },
  { messageBytesMax, filterBytesMax, filterTouchesMax }: FeedLimits,
): boolean {
  return had.keptBytes > messageBytesMax || had.seenBytes >= filterBytesMax || had.seenTouches >= filterTouchesMax;
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

import type { Clock, Timer } from '../base/clock.js';
import type { Change } from '../core/model/change.js';
import { draining } from '../core/model/draining.js';
import { Fault } from '../core/model/fault.js';
import type { Position } from '../core/model/position.js';
import { type Capture, capture } from '../core/store/snapshot.js';
import type { StateView } from '../core/store/state-view.js';
import { DerivedLog, type HistorySource } from './derived-log.js';
import type { FeedLimits } from './limits.js';
import { type History, Log } from './log.js';
import { SharedSnapshot } from './snapshot.js';
import { SnapshotBudget } from './snapshot-budget.js';
import { compacted, type Start, Subscription, type SubscriptionOwner } from './subscription.js';
import type { Topic } from './topic.js';
import { Touches } from './touches.js';

/** What a watcher asks for. */
export interface WatchWish {
  /** The last position that the watcher has. */
  readonly after?: Position;
  /** Whether it wants the net effect instead of an error when it falls too far behind. */
  readonly coalesce?: boolean;
  /** Only what touches these nodes. Empty or absent: everything. */
  readonly sids?: readonly number[];
}

/** Where a feed begins, and what its snapshots are of. */
export interface FeedOrigin {
  readonly position: Position;
  /** The state as it is now, at the feed's newest position. */
  capture(): Capture;
}

/**
 * All watches of one topic: the shared log, and the subscriptions that read it.
 *
 * Publishing costs one encoding and one append, however many watch. Watchers that had nothing to read are woken together,
 * once a turn of the event loop, so that each gets the revisions of one turn in one message. A feed with a source encodes nothing
 * while nobody watches: its past is in the source's history.
 */
export class Feed<C = Change> implements SubscriptionOwner {
  readonly log: History;
  readonly touches: Touches;
  readonly #source: HistorySource | undefined;
  private readonly subscriptions = new Set<Subscription>();
  private readonly waiting = new Set<Subscription>();
  private snapshots: SharedSnapshot[] = [];
  private published: Position;
  private committedAtMs: number | undefined;
  private flushPending = false;
  /** Why a watch is refused once the feed drains. */
  private ending: Fault | undefined;
  private timer: Timer | undefined;

  constructor(
    readonly topic: Topic<C>,
    /** The state whose changes are published, as it was restored: the history begins there. */
    readonly state: StateView,
    readonly limits: FeedLimits,
    readonly clock: Clock,
    /** Bounds the snapshots of all feeds together; by default this feed's alone. */
    private readonly budget = new SnapshotBudget(limits.snapshotBytesMax),
    /** Where the feed begins, if its positions are not the network's. */
    private readonly origin: FeedOrigin = { position: state.position, capture: () => capture(state) },
    /** Another feed of the same revisions, which is told of each first, to read this one's past from. */
    source?: HistorySource,
  ) {
    this.#source = source;
    this.published = origin.position;
    const { historyBytesMax: bytesMax, historyRevisionsMax: entriesMax, historyInAll } = limits;
    const bounds = { bytesMax, entriesMax, budget: historyInAll };
    const { revision } = origin.position;
    this.log = source === undefined ? new Log(bounds, revision) : new DerivedLog(bounds, revision, source);
    this.touches = source?.touches ?? new Touches(limits.touchesMax, revision);
    this.scheduleBookmarks();
  }

  /** The newest position that was published. */
  get position(): Position {
    return this.published;
  }

  /** When that position was committed, by the wall clock; undefined: before this process began. */
  get publishedAtMs(): number | undefined {
    return this.committedAtMs;
  }

  /** How many watch. */
  get subscriptionCount(): number {
    return this.subscriptions.size;
  }

  /**
   * Adds a revision that has been applied. Revisions come without a gap. `committedAtMs` is when it was committed, by the wall
   * clock; undefined for one that a start has replayed.
   */
  publish(position: Position, changes: readonly C[], committedAtMs?: number): void {
    if (position.revision !== this.published.revision + 1) {
      throw new Error(`revision ${position.revision} published after ${this.published.revision}`);
    }
    if (position.epoch !== this.published.epoch) this.forgetBefore(position.revision);
    if (this.#source !== undefined && this.subscriptions.size === 0) this.log.forget(position.revision);
    else this.appendRevision(position, changes);
    this.published = position;
    this.committedAtMs = committedAtMs;
    // Whoever does not wait looks by itself, once its last message is written.
    if (this.waiting.size > 0) this.flushSoon();
  }

  private appendRevision(position: Position, changes: readonly C[]): void {
    const { revisionBytesMax } = this.limits;
    const isTooLarge = this.topic.size(changes, revisionBytesMax) > revisionBytesMax;
    const bytes = isTooLarge ? undefined : this.topic.encode(position, changes);
    if (isTooLarge) this.log.appendGap(position.revision);
    else if (bytes !== undefined) this.log.append(position.revision, bytes);
    if (this.#source !== undefined) return;
    if (isTooLarge || bytes !== undefined) this.touches.append(position.revision, this.topic.touches(changes));
  }

  /**
   * Begins a watch. Refused when the position has left the history, unless `coalesce`: then the net effect, or RESET, comes first.
   * An unknown position begins with RESET.
   */
  subscribe({ after, coalesce = false, sids = [] }: WatchWish): Subscription | Fault {
    if (this.ending !== undefined) return this.ending;
    const start = this.startOf(after, coalesce, sids.length > 0);
    if (start instanceof Fault) return start;
    const subscription = new Subscription(this, start, { coalesce, sids: new Set(sids) });
    this.subscriptions.add(subscription);
    return subscription;
  }

  /**
   * Sends every watcher a last bookmark, and ends its watch: for `why`, or because the server goes down, whose sessions live for
   * `livesMs` at the next one.
   */
  drain(livesMs: number, why?: Fault): void {
    this.ending = why ?? draining(0, livesMs);
    this.timer?.cancel();
    let nth = 0;
    for (const subscription of this.subscriptions) subscription.drain(why ?? draining(nth++, livesMs));
    this.flushSoon();
  }

  /** Lets go of its history: what all feeds hold is bounded together. */
  release(): void {
    this.log.release?.();
  }

  /** For a subscription: it has nothing to read. */
  await(subscription: Subscription): void {
    this.waiting.add(subscription);
  }

  /** For a subscription: it is over. */
  forget(subscription: Subscription): void {
    this.subscriptions.delete(subscription);
    this.waiting.delete(subscription);
  }

  /**
   * For a subscription: the newest snapshot if nothing was published since, or one a little older that others are reading, so
   * that many watches that begin together share it. A watch that begins alone never gets an older state than its watcher may
   * have seen already.
   */
  shareSnapshot(): SharedSnapshot {
    const newest = this.snapshots.at(-1);
    const { snapshotAgeMax, snapshotsMax } = this.limits;
    if (newest?.isWhole) {
      const { revision } = newest.position;
      const ageMax = newest.readerCount > 0 ? snapshotAgeMax : 0;
      const leadsOn = revision >= this.log.floor && !this.log.hasGapAfter(revision);
      if (leadsOn && revision >= this.published.revision - ageMax) return newest;
    }
    this.dropIdleSnapshots();
    const fresh = new SharedSnapshot(this.origin.capture(), this.topic.snapshot!, this.budget);
    this.snapshots.push(fresh);
    if (this.snapshots.length > snapshotsMax) this.snapshots.shift()!.retire();
    return fresh;
  }

  /** Another epoch begins with this revision: watches cannot resume from before it, which is another history. */
  private forgetBefore(revision: number): void {
    this.log.forget(revision - 1);
    if (this.#source === undefined) this.touches.forget(revision - 1);
  }

  private startOf(after: Position | undefined, coalesce: boolean, filtered: boolean): Start | Fault {
    const begin = this.topic.snapshot === undefined ? 'now' : 'snapshot';
    if (after === undefined) return { kind: begin, reset: false };
    const { epoch, revision } = this.published;
    if (after.epoch !== epoch || after.revision > revision) return { kind: begin, reset: true };
    const floor = filtered ? Math.max(this.log.floor, this.touches.floor) : this.log.floor;
    if (after.revision < floor && !coalesce) return compacted(after, floor);
    return { kind: 'after', revision: after.revision };
  }

  /** For a subscription: wakes it again in a later turn of the event loop. */
  flushSoon(): void {
    if (this.flushPending) return;
    this.flushPending = true;
    this.clock.soon(() => {
      this.flushPending = false;
      const woken = [...this.waiting];
      this.waiting.clear();
      for (const subscription of woken) subscription.ready();
    });
  }

  /** Checks twice in each `bookmarkMs`, so that no bookmark is late by more than half of it. */
  private scheduleBookmarks(): void {
    const everyMs = this.limits.bookmarkMs / 2;
    this.timer = this.clock.after(everyMs, () => {
      this.dropIdleSnapshots();
      const dueBefore = this.clock.nowMs() - this.limits.bookmarkMs + everyMs / 2;
      for (const subscription of this.waiting) {
        if (subscription.lastSentMs > dueBefore) continue;
        subscription.dueBookmark();
        this.flushSoon();
      }
      this.scheduleBookmarks();
    });
  }

  /** Drops snapshots without readers. They live until the next check, so that watches that begin together share them. */
  private dropIdleSnapshots(): void {
    for (const held of this.snapshots) if (held.readerCount === 0) held.retire();
    this.snapshots = this.snapshots.filter((held) => held.readerCount > 0);
  }
}

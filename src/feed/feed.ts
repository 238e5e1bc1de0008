import type { Clock, Timer } from '../base/clock.js';
import type { Change } from '../core/model/change.js';
import { draining } from '../core/model/draining.js';
import { Fault } from '../core/model/fault.js';
import type { Position } from '../core/model/position.js';
import { capture } from '../core/store/snapshot.js';
import type { State } from '../core/store/state.js';
import type { FeedLimits } from './limits.js';
import { Log } from './log.js';
import { SharedSnapshot } from './snapshot.js';
import { compacted, type Start, Subscription } from './subscription.js';
import type { Topic } from './topic.js';
import { Touches } from './touches.js';

/** What a watcher asks for. */
export interface WatchWish {
  /** The last position that it has. */
  readonly after?: Position;
  /** The net effect instead of an error when it falls too far behind. */
  readonly coalesce?: boolean;
  /** Only what touches these nodes. Empty or absent: everything. */
  readonly sids?: readonly number[];
}

/**
 * All watches of one topic: the shared log, and the subscriptions that read it.
 *
 * Publishing is one encoding and one append, whoever watches. Watchers that had nothing to read are woken together, once a
 * turn of the event loop, so that what one turn brought is one message to each.
 */
export class Feed {
  readonly log: Log;
  readonly touches: Touches;
  private readonly subscriptions = new Set<Subscription>();
  private readonly waiting = new Set<Subscription>();
  private snapshots: SharedSnapshot[] = [];
  private published: Position;
  private flushPending = false;
  private isDraining = false;
  private timer: Timer | undefined;

  constructor(
    readonly topic: Topic,
    /** The state that is published, as it was restored: history begins here. */
    readonly state: State,
    readonly limits: FeedLimits,
    readonly clock: Clock,
  ) {
    this.published = state.position;
    const bounds = { bytesMax: limits.historyBytesMax, entriesMax: limits.historyRevisionsMax };
    this.log = new Log(bounds, state.revision);
    this.touches = new Touches(limits.touchesMax, state.revision);
    this.scheduleBookmarks();
  }

  /** What has been published. */
  get position(): Position {
    return this.published;
  }

  /** How many watch. */
  get subscriptionCount(): number {
    return this.subscriptions.size;
  }

  /** Adds a revision that has been applied. Revisions come without a gap. */
  publish(position: Position, changes: readonly Change[]): void {
    if (position.revision !== this.published.revision + 1) {
      throw new Error(`revision ${position.revision} published after ${this.published.revision}`);
    }
    if (position.epoch !== this.published.epoch) this.forgetBefore(position.revision);
    const bytes = this.topic.encode(position, changes);
    if (bytes !== undefined) {
      this.log.append(position.revision, bytes);
      this.touches.append(position.revision, this.topic.touches(changes));
    }
    this.published = position;
    this.flushSoon();
  }

  /**
   * Begins a watch. It is refused when the position asked for has left the history; an unknown position begins with RESET.
   */
  subscribe({ after, coalesce = false, sids = [] }: WatchWish): Subscription | Fault {
    if (this.isDraining) return draining();
    const start = this.startOf(after, coalesce, sids.length > 0);
    if (start instanceof Fault) return start;
    const subscription = new Subscription(this, start, { coalesce, sids: new Set(sids) });
    this.subscriptions.add(subscription);
    return subscription;
  }

  /** Tells every watcher where it stands, and ends it. */
  drain(): void {
    this.isDraining = true;
    this.timer?.cancel();
    let nth = 0;
    for (const subscription of this.subscriptions) subscription.drain(draining(nth++));
    this.flushSoon();
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
   * For a subscription: the newest snapshot where it is still true, or one a little older that others are busy reading: a
   * storm shares it. With nobody else about, a watch never begins behind what its watcher may know already.
   */
  shareSnapshot(): SharedSnapshot {
    const newest = this.snapshots.at(-1);
    const { snapshotAgeMax, snapshotsMax } = this.limits;
    if (newest !== undefined) {
      const { revision } = newest.position;
      const ageMax = newest.readers > 0 ? snapshotAgeMax : 0;
      if (revision >= this.log.floor && revision >= this.published.revision - ageMax) return newest;
    }
    const fresh = new SharedSnapshot(capture(this.state), this.topic.snapshot!);
    this.snapshots = [...this.snapshots.filter((held) => held.readers > 0), fresh];
    if (this.snapshots.length > snapshotsMax) this.snapshots.shift()!.retired = true;
    return fresh;
  }

  /** Another epoch begins with this revision: what was told before it is another history's, and nobody resumes from there. */
  private forgetBefore(revision: number): void {
    this.log.forget(revision - 1);
    this.touches.forget(revision - 1);
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

  private flushSoon(): void {
    if (this.flushPending) return;
    this.flushPending = true;
    this.clock.soon(() => {
      this.flushPending = false;
      const woken = [...this.waiting];
      this.waiting.clear();
      for (const subscription of woken) subscription.ready();
    });
  }

  /** Looks twice in a bookmark's time, so that none is late by more than half of it. */
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

  /** A snapshot that nobody reads any more lives until the next look: long enough for a storm to share it. */
  private dropIdleSnapshots(): void {
    this.snapshots = this.snapshots.filter((held) => held.readers > 0);
  }
}

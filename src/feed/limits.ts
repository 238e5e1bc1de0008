import type { HistoryBudget } from './history-budget.js';

/** The bounds of a feed that a process can be given, by count and by size, each with its reason; how its log is cut is in log.ts. */
export interface FeedLimits {
  /** Bytes of history. Resuming from further back is an error. 64 MiB is some 800,000 revisions. */
  readonly historyBytesMax: number;
  /** Revisions of history, for the size of their index. */
  readonly historyRevisionsMax: number;
  /** Bounds the bytes of the history of all feeds of all networks together; absent: nothing does. */
  readonly historyInAll?: HistoryBudget | undefined;
  /** Touches remembered, 16 B each, for filters and net effects: longer than the history, at a sixth of its size. */
  readonly touchesMax: number;
  /** Touches that one net effect is made of. Of more a snapshot is cheaper, and it fits its messages. */
  readonly netTouchesMax: number;
  /** Bytes of one message that several revisions make up: small enough to be written at once. */
  readonly messageBytesMax: number;
  /**
   * Bytes of the largest message of all, which one revision makes up: gRPC clients take 4 MiB unless told
   * otherwise, and half of that leaves room for what their transports add. Beyond it watchers are told RESET and a snapshot.
   */
  readonly revisionBytesMax: number;
  /**
   * Bytes of one net effect, which is made in one turn of the event loop: some milliseconds. Beyond it a snapshot takes no longer,
   * and is made a part at a time.
   */
  readonly netBytesMax: number;
  /** Between two RESETs of one watch: a state that changes too much for messages is not sent anew with each change. */
  readonly resetEveryMs: number;
  /** Bytes that are looked through for a watch of some nodes in one turn of the event loop: a few milliseconds of decoding. */
  readonly filterBytesMax: number;
  /** The same in touches: each is a comparison or two. */
  readonly filterTouchesMax: number;
  /** Snapshots held at once for their readers; beyond that the oldest is given up. */
  readonly snapshotsMax: number;
  /**
   * Bytes of the snapshots under way of all feeds together: a million nodes with a few labels. A reader that falls further
   * behind the others begins again.
   */
  readonly snapshotBytesMax: number;
  /** A watch may begin with a snapshot this many revisions old and continue from the log, so that many share one. */
  readonly snapshotAgeMax: number;
  /** Quiet before a bookmark is due. The API promises one every 30 s. */
  readonly bookmarkMs: number;
}

/** The bounds of a server that was not told otherwise. */
export const DEFAULT_FEED_LIMITS: FeedLimits = {
  historyBytesMax: 64 * 1_048_576,
  historyRevisionsMax: 1_000_000,
  touchesMax: 2_097_152,
  netTouchesMax: 16_384,
  messageBytesMax: 262_144,
  revisionBytesMax: 2_097_152,
  netBytesMax: 524_288,
  resetEveryMs: 10_000,
  filterBytesMax: 65_536,
  filterTouchesMax: 131_072,
  snapshotsMax: 4,
  snapshotBytesMax: 134_217_728,
  snapshotAgeMax: 4_096,
  bookmarkMs: 20_000,
};

/** Every bound of a feed, by count and by size, each with its reason. */
export interface FeedLimits {
  /** Bytes of history: who resumes from further back is told so. 64 MiB is some 800,000 revisions. */
  readonly historyBytesMax: number;
  /** Revisions of history, for the size of their index. */
  readonly historyRevisionsMax: number;
  /** Touches remembered, 16 B each, for filters and net effects: longer than the history, at a sixth of its size. */
  readonly touchesMax: number;
  /** Touches that one net effect is made of; more, and a snapshot is cheaper and fits its messages. */
  readonly netTouchesMax: number;
  /** Bytes of one message, a single larger revision excepted: gRPC clients take 4 MiB unless told otherwise. */
  readonly messageBytesMax: number;
  /** Snapshots held at once for readers that are still busy with them; the oldest is given up beyond that. */
  readonly snapshotsMax: number;
  /** A snapshot this many revisions old is still begun with, as the log leads on from it: a storm shares one. */
  readonly snapshotAgeMax: number;
  /** Quiet before a bookmark is due. The contract allows 30 s. */
  readonly bookmarkMs: number;
}

/** The bounds of a server that was not told otherwise. */
export const DEFAULT_FEED_LIMITS: FeedLimits = {
  historyBytesMax: 64 * 1_048_576,
  historyRevisionsMax: 1_000_000,
  touchesMax: 2_097_152,
  netTouchesMax: 16_384,
  messageBytesMax: 262_144,
  snapshotsMax: 4,
  snapshotAgeMax: 4_096,
  bookmarkMs: 20_000,
};

/** Every bound and span of the replica, each with its reason. */
export interface ReplicaLimits {
  /** Clients' commands that wait for the journal: some seconds of work. The server's own may queue up to twice as many. */
  readonly pendingMax: number;
  /** Commands of one append. */
  readonly batchMax: number;
  /**
   * How long commands of one append are applied in one turn of the event loop, in ms: some dozens of them. Their answers are
   * made in the same turn, and take several times as long.
   */
  readonly applyMs: number;
  /** Bytes of one append. */
  readonly batchBytesMax: number;
  /** Commands between two snapshots: a start replays twice as many at most. */
  readonly snapshotEvery: number;
  /** The TTL of a session that asks for none. */
  readonly ttlDefaultMs: number;
  /** Shorter, and a lost packet ends a session. */
  readonly ttlMinMs: number;
  /** Longer, and the graph shows machines that are long gone. */
  readonly ttlMaxMs: number;
  /** The least time that a session outlives its attachment: a client reconnects in it, with its backoff. */
  readonly graceMs: number;
  /** How long an order waits for its answer. */
  readonly orderDeadlineMs: number;
  /** Between two heartbeats of an attachment. The API promises one every 15 s. */
  readonly heartbeatMs: number;
  /** Orders and notices that an attachment may leave unread. */
  readonly unreadMax: number;
}

/** The bounds of a server that was not told otherwise. */
export const DEFAULT_REPLICA_LIMITS: ReplicaLimits = {
  pendingMax: 65_536,
  batchMax: 1_024,
  applyMs: 1,
  batchBytesMax: 4 * 1_048_576,
  snapshotEvery: 100_000,
  ttlDefaultMs: 30_000,
  ttlMinMs: 5_000,
  ttlMaxMs: 24 * 3_600_000,
  graceMs: 30_000,
  orderDeadlineMs: 30_000,
  heartbeatMs: 10_000,
  unreadMax: 256,
};

/** Commands after which a snapshot is stored where the journal's storage has little room: fewer free less than a snapshot takes. */
export const SNAPSHOT_EVERY_LOW = 1_000;

/** A line of an audit log, kept in the network's journal, where whoever can write the log's files cannot change it. */
export interface AuditAnchor {
  /** The line's number. 0: the log had no line. */
  readonly number: number;
  /** SHA-256 of the line, as 32 latin1 characters; 32 zeros where there was no line. */
  readonly hash: string;
  /** When it was anchored, by the wall clock. */
  readonly atMs: number;
}

/** What the network knows of the audit log of one of its servers. */
export interface ServerAnchors {
  /** The server, by its UUID. */
  readonly server: string;
  /** The newest. */
  readonly anchor: AuditAnchor;
  /** Those that the log did not hold any more when the server started; the first that were missed, at most {@link MISSED_ANCHORS_MAX}. */
  readonly missed: readonly AuditAnchor[];
}

/** Missed anchors of one server that are kept: one is evidence enough, and more only say how often. */
export const MISSED_ANCHORS_MAX = 16;

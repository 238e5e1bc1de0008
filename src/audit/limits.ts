/** Bounds of the audit log. */
export const AUDIT_LIMITS = {
  /** Bytes of one file: some 60,000 lines, which an editor opens. */
  fileBytesMax: 16_777_216,
  /** Files that are kept, the oldest goes: 1 GiB, which is years of a fleet's administration. */
  filesMax: 64,
  /** Bytes that wait for the disk: some 4,000 lines. What comes while it is full is counted. */
  pendingBytesMax: 1_048_576,
  /** Refusals of one principal, address and reason are one line in so much time, so that a flood fills no disk … */
  countMs: 10_000,
  /** … and those of all others, beyond so many, are one line together: 9,000 lines of refusals in a day for each at most. */
  countedMax: 256,
  /** How soon a disk that refused is tried again. */
  retryMs: 10_000,
  /** How often the newest line is anchored in the journal: what is taken away at the end of the log shows but for the last so long. */
  anchorMs: 600_000,
  /** How soon after a start, and after a refusal. */
  anchorSoonMs: 60_000,
  /** Characters of what a line says of its target. */
  targetMax: 128,
  /** Bytes that a watcher reads at a time: some hundreds of lines, half a millisecond. */
  pieceBytes: 65_536,
  /** Watches in all: administrators and what collects logs. Each is woken by every line. */
  watchesMax: 64,
  /** A watch that has nothing to tell says so, as those of the network do. */
  signOfLifeMs: 15_000,
} as const;

/** Records read from disk in one go: some milliseconds, in which nothing else runs. */
export const READ_RECORDS_MAX = 1_024;

/** Bytes read from disk in one go, as long as they are more than one record: what a slow reader holds in memory. */
export const READ_BYTES_MAX = 1_048_576;

/** Keys removed in one transaction: an append that comes meanwhile waits for it, some milliseconds. */
export const REMOVE_KEYS_MAX = 1_024;

/** Rows that are encoded in one go: enough to make little of what a message costs by itself. */
export const ROWS_ENCODED_MAX = 16;

/** Groups of them that are encoded in one turn of the event loop: a millisecond or so. */
export const GROUPS_A_TURN = 8;

/**
 * Bytes of one part of a snapshot, as long as they are more than {@link ROWS_ENCODED_MAX} rows. Each is one transaction and one sync, so
 * smaller ones cost time; an append that comes meanwhile waits for it, so larger ones cost latency.
 */
export const CHUNK_BYTES_MAX = 262_144;

/** Problems that a check lists one by one; of more it says how many. A file full of them has one cause. */
export const PROBLEMS_MAX = 1_000;

/**
 * Bytes of a disk that are left alone: with less to spare it counts as full. More than a transaction needs besides what
 * is put (pages of the tree, of removed keys, of the list of free pages), and time for somebody to notice.
 */
export const SPACE_KEPT_BYTES = 8 * 1_048_576;

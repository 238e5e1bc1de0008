/**
 * Bytes of records after which an append takes no more: with one record more, of 1 MiB and a few at most, it stays below the
 * 1.5 MiB of etcd's largest request.
 */
export const APPEND_BYTES_MAX = 262_144;

/** Records of one batch that a copy writes, as many as a leader's append has at most. */
export const BATCH_RECORDS_MAX = 1_024;

/** Bytes of all records of an append. Beyond it the caller is broken: etcd would refuse the request. */
export const REQUEST_BYTES_MAX = 1_400_000;

/** Bytes of one piece of a snapshot's part. A part is larger than that only where single rows are large. */
export const PIECE_BYTES_MAX = 524_288;

/** Bytes of a snapshot that are written in a second: without a bound they keep appends waiting behind them. */
export const SNAPSHOT_BYTES_PER_SECOND = 8 * 1_048_576;

/** Keys read at once: the first read asks for so few, because each may have a megabyte; small ones double it up to the most. */
export const READ_KEYS_MIN = 8;
export const READ_KEYS_MAX = 1_024;
/** Bytes that one read should bring: more than fits a message has no sense, fewer cost a round trip each. */
export const READ_BYTES_AIM = 1_048_576;

/** For how long a process that was killed still has the right to store a snapshot. */
export const CLAIM_TTL_MS = 10_000;
/** Between two times that it is kept: two of three can be lost. */
export const CLAIM_KEEP_MS = CLAIM_TTL_MS / 3;

/**
 * How much longer than it has to be the log is kept for a live server that has not applied it yet: beyond that the server begins from a
 * snapshot, because a log that grows for one server that is stuck fills the store for all.
 */
export const TRIM_PATIENCE = 2;

/** Batches deleted in one transaction: an append that comes meanwhile waits for it. */
export const TRIM_KEYS_MAX = 1_000;

/** Before a transaction is sent again: at first, and at most, as it doubles. An outage lasts longer than either. */
export const RETRY_MS_MIN = 50;
export const RETRY_MS_MAX = 1_000;

/** How long one request may take before nothing is known of it. etcd's own election takes one or two seconds. */
export const REQUEST_MS_MAX = 3_000;

/** Between two looks at whether another process still leads. */
export const CAMPAIGN_MS = 250;

/** Keep-alives in one TTL: two can be lost before the third comes too late. */
export const KEEP_ALIVES_PER_TTL = 6;
/** The part of a TTL after which a leader without an answer takes its term for lost: before etcd lets another win. */
export const TERM_PART = 2 / 3;

/** Between two looks at the size of the store: at the 8 MiB/s of a snapshot a tenth of 2 GiB takes longer. */
export const QUOTA_LOOK_MS = 10_000;
/** The part of etcd's quota that is in use when an operator is warned. */
export const QUOTA_WARNED = 0.6;
/** When snapshots are stored and the log is trimmed at once. */
export const QUOTA_LOW = 0.75;
/** When no session is opened any more. The rest is enough to close all that there are. */
export const QUOTA_SCARCE = 0.9;
/**
 * The part of the quota that etcd's file has when it counts as full: etcd refuses by the size of its file, and has been seen to do so with
 * 88 % of the quota in use, because pages that are free are too few in a row for what is written.
 */
export const QUOTA_FILE_FULL = 0.95;
/** Between two compactions of the store's history. */
export const UPKEEP_MS = 60_000;
/** How much of etcd's own history is kept: nothing here reads it, but an operator may want to look. */
export const HISTORY_MS = 300_000;

/** Before a watch that broke is begun again. */
export const REWATCH_MS = 250;

/** Between two times that a server says what it is. What is listed of it is so old at most, and the time that etcd takes. */
export const ROSTER_MS = 5_000;
/** For how long a server is listed that says nothing more: two of three times can be lost. */
export const ROSTER_TTL_MS = 3 * ROSTER_MS;
/** Servers that are listed: far more than one log can feed. */
export const ROSTER_MAX = 256;

/** For how long a process that was killed still has its name, where its machine does not say that it is gone. */
export const NAME_TTL_MS = 10_000;
/** Between two looks at whether the name is still this process's: two of three can be lost. */
export const NAME_KEEP_MS = NAME_TTL_MS / 3;
/** Between two tries to get a name that another process has. */
export const NAME_CLAIM_MS = 500;
/** For how long a name is waited for: the lease of a process that was killed has ended by then, also in an etcd that looks late. */
export const NAME_WAIT_MS = NAME_TTL_MS + 3_000;

/** How long etcd keeps the lease by which two of its addresses are compared: longer than both requests take. */
export const COMPARED_S = 10n;

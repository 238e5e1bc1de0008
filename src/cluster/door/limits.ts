/** The largest message between servers: 1 MiB of commands and one more of a megabyte, and 4 bytes for each renewal of a million. */
export const PEER_MESSAGE_BYTES_MAX = 16 * 1_048_576;

/** A connection on which nothing was heard for so long is asked for life, and is over when it does not answer in time. */
export const PEER_KEEPALIVE_MS = 2_000;

/** Messages that wait for a follower that does not read. One that reads is answered as often as it speaks: some hundred times a second. */
export const UNREAD_MESSAGES_MAX = 1_024;

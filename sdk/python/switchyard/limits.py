"""Every wait and bound of docs/client-lifecycle.md, under the names that it has there; times are milliseconds."""

BACKOFF_FIRST_MS = 200
BACKOFF_MAX_MS = 15_000
STEADY_MS = 10_000
ATTACHMENT_SILENCE_MS = 30_000
WATCH_SILENCE_MS = 60_000
CALL_TIMEOUT_MS = 10_000
LEAVE_TIMEOUT_MS = 5_000
ANSWER_TIMEOUT_MS = 60_000
PING_AFTER_MS = 20_000
PING_TIMEOUT_MS = 10_000
ORDERS_AT_ONCE = 64
ANSWERS_REMEMBERED = 256
ANSWERS_REMEMBERED_BYTES = 1 << 20

# gRPC looks for a lost server again at this rate, so that the waits above decide and not its own, which grow to 120 s.
RECONNECT_MS = 1_000
# The largest message taken: a page of 1,000 sessions with all the labels that they may have is 5 MB.
MESSAGE_BYTES_MAX = 16 << 20

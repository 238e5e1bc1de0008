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

# Bytes of a block: what a stream takes that does not say otherwise.
RELAY_BLOCK_BYTES = 65_536
# Bytes that are kept until the peer has confirmed them: what the server's window holds, and as much on its way.
RELAY_KEPT_BYTES = 8 << 20
# How long a relayed connection waits for a server that is away, and the longest rest between two tries.
RELAY_REOPEN_MS = 600_000
RELAY_REOPEN_WAIT_MS = 5_000
# Bytes that a peer may send beyond what its reader has taken, and how many are taken before that is told: 400 Mbit/s through a
# server that is 80 ms from each end.
PEER_WINDOW_BYTES = 8 << 20
PEER_TAKEN_BYTES = 1 << 20
# Bytes of the frames that this end makes: a block of the relay, as TLS has its own head and tail.
PEER_FRAME_BYTES = 60 << 10
# How long a new connection may take in all, and the close of one whose ways are both complete.
PEER_CONNECT_MS = 60_000
PEER_LINGER_MS = 10_000

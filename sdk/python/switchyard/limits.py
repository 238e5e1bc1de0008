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
# Where several servers are known, how long a connection to one may take before the next is asked.
CONNECT_MS = 5_000
# Addresses of servers that are known at once by what the servers tell, and as many that they told before.
SERVERS_MAX = 64
# Bytes of an address that a server may name: a name of 253, and a port.
SERVER_BYTES_MAX = 261
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
# Between two signs of life on a direct path, and how many of them may be missed.
PEER_ALIVE_MS = 5_000
PEER_ALIVE_MISSED_MAX = 4
# Candidates of one side: the server takes no more. Own addresses that become candidates: one of each kind of network that people have.
CANDIDATES_MAX = 16
HOST_ADDRESSES_MAX = 4
# How long learning one's own address may take, for each port.
GATHER_MS = 3_000
# The start of an attempt may be ordered for this far ahead at most.
START_AFTER_MAX_MS = 10_000
# One attempt, from its start: room for a SYN that the kernel sends again after 1 s, and what then follows.
ATTEMPT_MS = 2_500
# Before a refused dial is tried again, and how often.
REDIAL_AFTER_MS = 100
REDIALS_MAX = 50
# Before the answer to a nomination is given up for: the path was good a moment ago.
NOMINATE_MS = 2_000
# Connections that came with which TLS is tried at once, and those that wait for it to begin: a stranger may dial, too.
SECURED_MAX = 16
EARLY_MAX = 16
# How long TLS with one of them is waited for while others wait: a handshake takes two round trips, and an attempt has room for five.
SECURE_TURN_MS = 500
# Pairs that the server takes of one attempt.
PAIRS_MAX = 32
# Tries of one relayed connection to move to a direct path: how many, the longest wait between two, and how long one may take.
UPGRADES_MAX = 16
UPGRADE_MAX_MS = 3_600_000
UPGRADE_TAKES_MS = 25_000
# How long the sockets of a punch are kept after it has worked here, should it not have worked there: the other end has 12 s for its
# answer, and the order that follows is on its way after that.
SPARE_MS = 15_000
# Before the server is asked again whether it has heard of a path from both ends: the first time, and at most.
DECIDED_FIRST_MS = 50
DECIDED_RETRY_MS = 1_000
# How long a stream waits until the server has heard of its path, which is reported on until it has.
REPORTED_MS = 1_000
# What is on its way to the server when a connection ends has so long to get there, before the loss is reported without it.
REPORTED_BEFORE_LOSS_MS = 3_000

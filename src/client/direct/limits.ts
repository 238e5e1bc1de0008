/** Every bound of a punch, with its reason. Times are in milliseconds. */
export const PUNCH_LIMITS = {
  /** Candidates of one side; more are not looked at. The server takes no more by default. */
  candidatesMax: 16,
  /** Addresses of own interfaces that become candidates: one of each kind of network that people have. */
  hostAddressesMax: 4,
  /** How long the rendezvous may take: five tries at the pace below, and a way around half the world. */
  gatherMs: 3_000,
  /** Before a STUN request over UDP is sent again: RFC 8489, section 6.2.1, asks for 500; nothing else is waiting here. */
  stunRetryMs: 250,
  /** One attempt, from its start: room for a SYN that the kernel sends again after 1 s, and what then follows. */
  attemptMs: 2_500,
  /** The start may be ordered for this far ahead at most; a server that says more has lost its mind. */
  startAfterMaxMs: 10_000,
  /** Before a refused dial is tried again: the peer may be late by its jitter, and a router may need to forget. */
  redialMs: 100,
  /** Dials of one pair in one attempt: as many as fit into it. */
  redialsMax: 50,
  /** Connections that wait for this end's own order to arrive; the peer dials as many as it has candidates for. */
  acceptedMax: 16,
  /** Between two UDP checks of one attempt: RFC 8445, section 14.2, asks for 50 and allows 5. */
  checkMs: 20,
  /** Addresses that checks are sent to: the peer's candidates, and as many that it turned out to come from. */
  checkedMax: 32,
  /** Streams on which a UDP attempt tries TLS: the first that is open is nearly always it. */
  streamsMax: 4,
  /** The TLS handshake on one path: three round trips with a lost packet each. */
  secureMs: 4_000,
  /** Paths on which TLS is tried at once: a handshake costs a millisecond of processor, and a stranger may dial too. */
  securedMax: 16,
  /** Before the answer to a nomination is given up for: the path was good a moment ago. */
  nominateMs: 2_000,
  /** After so much silence a path that stands is asked; mappings of UDP live 30 s at least (RFC 4787, section 4.3). */
  aliveMs: 10_000,
  /** Before it is asked again: what Linux waits once keepalive is set by Node, which fixes it at 1 s. */
  aliveRetryMs: 1_000,
  /** Questions without an answer after which a path is dead: as many as Node sets for TCP. */
  aliveTriesMax: 10,
} as const;

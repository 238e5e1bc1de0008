/**
 * How long everything in the life of a brokered connection may take, at the server and at both ends, in the order of that
 * life. All in milliseconds. The longest until one is given up is `pendingMs` + `relayDeadlineMs`. `test/core/model/connection-times.test.ts` adds them up: a step has to fit into what waits for it.
 */
export const CONNECTION_TIMES = {
  // An end gathers: it learns its addresses at the rendezvous.

  /** How long the rendezvous may take: five tries at the pace below, and a way around half the world. */
  gatherMs: 3_000,
  /** How long the router may take to map a port, where it is asked to: it is next door, and a datagram may be lost. */
  mapMs: 1_000,
  /** For how long it maps that: as long as the rendezvous keeps what it has seen. A connection that came in by it goes on after it. */
  mappedMs: 120_000,
  /** Before a STUN request over UDP is sent again: RFC 8489, section 6.2.1, asks for 500; nothing else is waiting here. */
  stunRetryMs: 250,

  // The caller asks, and the peer accepts.

  /** Asking waits until the peer has accepted: its order has `acceptMs`, and a server may restart. */
  askMs: 30_000,
  /** How long a peer may take to accept and to gather: an attempt must begin while the rendezvous holds the mappings. */
  acceptMs: 10_000,
  /**
   * A peer's request waits for so long for the answers to requests to the same peer, one of which may be the same connection:
   * gathering takes as long at most, and the order has `acceptMs`.
   */
  crossingMs: 3_000,
  /** How long a caller has to gather that did not before it asked. */
  gatherDeadlineMs: 10_000,

  // Both ends punch, three times at most.

  /**
   * How long an end may take for one attempt: until its start, `attemptMs` of trying, `nominateMs` for the other end's answer,
   * `gatherMs` for measuring anew, and the way of its answer on a bad day.
   */
  attemptDeadlineMs: 12_000,
  /** How far ahead of the farther end's order both begin: what orders and processes jitter. */
  startMarginMs: 10,
  /** The start may be ordered for this far ahead at most; a server that says more has lost its mind. */
  startAfterMaxMs: 10_000,
  /** One attempt, from its start: room for a SYN that the kernel sends again after 1 s, and what then follows. */
  attemptMs: 2_500,
  /** Before a refused dial is tried again: the peer may be late by its jitter, and a router may need to forget. */
  redialMs: 100,
  /** Between two UDP checks of one attempt: RFC 8445, section 14.2, asks for 50 and allows 5. */
  checkMs: 20,
  /** The TLS handshake on one path: three round trips with a lost packet each. */
  secureMs: 4_000,
  /** How long one that came may be without a proof before it makes room for another: a handshake takes two round trips. */
  silentMs: 500,
  /** Before the answer to a nomination is given up for: the path was good a moment ago. */
  nominateMs: 2_000,
  /**
   * How long the sockets of a punch are kept after it has worked here, should it not have worked there: the other end has
   * `attemptDeadlineMs` for its answer, and the order that follows is on its way after that.
   */
  spareMs: 15_000,
  /**
   * How long an end that has lost such a path waits until the server has decided about the attempt: the other end has `attemptDeadlineMs` for
   * its answer, and the server's next order is on its way after that. A report of the loss before it would end the connection.
   */
  decidedMs: 15_000,
  /** Before an end that has lost such a path asks again whether the server has heard of it from both: their reports are on their way. */
  decidedRetryMs: 1_000,
  /** No attempt lasts so long; what is said beyond it is not worth 64 bits. */
  tookMaxMs: 60_000,

  // It goes through the server.

  /** How long an end may take to open the streams of a relayed connection. */
  relayDeadlineMs: 10_000,
  /**
   * How long a connection may be pending: less than the two minutes for which the rendezvous keeps observed addresses. It ends
   * when the connection stands or goes over to the relay, and begins anew with a restart of the server.
   */
  pendingMs: 55_000,

  // It stands.

  /** After so much silence a path that stands is asked; mappings of UDP live 30 s at least (RFC 4787, section 4.3). */
  aliveMs: 10_000,
  /** Before it is asked again: what Linux waits once keepalive is set by Node, which fixes it at 1 s. */
  aliveRetryMs: 1_000,
  /** Between two signs of life on a direct path, beside what TCP and UDP do below: four may be missed. */
  signOfLifeMs: 5_000,
  /** A direct path of a relayed connection is tried again after so long, and then after twice as long each time … */
  upgradeFirstMs: 5_000,
  /** … but this at most: networks change, and an hour relayed is no misfortune. */
  upgradeMaxMs: 3_600_000,
  /** A try is given up for after so long: gathering, the peer's order to gather, and both ends' orders to punch. */
  upgradeTakesMs: 25_000,
  /** The longest wait between two tries to open an end of a relayed stream again: a sink that stays away is cut off. */
  reopenWaitMaxMs: 5_000,
  /** How long that is tried: as long as it takes to move a server to another machine. Sessions do not live longer by default. */
  reopenMs: 10 * 60_000,

  /**
   * How long both ends have to open the relay again when the direct path has died: one that has another address now attaches first, as it
   * finds its own connection to the server dead.
   */
  returnDeadlineMs: 30_000,
  /** How long a stream waits for that: the report of the loss and the order may take as long as any call. */
  returnMs: 40_000,

  // It ends.

  /** How long the peer's FIN is awaited once both ways are complete: as long as the kernel sends a lost one again. */
  lingerMs: 10_000,
} as const;

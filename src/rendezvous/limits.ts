/** Every bound of the rendezvous port, which anybody may speak to without a session. */
export interface RendezvousLimits {
  /** Bytes of a request: an ordinary one has 20 to 100, and a path carries 1,280 everywhere. */
  readonly messageBytesMax: number;
  /** Requests a second of one address: an office behind one NAT that starts its day. */
  readonly addressRate: number;
  /** Requests of one address at once: a second's worth, twice. */
  readonly addressBurst: number;
  /** Requests a second in all: some milliseconds of work. Also what a flood from forged addresses gets answered. */
  readonly totalRate: number;
  /** Requests at once in all. */
  readonly totalBurst: number;
  /** Addresses whose rate is remembered: some MiB. The one that was quiet for longest is forgotten first. */
  readonly addressesMax: number;
  /** For how long an address counts as observed after its last connection: as long as a connection is brokered, twice. */
  readonly observedMs: number;
  /** TCP connections at once: each costs a descriptor and some KiB. */
  readonly connectionsMax: number;
  /** TCP connections of one address at once. */
  readonly connectionsPerAddressMax: number;
  /** How long a TCP connection may last: longer than a punch, which keeps it to keep its mapping. */
  readonly connectionMs: number;
  /** Requests on one TCP connection: one for an address, some for the round trip of each attempt. */
  readonly connectionRequestsMax: number;
}

/** The bounds of a server that was not told otherwise. */
export const RENDEZVOUS_LIMITS: RendezvousLimits = {
  messageBytesMax: 1_280,
  addressRate: 50,
  addressBurst: 100,
  totalRate: 10_000,
  totalBurst: 20_000,
  addressesMax: 65_536,
  observedMs: 120_000,
  connectionsMax: 4_096,
  connectionsPerAddressMax: 256,
  connectionMs: 60_000,
  connectionRequestsMax: 64,
};

import { createHash } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { type Connection, ConnectionRole } from '../../../gen/switchyard/v1/connection.js';
import type { Endpoint } from '../../stun/address.js';
import type { SilentPathError } from '../carrier/lost-path.js';
import { msOf } from '../duration.js';
import { type Candidate, CandidateType } from './candidate.js';
import type { PathIdentity } from './identity.js';
import type { PairWords } from './outcome.js';
import type { Proof } from './secure.js';

/** A way to the peer that stands: encrypted, and proved to end at the peer. */
export interface DirectPath {
  /** Bytes in order, both ways, for a `DirectCarrier`. Destroying it closes the path; it errs when the path is found dead. */
  readonly stream: Duplex;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** Resolves once all that was written outlives this process: the kernel has it, or the peer. */
  flush(): Promise<void>;
  /** Calls once what is below finds that nothing comes from the peer any more, where the stream does not err with that. */
  whenSilent?(die: (error: SilentPathError) => void): void;
  /** How long the peer's answer to the nomination took. Undefined at the end that does not control: it did not ask. */
  readonly roundTripMs: number | undefined;
}

/** What an attempt needs to know, as it comes with the order. */
export interface AttemptPlan extends Proof {
  /** Where the peer may be reached. */
  readonly candidates: readonly Candidate[];
  /** 16 bytes that only the two ends and the server know. */
  readonly nonce: Uint8Array;
  /** When to begin, from now. */
  readonly startAfterMs: number;
}

/** The plan of an attempt, as it was ordered. */
export function attemptPlan(order: Connection, identity: PathIdentity): AttemptPlan {
  const { peerPublicKey, role, candidates, nonce, startAfter } = order;
  return {
    identity,
    peerPublicKey,
    controlling: role === ConnectionRole.PUNCH_CONTROLLING,
    candidates: candidates as readonly Candidate[],
    nonce,
    startAfterMs: startAfter ? msOf(startAfter) : 0,
  };
}

/**
 * The plan of an end whose peer dials, or that dials, as it was ordered. The end that listens controls. There is no attempt
 * to have a nonce of; the connection's name, which both know and no other connection has, serves as well.
 */
export function dialPlan(order: Connection, identity: PathIdentity): AttemptPlan {
  const { connectionId, peerPublicKey, role, host, port } = order;
  const controlling = role === ConnectionRole.LISTEN;
  const nonce = createHash('sha256').update(connectionId).digest().subarray(0, 16);
  const caller = { host, port, type: CandidateType.REFLEXIVE, priority: 0 };
  return { identity, peerPublicKey, controlling, candidates: controlling ? [] : [caller], nonce, startAfterMs: 0 };
}

/** What came of one address of the peer. */
export interface PairOutcome {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** For people: of a closed list, since the other end reads it. */
  readonly outcome: PairWords;
}

/** What came of an attempt: the path if there is one, and what was tried in either case. */
export interface AttemptOutcome {
  readonly path: DirectPath | undefined;
  readonly pairs: readonly PairOutcome[];
  readonly tookMs: number;
}

/**
 * One end of a punch, for TCP or for UDP. Sockets are opened by gathering and kept through all attempts, because what
 * was observed is true only for them.
 */
export interface Puncher {
  /** Where this end may be reached. */
  readonly candidates: readonly Candidate[];
  /** The round trip to the rendezvous, as gathering has shown it; undefined when it did not answer. */
  readonly roundTripMs: number | undefined;
  /** Whether whoever can reach that port here reaches this end. */
  listensAt(port: number): boolean;
  /** The round trip to the rendezvous, measured anew; undefined when it does not answer. */
  measure(): Promise<number | undefined>;
  /** Tries once to reach the peer. Never throws because of what the network or the peer does. */
  attempt(plan: AttemptPlan, signal?: AbortSignal): Promise<AttemptOutcome>;
  /** Gives everything back but a path that was handed out. */
  close(): void;
}

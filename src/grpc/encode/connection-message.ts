import {
  type CandidatePair,
  ConnectionFallback,
  type Connection as ConnectionMessage,
  type ConnectionPeer,
  type ConnectionRecord,
  type RendezvousAddress,
} from '../../../gen/switchyard/v1/connection.js';
import {
  type Attempt,
  type Connection,
  ConnectionRole,
  ConnectionState,
  canReturn,
  connectionName,
  Fallback,
  type Pair,
  relayVersionOf,
  startAfterMs,
} from '../../core/model/connection.js';
import { REASONS } from '../../core/model/fault.js';
import { toldOutcome } from '../../core/model/outcome.js';
import { durationOf } from './duration.js';
import { pairSize } from './size.js';

/*
 * What the core knows about connections, as messages; nothing here decides anything.
 */

const EMPTY = Buffer.alloc(0);

/** What else an end is told, which the core knows nothing of. */
export interface ConnectionFacts {
  /** Absent or empty: the request came without one. */
  readonly traceparent?: string;
  /** Whom a session has proved to be, and where it is the caller what it may reach of `asked`; undefined where nothing was proved. */
  readonly verified?: (sid: number, asked?: number) => ConnectionPeer | undefined;
}

/** A connection as one of its ends is told of it, with what that end has to do. */
export function connectionMessage(
  connection: Connection,
  side: 'caller' | 'peer',
  role: ConnectionRole,
  rendezvous: readonly RendezvousAddress[],
  { traceparent = '', verified }: ConnectionFacts = {},
): ConnectionMessage {
  const other = side === 'caller' ? connection.peer : connection.caller;
  const message: ConnectionMessage = {
    host: '',
    port: 0,
    type: connection.link,
    connectionId: connectionName(connection.id),
    peerCvid: other.sid,
    role,
    candidates: [],
    startAfter: undefined,
    nonce: EMPTY,
    peerPublicKey: Buffer.from(other.publicKey, 'latin1'),
    attempt: 0,
    relayStreamId: 0,
    rendezvous: [],
    relayBranchId: 0,
    relayVersion: 0,
    fallback: ConnectionFallback.UNSPECIFIED,
    controlling: false,
    traceparent,
    peerEndorsement: other.endorsement === undefined ? undefined : Buffer.from(other.endorsement, 'latin1'),
    peer: verified?.(other.sid, side === 'peer' ? connection.peer.sid : undefined),
  };
  switch (role) {
    case ConnectionRole.DIAL:
      return { ...message, ...connection.listening };
    case ConnectionRole.LISTEN:
      return { ...message, port: connection.listening.port };
    case ConnectionRole.GATHER:
      return { ...message, rendezvous: [...rendezvous], fallback: fallbackAt(connection, side) };
    case ConnectionRole.RELAY: {
      const { fromCaller, fromPeer } = connection.relay!;
      const [send, receive] = side === 'caller' ? [fromCaller, fromPeer] : [fromPeer, fromCaller];
      const relayVersion = relayVersionOf(connection);
      const controlling = side === 'caller';
      return { ...message, relayStreamId: send.streamId, relayBranchId: receive.branchId, relayVersion, controlling };
    }
    default: {
      const attempt = connection.attempts.at(-1);
      const nonce = Buffer.from(attempt?.nonce ?? '', 'latin1');
      const startAfter = attempt && durationOf(startAfterMs(connection, side));
      const relayVersion = canReturn(connection) ? relayVersionOf(connection) : 0;
      const tried = { startAfter, nonce, attempt: attempt?.number ?? 0, relayVersion };
      return { ...message, candidates: [...other.candidates], ...tried };
    }
  }
}

/** Whether an end that is to gather need not wait for that: the peer, before it has accepted a relay that comes first. */
function fallbackAt(connection: Connection, side: 'caller' | 'peer'): ConnectionFallback {
  const { fallback, state, caller } = connection;
  const isFirst = fallback === Fallback.IMMEDIATE && state === ConnectionState.ORDERED && caller.publicKey !== '';
  return isFirst && side === 'peer' ? ConnectionFallback.IMMEDIATE : ConnectionFallback.UNSPECIFIED;
}

/** A connection's trace, for both its ends. */
export function connectionRecordMessage(connection: Connection): ConnectionRecord {
  const { caller, peer, attempts, roundTripMs, reason, description, listening } = connection;
  const isListening = listening.port > 0;
  return {
    connectionId: connectionName(connection.id),
    callerCvid: caller.sid,
    peerCvid: peer.sid,
    type: connection.link,
    state: connection.state,
    askedAt: new Date(connection.askedAtMs),
    callerCandidates: [...caller.candidates],
    peerCandidates: [...peer.candidates],
    attempts: attemptMessages(attempts),
    path: connection.path,
    roundTrip: roundTripMs === 0 ? undefined : durationOf(roundTripMs),
    reason: reason === undefined ? 0 : REASONS[reason],
    description,
    listeningHost: isListening ? listening.host : '',
    listeningPort: listening.port,
  };
}

/** Bytes of the pairs of all attempts that a trace tells: with everything else it stays far below the 2 MiB of a message. */
const PAIRS_BYTES_MAX = 786_432;

function attemptMessages(attempts: readonly Attempt[]): ConnectionRecord['attempts'] {
  let left = PAIRS_BYTES_MAX;
  const fits = (pair: CandidatePair) => {
    left -= pairSize(pair as Pair);
    return left >= 0;
  };
  return attempts.map((attempt) => attemptMessage(attempt, fits));
}

/** The peer's pairs are turned around, so that `local` is the caller's side in all of them. */
function attemptMessage(
  { number, startedAtMs, caller, peer }: Attempt,
  fits: (pair: CandidatePair) => boolean,
): ConnectionRecord['attempts'][number] {
  const pairs: CandidatePair[] = [
    ...(caller?.pairs ?? []),
    ...(peer?.pairs ?? []).map(({ local, remote, outcome }) => ({ local: remote, remote: local, outcome })),
  ]
    .filter(fits)
    // What an end says is read by the other one and by people: none of it is in its own words.
    .map((pair) => ({ ...pair, outcome: toldOutcome(pair.outcome) }));
  const isKnown = caller !== undefined && peer !== undefined;
  const failed = isKnown && !(caller.connected && peer.connected);
  return {
    number,
    startedAt: new Date(startedAtMs),
    took: isKnown ? durationOf(Math.max(caller.tookMs, peer.tookMs)) : undefined,
    pairs,
    reason: failed ? REASONS.PATH_FAILED : 0,
    description: failed ? failure(caller.connected, peer.connected) : '',
  };
}

function failure(caller: boolean, peer: boolean): string {
  if (caller === peer) return 'neither end found a path';
  return caller ? 'only the caller found a path' : 'only the peer found a path';
}

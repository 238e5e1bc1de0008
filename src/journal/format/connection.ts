import type {
  Attempt as AttemptMessage,
  ConnectionEnd as ConnectionEndMessage,
  ConnectionRow,
  Drawn as DrawnMessage,
  Gathered as GatheredMessage,
  RelayStream,
  Tried as TriedMessage,
} from '../../../gen/switchyard/journal/v1/connection.js';
import type { Drawn } from '../../core/model/command.js';
import type {
  Attempt,
  Connection,
  ConnectionEnd,
  ConnectionRelay,
  ConnectionState,
  Fallback,
  Gathered,
  Pair,
  PathKind,
  Tried,
} from '../../core/model/connection.js';
import { REASON_OF_CODE, REASONS } from '../../core/model/fault.js';
import type { LinkType } from '../../core/model/link.js';
import { packHidden, unpackHidden } from './fields.js';

const NO_BYTES = Buffer.alloc(0);

/** What an end brings, as it is stored. */
export function packGathered({
  candidates,
  publicKey,
  endorsement = '',
  roundTripMs,
  relayVersion,
}: Gathered): GatheredMessage {
  const hidden = { publicKey: packHidden(publicKey), endorsement: packHidden(endorsement) };
  return { candidates: [...candidates], ...hidden, roundTripMs, relayVersion };
}

/** What an end brings, as the core has it. */
export function unpackGathered(message: GatheredMessage | undefined): Gathered {
  const { candidates = [], publicKey = NO_BYTES, roundTripMs = 0, relayVersion = 0 } = message ?? {};
  const endorsement = unpackHidden(message?.endorsement ?? NO_BYTES);
  const brought = endorsement === '' ? {} : { endorsement };
  return { candidates, publicKey: unpackHidden(publicKey), ...brought, roundTripMs, relayVersion };
}

/** What an attempt was given from outside, as it is stored. */
export function packDrawn({ nonce, atMs }: Drawn): DrawnMessage {
  return { nonce: packHidden(nonce), atMs: BigInt(atMs) };
}

/** What an attempt was given from outside, as the core has it. */
export function unpackDrawn(message: DrawnMessage | undefined): Drawn {
  return { nonce: unpackHidden(message?.nonce ?? Buffer.alloc(0)), atMs: Number(message?.atMs ?? 0n) };
}

/** What an end tells of an attempt, as it is stored. */
export function packTried({ connected, pairs, tookMs }: Tried): TriedMessage {
  return { connected, pairs: [...pairs], tookMs };
}

/** What an end tells of an attempt, as the core has it. */
export function unpackTried(message: TriedMessage | undefined): Tried {
  const { connected = false, pairs = [], tookMs = 0 } = message ?? {};
  return { connected, pairs: pairs.map(unpackPair), tookMs };
}

/** What was chosen instead of LATE, which is not stored. */
export function unpackFallback(number: number): { readonly fallback?: Fallback } {
  return number === 0 ? {} : { fallback: number as Fallback };
}

/** A connection as a row of a snapshot. */
export function packConnection(connection: Connection): ConnectionRow {
  const { id, caller, peer, link, listening, state, askedAtMs, attempts, path, roundTripMs, relay } = connection;
  return {
    id: BigInt(id),
    caller: packEnd(caller),
    peer: packEnd(peer),
    link,
    ...listening,
    state,
    askedAtMs: BigInt(askedAtMs),
    attempts: attempts.map(packAttempt),
    path,
    roundTripMs,
    relayFromCaller: relay?.fromCaller,
    relayFromPeer: relay?.fromPeer,
    reason: connection.reason === undefined ? 0 : REASONS[connection.reason],
    description: connection.description,
    fallback: connection.fallback ?? 0,
  };
}

/** A connection as the core has it. Undefined: it holds what only a newer build knows. */
export function unpackConnection(row: ConnectionRow): Connection | undefined {
  const reason = REASON_OF_CODE.get(row.reason);
  if (reason === undefined && row.reason !== 0) return undefined;
  return {
    id: Number(row.id),
    caller: unpackEnd(row.caller),
    peer: unpackEnd(row.peer),
    link: row.link as LinkType,
    listening: { host: row.host, port: row.port },
    ...unpackFallback(row.fallback),
    state: row.state as ConnectionState,
    askedAtMs: Number(row.askedAtMs),
    attempts: row.attempts.map(unpackAttempt),
    path: row.path as PathKind,
    roundTripMs: row.roundTripMs,
    relay: unpackRelay(row.relayFromCaller, row.relayFromPeer),
    reason,
    description: row.description,
  };
}

function packEnd({ sid, reported, ...gathered }: ConnectionEnd): ConnectionEndMessage {
  return { sid, gathered: packGathered(gathered), reported };
}

function unpackEnd(message: ConnectionEndMessage | undefined): ConnectionEnd {
  const { sid = 0, gathered, reported = 0 } = message ?? {};
  return { sid, ...unpackGathered(gathered), reported: reported as PathKind };
}

function packAttempt({ number, startedAtMs, nonce, caller, peer }: Attempt): AttemptMessage {
  return {
    number,
    startedAtMs: BigInt(startedAtMs),
    nonce: packHidden(nonce),
    caller: caller && packTried(caller),
    peer: peer && packTried(peer),
  };
}

function unpackAttempt({ number, startedAtMs, nonce, caller, peer }: AttemptMessage): Attempt {
  return {
    number,
    startedAtMs: Number(startedAtMs),
    nonce: unpackHidden(nonce),
    caller: caller && unpackTried(caller),
    peer: peer && unpackTried(peer),
  };
}

function unpackPair({ local, remote, outcome }: TriedMessage['pairs'][number]): Pair {
  const none = { host: '', port: 0, type: 0, priority: 0 };
  return { local: local ?? none, remote: remote ?? none, outcome };
}

function unpackRelay(
  fromCaller: RelayStream | undefined,
  fromPeer: RelayStream | undefined,
): ConnectionRelay | undefined {
  return fromCaller && fromPeer && { fromCaller, fromPeer };
}

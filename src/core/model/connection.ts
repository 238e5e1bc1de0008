import { CONNECTION_TIMES } from './connection-times.js';
import type { Reason } from './fault.js';
import type { LinkType } from './link.js';

/** Where a brokered connection stands. The numbers are those of `switchyard.v1.ConnectionState`. */
export const ConnectionState = {
  ASKED: 1,
  ORDERED: 2,
  GATHERING: 3,
  PUNCHING: 4,
  ESTABLISHED: 5,
  RELAYED: 6,
  FAILED: 7,
  CANCELLED: 8,
} as const;
/** One of the numbers of {@link ConnectionState}. */
export type ConnectionState = (typeof ConnectionState)[keyof typeof ConnectionState];

/** How data travels. The numbers are those of `switchyard.v1.PathKind`. */
export const PathKind = { UNSPECIFIED: 0, DIRECT: 1, RELAYED: 2 } as const;
/** One of the numbers of {@link PathKind}. */
export type PathKind = (typeof PathKind)[keyof typeof PathKind];

/**
 * What a connection that the server coordinates has besides its attempts. Journals hold these numbers; the API has others.
 *
 * - `LATE`: a relay, once all attempts have failed.
 * - `IMMEDIATE`: a relay as soon as the peer has accepted. The ends ask for attempts while they use it.
 * - `NONE`: no relay. When all attempts have failed, so has the connection.
 */
export const Fallback = { LATE: 0, IMMEDIATE: 1, NONE: 2 } as const;
/** One of the numbers of {@link Fallback}. */
export type Fallback = (typeof Fallback)[keyof typeof Fallback];

/**
 * The form of relayed bytes from which on an end knows what to do with a relay that comes before any attempt. Stored commands
 * depend on it, so it never changes.
 */
export const RELAY_FIRST_FROM = 3;

/**
 * The form of relayed bytes from which on an end counts what it has sent and taken, so that a connection whose direct path has died
 * goes on through the server. Stored commands depend on it, so it never changes.
 */
export const RETURN_FROM = 4;

/** What an end of a connection has to do. The numbers are those of `switchyard.v1.ConnectionRole`. */
export const ConnectionRole = {
  DIAL: 1,
  LISTEN: 2,
  GATHER: 3,
  PUNCH_CONTROLLING: 4,
  PUNCH_CONTROLLED: 5,
  RELAY: 6,
} as const;
/** One of the numbers of {@link ConnectionRole}. */
export type ConnectionRole = (typeof ConnectionRole)[keyof typeof ConnectionRole];

/** An address at which an end may be reached. Source: `switchyard.v1.Candidate`. */
export interface Candidate {
  readonly host: string;
  readonly port: number;
  /** A number of `switchyard.v1.CandidateType`. */
  readonly type: number;
  readonly priority: number;
}

/** What came of one pair of addresses, as one end saw it: `local` is its own. */
export interface Pair {
  readonly local: Candidate;
  readonly remote: Candidate;
  /** For people: "connected", "refused", "no answer". */
  readonly outcome: string;
}

/** What an end brings into a punch. */
export interface Gathered {
  readonly candidates: readonly Candidate[];
  /** DER SubjectPublicKeyInfo as latin1 characters; empty until the end has gathered. */
  readonly publicKey: string;
  /** That a key of its identity stands for its public key, as latin1 characters: only the ends read it. Absent: it brought none. */
  readonly endorsement?: string;
  /** To the rendezvous, as the end measured it. 0: not known. */
  readonly roundTripMs: number;
  /** The newest form of relayed bytes that the end knows: see `switchyard.v1.Connection.relay_version`. */
  readonly relayVersion: number;
}

/** One end of a connection. */
export interface ConnectionEnd extends Gathered {
  readonly sid: number;
  /** The path that it has reported to stand. */
  readonly reported: PathKind;
}

/** What an end tells of an attempt. */
export interface Tried {
  readonly connected: boolean;
  readonly pairs: readonly Pair[];
  readonly tookMs: number;
}

/** One attempt. It failed unless both ends had a path. */
export interface Attempt {
  /** From 1. */
  readonly number: number;
  readonly startedAtMs: number;
  /** 16 random bytes as latin1 characters. */
  readonly nonce: string;
  /** Undefined until that end has told. */
  readonly caller: Tried | undefined;
  readonly peer: Tried | undefined;
}

/** The two streams of a connection that goes through the server, each by its own id and its branch's. */
export interface ConnectionRelay {
  readonly fromCaller: { readonly streamId: number; readonly branchId: number };
  readonly fromPeer: { readonly streamId: number; readonly branchId: number };
}

/** A brokered connection, from the request to its outcome. Never changed: a change makes a new one. */
export interface Connection {
  /** The revision in which it was asked for. */
  readonly id: number;
  readonly caller: ConnectionEnd;
  readonly peer: ConnectionEnd;
  readonly link: LinkType;
  /** Where the caller listens, its host as the server observed it; port 0: the server coordinates. */
  readonly listening: { readonly host: string; readonly port: number };
  /** Absent: LATE. */
  readonly fallback?: Fallback;
  readonly state: ConnectionState;
  /** Wall clock, for people only. */
  readonly askedAtMs: number;
  readonly attempts: readonly Attempt[];
  readonly path: PathKind;
  /** As the ends measured it, once it stands. 0: not known. */
  readonly roundTripMs: number;
  readonly relay: ConnectionRelay | undefined;
  /** Why it is over. */
  readonly reason: Reason | undefined;
  readonly description: string;
}

/**
 * What can happen to a connection.
 *
 * - `ordered`: the peer's order was placed.
 * - `accepted`: the peer took it; the caller has yet to gather.
 * - `started`: an attempt was ordered to both ends, or (the caller listens) the peer dials. A relayed connection stays so
 *   until an attempt has come to something.
 * - `relaying`: both ends were given streams through the server: no attempt was left, or the caller wants them first.
 * - `returning`: an end has lost the direct path, and both were given streams through the server to go on with.
 * - `linked`: both ends have reported a direct path.
 * - `refused`: an end said no to an order.
 * - `expired`: an order was not answered in time, or the whole took too long.
 * - `exhausted`: no attempt was left, and no stream could be had or was wanted.
 * - `lost`: an end found the path dead.
 * - `closed`: an end gave it up.
 * - `left`: an end's session is over.
 */
export type ConnectionEvent = (typeof CONNECTION_EVENTS)[number];

/** Every event, in the order of the table's columns. */
export const CONNECTION_EVENTS = [
  'ordered',
  'accepted',
  'started',
  'relaying',
  'returning',
  'linked',
  'refused',
  'expired',
  'exhausted',
  'lost',
  'closed',
  'left',
] as const;

const { ASKED, ORDERED, GATHERING, PUNCHING, ESTABLISHED, RELAYED, FAILED, CANCELLED } = ConnectionState;
/** The event cannot be, or comes too late: nothing changes. */
const ____ = undefined;
const DONE = CANCELLED;
const FAIL = FAILED;
const STANDS = ESTABLISHED;

type Cell = ConnectionState | undefined;

/**
 * Every state × every event.
 *
 * A connection is asked for and its peer ordered in one revision, so `asked` is where it begins and is never seen. What
 * goes wrong before it stands, or kills a path, is a failure; what an end wants is a cancellation. Nothing leads out of
 * the last two rows.
 */
// biome-ignore format: a table is read by its columns.
const TABLE: Readonly<Record<ConnectionState, readonly Cell[]>> = {
  //             ordered  accepted   started   relaying returning linked  refused expired exhausted lost  closed left
  [ASKED]:       [ORDERED, ____,      ____,     ____,    ____,     ____,   FAIL,   FAIL,   ____,     FAIL, DONE,  DONE],
  [ORDERED]:     [____,    GATHERING, PUNCHING, RELAYED, ____,     ____,   FAIL,   FAIL,   ____,     FAIL, DONE,  DONE],
  [GATHERING]:   [____,    ____,      PUNCHING, RELAYED, ____,     ____,   FAIL,   FAIL,   ____,     FAIL, DONE,  DONE],
  [PUNCHING]:    [____,    ____,      PUNCHING, RELAYED, ____,     STANDS, FAIL,   FAIL,   FAIL,     FAIL, DONE,  DONE],
  [ESTABLISHED]: [____,    ____,      ____,     ____,    RELAYED,  ____,   ____,   ____,   ____,     FAIL, DONE,  DONE],
  [RELAYED]:     [____,    ____,      RELAYED,  ____,    RELAYED,  STANDS, FAIL,   FAIL,   ____,     FAIL, DONE,  DONE],
  [FAILED]:      [____,    ____,      ____,     ____,    ____,     ____,   ____,   ____,   ____,     ____, ____,  ____],
  [CANCELLED]:   [____,    ____,      ____,     ____,    ____,     ____,   ____,   ____,   ____,     ____, ____,  ____],
};

/** Where an event leads from a state; undefined when it changes nothing there. */
export function nextState(state: ConnectionState, event: ConnectionEvent): ConnectionState | undefined {
  return TABLE[state][CONNECTION_EVENTS.indexOf(event)];
}

/** The connection after an event that its state has to know. */
export function stepped(connection: Connection, event: ConnectionEvent, changed: Partial<Connection> = {}): Connection {
  const state = nextState(connection.state, event);
  if (state === undefined) throw new Error(`${connectionName(connection.id)}: ${event} in state ${connection.state}`);
  return { ...connection, ...changed, state };
}

/** Whether nothing can happen to it any more. */
export function isOver({ state }: Connection): boolean {
  return state === FAILED || state === CANCELLED;
}

/** Whether it is still being made: it neither stands nor is over. */
export function isPending({ state }: Connection): boolean {
  return state === ASKED || state === ORDERED || state === GATHERING || state === PUNCHING;
}

/** Which end a session is that is one of the two. */
export function sideOf(connection: Connection, sid: number): 'caller' | 'peer' {
  if (!isEnd(connection, sid)) throw new Error(`${connectionName(connection.id)} has no end ${sid}`);
  return connection.caller.sid === sid ? 'caller' : 'peer';
}

/** Whether a session is one of the two ends of a connection. */
export function isEnd({ caller, peer }: Connection, sid: number): boolean {
  return caller.sid === sid || peer.sid === sid;
}

/** The session at the other end. */
export function otherEnd({ caller, peer }: Connection, sid: number): number {
  return caller.sid === sid ? peer.sid : caller.sid;
}

/** The form in which both ends put their bytes on the relay: the newest that both know. */
export function relayVersionOf({ caller, peer }: Connection): number {
  return Math.min(caller.relayVersion, peer.relayVersion);
}

/** Whether the relay comes before any attempt: the caller wants it, and both ends have gathered a key and know how. */
export function isRelayFirst(connection: Connection): boolean {
  return connection.fallback === Fallback.IMMEDIATE && relayVersionOf(connection) >= RELAY_FIRST_FROM;
}

/** Whether it goes on through the server when its direct path has died: both ends know how, and the caller wants no less. */
export function canReturn(connection: Connection): boolean {
  return relayVersionOf(connection) >= RETURN_FROM && connection.fallback !== Fallback.NONE;
}

/** What a connection is called outside of the core. */
export function connectionName(id: number): string {
  return `c${id}`;
}

/**
 * When an end begins its attempt, counted from the arrival of its order: so that both begin at the same moment, although
 * one order is longer on its way (the timing of DCUtR).
 */
export function startAfterMs(connection: Connection, side: 'caller' | 'peer'): number {
  const { caller, peer } = connection;
  return Math.round(
    (Math.max(caller.roundTripMs, peer.roundTripMs) - connection[side].roundTripMs) / 2 +
      CONNECTION_TIMES.startMarginMs,
  );
}

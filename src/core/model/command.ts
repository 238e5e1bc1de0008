import type { Fallback, Gathered, Pair, PathKind } from './connection.js';
import type { Reason } from './fault.js';
import type { Limits } from './limits.js';
import type { LinkType } from './link.js';
import type { CloseReason, InstanceFlavor, InstanceType, Labels } from './session.js';
import type { StopReason, StreamParams } from './stream.js';
import type { AuditAnchor } from './trust/audit-anchor.js';
import type { ProvenKey } from './trust/identity.js';
import type {
  AdmitIdentity,
  BindKey,
  ForgetKey,
  RevokeIdentity,
  RotateKey,
  UpdateIdentity,
} from './trust/identity-command.js';
import type { Ticket } from './trust/ticket.js';

export type { AdmitIdentity, BindKey, ForgetKey, RevokeIdentity, RotateKey, UpdateIdentity };

/** The first command of every journal: it names the network and makes the server's node. */
export interface FoundNetwork {
  readonly kind: 'FoundNetwork';
  readonly epoch: string;
  readonly serverUuid: string;
  readonly atMs: number;
}

/** Opens a session, and ends every earlier one of the same instance. */
export interface OpenSession {
  readonly kind: 'OpenSession';
  /** In lower case. */
  readonly uuid: string;
  readonly type: InstanceType;
  readonly flavor: InstanceFlavor;
  readonly ttlMs: number;
  readonly name: string;
  readonly labels: Labels;
  /** SHA-256 of the token's secret, as 32 latin1 characters: half the memory of a Buffer, and never printable. */
  readonly tokenHash: string;
  /** Wall clock, for people, and for whether a key is still good. */
  readonly atMs: number;
  /** Absent: nothing was proved. */
  readonly proven?: ProvenKey | undefined;
  /** The server that it is opened at, by its SID. Absent: the one that founded the network. */
  readonly server?: number | undefined;
}

/** Ends a session at once. */
export interface CloseSession {
  readonly kind: 'CloseSession';
  readonly sid: number;
  readonly reason: CloseReason;
  /** Only if this server is its home: an expiry, which its home alone may propose. Absent: whatever its home is. */
  readonly home?: number | undefined;
}

/** A server serves from now on. It has a node of its own, the one that it had before if that is still there. */
export interface AddServer {
  readonly kind: 'AddServer';
  /** In lower case. */
  readonly uuid: string;
  readonly name: string;
}

/** A server serves no more. */
export interface LoseServer {
  readonly kind: 'LoseServer';
  readonly sid: number;
}

/** A session is at another server from now on. */
export interface MoveSession {
  readonly kind: 'MoveSession';
  readonly sid: number;
  /** Where to, by its SID. */
  readonly server: number;
}

/** Asks a session to end itself; it ends with its answer or, by a CloseSession, after `deadlineMs`. */
export interface RequestTermination {
  readonly kind: 'RequestTermination';
  readonly sid: number;
  /** In the administrator's words. */
  readonly reason: string;
  /** How long the order waits for its answer; 0 where the session is not attached, so that nobody would hear it. */
  readonly deadlineMs: number;
}

/** An instance's answer to an order. */
export interface AnswerOrder {
  readonly kind: 'AnswerOrder';
  readonly sid: number;
  readonly orderId: string;
  /** Undefined: success. */
  readonly code: Reason | undefined;
  readonly description: string;
  readonly data: Uint8Array;
}

/** One end's report about a link. */
export interface ReportLink {
  readonly kind: 'ReportLink';
  /** Who reports. */
  readonly sid: number;
  readonly peer: number;
  readonly link: LinkType;
  /** True: it stands. False: it is lost. */
  readonly established: boolean;
  /** The brokered connection that it came from; absent for a link made otherwise. */
  readonly brokered?: BrokeredLink;
}

/** What an end says about a link of a brokered connection. */
export interface BrokeredLink {
  readonly connection: number;
  readonly path: PathKind;
  /** The measured round trip. 0: not known. */
  readonly roundTripMs: number;
  /** When it is lost: whether it was found dead, or given up. */
  readonly failed: boolean;
}

/** What a punch needs from outside of the core: bytes that nobody can guess, and the time for people. */
export interface Drawn {
  /** 16 random bytes as latin1 characters, for the attempt that may come of it. */
  readonly nonce: string;
  /** Wall clock, for people only. */
  readonly atMs: number;
}

/** Asks for a direct connection to another session. */
export interface AskConnection extends Gathered, Drawn {
  readonly kind: 'AskConnection';
  /** Who asks. */
  readonly sid: number;
  readonly peer: number;
  readonly link: LinkType;
  /** Where the caller listens, its host as the server observed it; port 0: the server coordinates. */
  readonly host: string;
  readonly port: number;
  /** How long the ends have to gather. */
  readonly deadlineMs: number;
  /** The relayed connection that a direct path is to be tried for once more; 0: a new connection is asked for. */
  readonly relayed: number;
  /** What a new connection has besides its attempts. Absent: LATE, as in all records before there was a choice. */
  readonly fallback?: Fallback;
  /** By which its caller may repeat it without harm. */
  readonly requestId?: string;
}

/** An end's answer to the order to gather. */
export interface AnswerGather extends Gathered, Drawn {
  readonly kind: 'AnswerGather';
  readonly sid: number;
  readonly orderId: string;
}

/** An end's answer to the order to punch. */
export interface AnswerAttempt extends Drawn {
  readonly kind: 'AnswerAttempt';
  readonly sid: number;
  readonly orderId: string;
  /** Whether a path came of it. */
  readonly connected: boolean;
  readonly pairs: readonly Pair[];
  readonly tookMs: number;
  /** To the rendezvous, measured anew. 0: not known. */
  readonly roundTripMs: number;
}

/** An order about a connection was not answered in time. */
export interface ExpireOrder {
  readonly kind: 'ExpireOrder';
  readonly sid: number;
  readonly orderId: string;
}

/** A connection has been in the making for too long. */
export interface ExpireConnection {
  readonly kind: 'ExpireConnection';
  readonly id: number;
}

/** Registers a stream from its owner to its sinks. */
export interface CreateStream {
  readonly kind: 'CreateStream';
  readonly sid: number;
  readonly params: StreamParams;
  readonly sinks: readonly number[];
  /** By which its caller may repeat it without harm. */
  readonly requestId?: string;
}

/** Changes the parameters that are there, and no others. */
export interface UpdateStreamParams {
  readonly kind: 'UpdateStreamParams';
  readonly sid: number;
  readonly id: number;
  readonly params: Partial<StreamParams>;
}

/** Destroys a stream, by its owner. */
export interface TerminateStream {
  readonly kind: 'TerminateStream';
  readonly sid: number;
  readonly id: number;
}

/** Stops a stream or a branch, by an endpoint or (sid 0) by an administrator or the server itself. */
export interface StopStream {
  readonly kind: 'StopStream';
  readonly sid: number;
  readonly id: number;
  readonly reason: StopReason;
}

/**
 * Sets the limits that hold from here on, all of them. A start stores one when its options differ from what the state has.
 */
export interface SetLimits {
  readonly kind: 'SetLimits';
  readonly limits: Limits;
}

/** What stands beside every command in the journal. */
export interface Stamp {
  /**
   * When it was stored, by the wall clock of its server: by this the core knows that time has passed. Absent in records of
   * format 1, and until it is stored.
   */
  readonly storedAtMs?: number;
  /**
   * The principal that asked for it, as `core/model/trust/principal.ts` writes it. Absent where the command itself says who asked, or the
   * server itself did; nothing that a command comes to depends on it.
   */
  readonly by?: string;
}

/**
 * The history goes on under another name: what was told under the old one after this revision may be another history's. Stored when
 * a backup has been restored.
 */
export interface RenewEpoch {
  readonly kind: 'RenewEpoch';
  readonly epoch: string;
}

/** What commands come to is decided by these rules from here on. Rules never go back: a lower number than before changes nothing. */
export interface UseRules {
  readonly kind: 'UseRules';
  /** A number of `core/model/rules.ts`. */
  readonly rules: number;
}

/** Gives the network another policy. */
export interface PutPolicy {
  readonly kind: 'PutPolicy';
  /** JSON, as `core/decide/policy/policy-document.ts` reads it. */
  readonly document: string;
  /** The revision of the policy that it takes the place of; 0: there was none. Absent: whatever it was. */
  readonly ifRevision?: number;
}

/** Issues a ticket. */
export interface IssueTicket extends Omit<Ticket, 'number' | 'issuedAtMs' | 'used' | 'revoked'> {
  readonly kind: 'IssueTicket';
  /** Wall clock. */
  readonly atMs: number;
}

/** Lets a ticket let nobody in any more. */
export interface RevokeTicket {
  readonly kind: 'RevokeTicket';
  /** As `ticketId` makes it. */
  readonly id: string;
}

/** Redeems a ticket: an identity comes, or gets what the ticket gives, with its key. */
export interface Enroll {
  readonly kind: 'Enroll';
  /** SHA-256 of the ticket's secret, as 32 latin1 characters. */
  readonly ticketHash: string;
  /** The identity, in lower case. */
  readonly uuid: string;
  /** The key that was proved, as in {@link BindKey}. */
  readonly key: string;
  readonly keyId: string;
  /** Empty: it gets none, or keeps what it has. */
  readonly name: string;
  /** Wall clock. */
  readonly atMs: number;
}

/** Keeps the newest line of a server's audit log in the journal. */
export interface AnchorAudit extends AuditAnchor {
  readonly kind: 'AnchorAudit';
  /** Whose log, by its UUID. */
  readonly server: string;
  /** The log did not hold the line any more that was anchored before: that one is remembered as missed. Absent: it did. */
  readonly isBroken?: boolean;
}

/**
 * Everything that can happen, as it stands in the journal. Imperative: what is asked for, not what came of it.
 *
 * Time and randomness reach the core only as fields of these.
 */
export type Command = Stamp & AnyCommand;

type AnyCommand =
  | FoundNetwork
  | OpenSession
  | CloseSession
  | RequestTermination
  | AnswerOrder
  | ReportLink
  | AskConnection
  | AnswerGather
  | AnswerAttempt
  | ExpireOrder
  | ExpireConnection
  | CreateStream
  | UpdateStreamParams
  | TerminateStream
  | StopStream
  | SetLimits
  | AddServer
  | LoseServer
  | MoveSession
  | RenewEpoch
  | UseRules
  | BindKey
  | RotateKey
  | ForgetKey
  | UpdateIdentity
  | RevokeIdentity
  | PutPolicy
  | IssueTicket
  | RevokeTicket
  | Enroll
  | AdmitIdentity
  | AnchorAudit;

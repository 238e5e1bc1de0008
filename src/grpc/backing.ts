import type { Logger } from 'pino';
import type { RendezvousAddress } from '../../gen/switchyard/v1/connection.js';
import type { AuditLog } from '../audit/audit-log.js';
import type { Clock, Random } from '../base/clock.js';
import type { Asking } from '../brokering/asking.js';
import type { Fault } from '../core/model/fault.js';
import type { FairTurns } from '../fair/fair-turns.js';
import type { Feed } from '../feed/feed.js';
import type { ListedServer } from '../log/roster.js';
import type { Relay } from '../relay/relay.js';
import type { CertificateLogins } from '../replica/access/certificate-logins.js';
import type { EnrolmentDesk } from '../replica/access/enrolment.js';
import type { Gatekeeper } from '../replica/access/gatekeeper.js';
import type { IssuerLogins } from '../replica/access/issuer-logins.js';
import type { Opening } from '../replica/opening.js';
import type { Replica } from '../replica/replica.js';
import type { SessionEvent } from '../replica/session-events.js';
import type { Origin } from '../shares/origin.js';
import type { Shares } from '../shares/shares.js';
import type { Tracer } from '../tracing/tracer.js';
import type { Transports } from '../transport/transports.js';
import type { CallTimes } from './call-times.js';
import type { DoorLimits } from './limits.js';
import type { Exchange } from './services/exchange.js';

/** How much of one limit is used. */
export interface LimitUse {
  /** The option of `serve` where there is one, without its dashes. */
  readonly name: string;
  readonly used: number;
  readonly max: number;
  /** What is counted, in the plural. */
  readonly unit: string;
}

/** What GetServer tells that neither the state nor the doors' own parts know. */
export interface ServerFacts {
  readonly version: string;
  /** This server's name among the servers of its network. */
  readonly name: string;
  /** Empty when the build did not know. */
  readonly commit: string;
  /** When the process began to serve, by the monotonic clock. */
  readonly startedMs: number;
  /** In alphabetical order. */
  readonly capabilities: readonly string[];
  /** Where each door listens, by its code name. */
  addresses(): Readonly<Record<string, string>>;
  limits(): readonly LimitUse[];
  standing(): ServerStanding;
  /** Every server of the network; this one as it is now. */
  servers(): Promise<ServerListing | Fault>;
}

/** The servers of a network, and what its journal is written in. */
export interface ServerListing {
  /** In the order of their names. */
  readonly servers: readonly ListedServer[];
  /** The format of the journal. */
  readonly format: number;
  /** The rules of decision that hold. */
  readonly rules: number;
}

/** How a server stands with its journal. */
export interface ServerStanding {
  /** Whether it appends; another one does otherwise. */
  readonly isLeader: boolean;
  readonly term: bigint;
  /** How long ago it had applied the whole log. */
  readonly lagMs: number;
  /** Whether it can serve sessions. */
  readonly isReady: boolean;
  readonly journalBytes: number;
  /** When the last command of the newest snapshot was stored; undefined: there is none. */
  readonly snapshotAtMs: number | undefined;
}

/** How clients reach and know the server. */
export interface ServerReach {
  readonly isEncrypted: boolean;
  /** SHA-256 of the SubjectPublicKeyInfo of its authorities; none where the system's know it. */
  pins(): readonly Uint8Array[];
  /** Those that clients are told to keep: none where a next one may be missing. */
  toldPins(): readonly Uint8Array[];
  /** HOST:PORT of gRPC, at most 8. */
  addresses(): readonly string[];
}

/** A network, as its administrators are told of it. */
export interface NetworkFacts {
  readonly name: string;
  readonly number: number;
  /** Milliseconds since 1970; undefined for the default network. */
  readonly createdAtMs: number | undefined;
  readonly sessions: number;
  readonly sessionsMax: number;
  readonly epoch: string;
}

/** Creates and drops the networks of the server. */
export interface NetworkAdmin {
  create(name: string, sessionsMax: number): Promise<NetworkFacts | Fault>;
  /** By name. One that does not run has no epoch. */
  list(): readonly NetworkFacts[];
  /** Why a network of this name or number is stored and does not run; undefined: it runs, or there is none. */
  stopped(network: string | number): Fault | undefined;
  drop(name: string): Promise<{ readonly exportedTo: string | undefined } | Fault>;
}

/** What the services stand on. Handed in by the composition root, shared with the other doors. */
export interface Backing {
  readonly replica: Replica;
  readonly opening: Opening;
  /** Who may do what. */
  readonly gatekeeper: Gatekeeper;
  /** What each caller may take of what all share. */
  readonly shares: Shares;
  /** Whose turn it is to be worked for. */
  readonly turns: FairTurns;
  /** Everything that can be watched. */
  readonly feeds: {
    readonly network: Feed;
    readonly closed: Feed;
    readonly streams: Feed;
    readonly connections: Feed;
    readonly sessions: Feed<SessionEvent>;
  };
  /** Every transport of this server. */
  readonly transports: Transports;
  /** The door of system events, for those that come over gRPC. */
  readonly exchange: Exchange;
  /** The data of streams. */
  readonly relay: Relay;
  /** What Challenge tells in the place of the epoch of a network that there is not: always the same, as an epoch is. */
  readonly unknownEpoch?: ((network: string) => string) | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly limits: DoorLimits;
  /** The administrators' token; undefined for a server that has no administrator. */
  readonly adminToken: string | undefined;
  /** How long an order waits for its answer. */
  readonly orderDeadlineMs: number;
  /** Direct connections. */
  readonly asking: Asking;
  /** Where the rendezvous port is, as clients are told; empty when there is none. */
  readonly rendezvous: readonly RendezvousAddress[];
  /** Told of each call that is refused. */
  readonly refused?: ((fault: Fault, method: string, origin: Origin) => void) | undefined;
  /** Told who did what to whom, and who was refused; undefined where nothing is kept. */
  readonly audit?: Pick<AuditLog, 'done' | 'refused' | 'watch' | 'end' | 'anchored'> | undefined;
  /** Whether the protos are served by reflection now: that follows the mode. */
  readonly offersReflection: () => boolean;
  /** The networks of the server; undefined for the services of any but the default one. */
  readonly networks?: NetworkAdmin | undefined;
  /** Redeems tickets. */
  readonly enrolment: EnrolmentDesk;
  /** Lets in who brings a token of an issuer. */
  readonly issuers: Pick<IssuerLogins, 'accept'>;
  /** Lets in who has shown a client certificate. */
  readonly certificates: Pick<CertificateLogins, 'accept'>;
  /** How clients reach and know the server, as tickets say it. */
  readonly reach: ServerReach;
  /** What the server is, for whoever asks. */
  readonly about: ServerFacts;
  /** Called for each connection that is closed at a bound, with the bound in words. */
  readonly cutOff?: ((cause: string) => void) | undefined;
  /** Counts every call that ends, for metrics. */
  readonly callTimes?: CallTimes | undefined;
  /** Where spans of calls go; undefined where nobody collects them. */
  readonly tracer?: Tracer | undefined;
}

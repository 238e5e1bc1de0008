import type { Logger } from 'pino';
import type { ConnectionGate } from '../../admission/connection-gate.js';
import type { AuditLog } from '../../audit/audit-log.js';
import type { Clock, Random } from '../../base/clock.js';
import type { Asking } from '../../brokering/asking.js';
import type { Fault } from '../../core/model/fault.js';
import type { FairTurns } from '../../fair/fair-turns.js';
import type { Feed } from '../../feed/feed.js';
import type { Relay } from '../../relay/relay.js';
import type { CertificateLogins } from '../../replica/access/certificate-logins.js';
import type { EnrolmentDesk } from '../../replica/access/enrolment.js';
import type { Gatekeeper } from '../../replica/access/gatekeeper.js';
import type { Opening } from '../../replica/opening.js';
import type { Replica } from '../../replica/replica.js';
import type { Origin } from '../../shares/origin.js';
import type { Shares } from '../../shares/shares.js';
import type { Transports } from '../../transport/transports.js';
import type { SystemLimits } from '../limits.js';

/** What the door of system events stands on. Handed in by the composition root, shared with the other doors. */
export interface SystemBacking {
  readonly replica: Replica;
  readonly opening: Opening;
  /** Who may do what. */
  readonly gatekeeper: Gatekeeper;
  /** Redeems tickets. */
  readonly enrolment: EnrolmentDesk;
  /** Lets in who has shown a client certificate. */
  readonly certificates: Pick<CertificateLogins, 'accept' | 'find'>;
  /** What each caller may take of what all share. */
  readonly shares: Shares;
  /** Whose turn it is to be worked for. */
  readonly turns: FairTurns;
  /** What can be watched, in this door's bytes. */
  readonly feeds: { readonly network: Feed; readonly closed: Feed };
  /** The data of streams. */
  readonly relay: Relay;
  readonly transports: Transports;
  /** Direct connections. */
  readonly asking: Asking;
  /** Where the rendezvous port is, as clients are told. An empty host: the one at which they reach the server. */
  readonly rendezvous: readonly { readonly host: string; readonly port: number }[];
  /** What Challenge tells in the place of the epoch of a network that there is not: always the same, as an epoch is. */
  readonly unknownEpoch?: ((network: string) => string) | undefined;
  /** Why a network of this name or number is stored and does not run; undefined: it runs, or there is none. */
  readonly stopped?: ((network: string | number) => Fault | undefined) | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly limits: SystemLimits;
  /** The places of all transports together. */
  readonly gate: ConnectionGate;
  /** Told of each request that is refused, by its event. */
  readonly refused?: ((fault: Fault, event: string, origin: Origin) => void) | undefined;
  /** Told who did what to whom, and who was refused; undefined where nothing is kept. */
  readonly audit?: Pick<AuditLog, 'done' | 'refused'> | undefined;
  /** Told why a connection was cut off, and whose. */
  readonly cutOff?: ((cause: CutCause, address: string) => void) | undefined;
}

/**
 * The bounds at which a connection is cut off: too many of them (in all, or of one address); no session in time; a packet
 * that takes too long; silence; taking nothing; too many packets; frames that cannot be told apart; more unfinished, unread or
 * untaken bytes than may be; and a peer that does not let go when it is over.
 */
export type CutCause =
  | 'connections'
  | 'address'
  | 'handshake'
  | 'slow'
  | 'idle'
  | 'stalled'
  | 'rate'
  | 'frame'
  | 'partial'
  | 'unread'
  | 'untaken'
  | 'closing';

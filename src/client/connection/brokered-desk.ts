import type { ConnectionFallback, PathKind, RendezvousAddress } from '../../../gen/switchyard/v1/connection.js';
import type { LinkType } from '../../../gen/switchyard/v1/link.js';
import type { Clock, Random } from '../../base/clock.js';
import type { GatheredPaths } from '../direct/gather.js';
import type { PathIdentity } from '../direct/identity.js';
import type { LocalAddresses } from '../local-addresses.js';
import type { RelayOptions, RelaySink, RelaySource } from '../relay/relay.js';
import type { CarriedOrders } from './carried-orders.js';
import type { PeerKeyCheck } from './peer-key-check.js';

/** A connection as its instance knows it. */
export interface NamedConnection {
  readonly facts: BrokeredFacts;
  /** As the server named it; empty until it has. */
  readonly connectionId: string;
  readonly orders: Pick<CarriedOrders, 'relayAnswered'>;
  /** Whether a report that it has a path still says what is so: it may go another way, or be over, by the time of its turn. */
  isStill(word: Word): boolean;
}

/** What a connection needs of the instance that it belongs to. */
export interface BrokeredDesk {
  readonly identity: PathIdentity;
  readonly clock: Clock;
  readonly random: Random;
  readonly addresses: LocalAddresses;
  /** Endorses this end's key by that of its identity; undefined: it has none. */
  endorse(): Promise<Buffer | undefined>;
  /** Opens sockets. Without a `rendezvous` from an order, the session's is asked. */
  gather(link: LinkType, rendezvous?: readonly RendezvousAddress[]): Promise<GatheredPaths>;
  openSource(id: number, options: RelayOptions): Promise<RelaySource>;
  openSink(branchId: number, options: RelayOptions): Promise<RelaySink>;
  /** Asks the server for one more attempt of a relayed connection. */
  askAgain(connection: NamedConnection, gathered: GatheredPaths): Promise<void>;
  /** Tells the server that the connection stands, or (failed: because its path is dead) does not any more. */
  report(connection: NamedConnection, word: Word): void;
  /** Asks the server for the relay again, as the direct path is dead; undefined: there is no session to ask with. */
  askToReturn(connection: NamedConnection): Promise<unknown> | undefined;
  /** Whether the server may order another attempt, as it has not heard of a path from both ends; undefined: there is no session to ask with. */
  isPunching(connection: NamedConnection): Promise<boolean> | undefined;
  /** It is over: nothing is left of it. */
  over(connection: NamedConnection): void;
}

/** An end's report about its connection. */
export interface Word {
  readonly established: boolean;
  readonly failed: boolean;
  readonly path: PathKind;
  readonly roundTripMs?: number;
}

/** What is known of a connection from the start. */
export interface BrokeredFacts {
  readonly peerCvid: number;
  readonly link: LinkType;
  readonly incoming: boolean;
  /** When a relayed one is first tried again for a direct path; infinite: never. */
  readonly upgradeAfterMs: number;
  /** Whether this end wants no direct path. */
  readonly relayOnly: boolean;
  /** Whether and when it goes through the server. */
  readonly fallback: ConnectionFallback;
  /** Which keys of the peer are taken; undefined: what the server says is its. */
  readonly keys?: PeerKeyCheck | undefined;
  /** The trace that it belongs to; undefined: none. */
  readonly traceparent?: string | undefined;
}

import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { Connection } from '../../../gen/switchyard/v1/connection.js';
import type { Clock, Random } from '../../base/clock.js';
import { RELAY_FIRST_FROM, RETURN_FROM } from '../../core/model/connection.js';
import { CarriedDuplex } from '../carrier/carried-duplex.js';
import type { Carrier } from '../carrier/carrier.js';
import { DirectCarrier } from '../carrier/direct-carrier.js';
import { RelayCarrier } from '../carrier/relay-carrier.js';
import { RelayPipe, type RelayPipeDeps } from '../carrier/relay-pipe.js';
import type { PathIdentity } from '../direct/identity.js';
import { secure } from '../direct/secure.js';
import type { RelayOptions, RelaySink, RelaySource } from '../relay/relay.js';
import { RelayDuplex } from '../relay/relay-duplex.js';
import { exchangePlaces } from './exchange-places.js';

/** The newest form of relayed bytes that this client knows: frames inside TLS, on streams that are resumed, also after a direct path. */
export const RELAY_VERSION = 4;
/** The form without which a connection cannot move: bytes as they are. */
const PLAIN = 0;
/** The newest form for streams without delivery confirmation, as servers before 0.2.0 make them whatever form they order. */
const UNCONFIRMED = 1;
/** Names what is spoken inside TLS on the relay, together with the connection, so that no other one can be put in its place. */
const SPOKEN_ON_RELAY = 'switchyard-relay/2';
/** The same after a direct path: each end first says how many bytes it has read. */
const SPOKEN_AFTER_PATH = 'switchyard-relay/4';

/** What it takes to open an end of the relay. */
export interface OpenRelayedDeps {
  readonly identity: PathIdentity;
  readonly clock: Clock;
  readonly random: Random;
  openSource(id: number, options: RelayOptions): Promise<RelaySource>;
  openSink(branchId: number, options: RelayOptions): Promise<RelaySink>;
}

/** One end of a connection that goes through the server. */
export interface Relayed {
  readonly duplex: Duplex;
  /** Whether it is encrypted between the ends. */
  readonly endToEnd: boolean;
}

/** What becomes of a connection after it was opened. */
export interface Moves {
  /** Both of this end's ways have left the relay. */
  readonly onMoved: () => void;
  /** What carries it has failed. True: it goes on, and {@link openAgain} follows. */
  readonly onLost: (error: Error) => boolean;
}

/** Whether the ends of an ordered relay can move to a direct path. */
export function canMove({ relayVersion }: Connection): boolean {
  return relayVersion > PLAIN;
}

/** Opens both streams of an ordered relay, which cannot move. */
export async function openPlain(order: Connection, deps: OpenRelayedDeps, signal: AbortSignal): Promise<Relayed> {
  const { source, sink } = await RelayPipe.open(pipeDeps(order, deps), signal);
  return { duplex: new RelayDuplex(source, sink), endToEnd: false };
}

/** Opens both streams of an ordered relay, proves the peer's key over them, and encrypts what follows. */
export async function openMovable(
  order: Connection,
  deps: OpenRelayedDeps,
  signal: AbortSignal,
  { onMoved, onLost }: Moves,
): Promise<Relayed & { readonly duplex: CarriedDuplex }> {
  const piped = pipeDeps(order, deps);
  const carried = (carrier: Carrier) => {
    const mayReturn = order.relayVersion >= RETURN_FROM;
    return { duplex: new CarriedDuplex(carrier, onMoved, mayReturn ? onLost : undefined), endToEnd: true };
  };
  if (order.relayVersion >= RELAY_FIRST_FROM) {
    const { controlling } = order;
    // The end that begins sends the first message of TLS along as it opens its stream.
    const pipe = new RelayPipe(controlling ? 'with a block' : 'at once', confirmedOnly(piped));
    try {
      return carried(await secured(order, { pipe, controlling, deps, signal }));
    } catch (error) {
      // A server before 0.2.0 orders neither end to begin, so nothing was sent: both ends find the same, and go on below.
      if (!(error instanceof UnconfirmedStream) || controlling) throw error;
    }
  }
  const ends = await RelayPipe.open(piped, signal);
  if (
    Math.min(order.relayVersion, [ends.source, ends.sink].every(isConfirmed) ? RELAY_VERSION : UNCONFIRMED) ===
    UNCONFIRMED
  ) {
    return { duplex: new CarriedDuplex(new RelayCarrier(ends.source, ends.sink), onMoved), endToEnd: false };
  }
  // Older orders do not say which end begins; both know the two ids.
  const controlling = ends.source.stream.id < ends.sink.stream.id;
  return carried(await secured(order, { pipe: new RelayPipe(ends, piped), controlling, deps, signal }));
}

/**
 * Opens both streams of a relay that is ordered for a connection whose direct path has died, and goes on with it there. Resolves when it is
 * carried again; what the peer has not read may still be on its way.
 *
 * The controlling end may have had the path alone: then the order is the peer's first to relay, which says nothing of what it has read, as
 * that is nothing. Neither end can know this before. So the controlling end offers both forms, and the peer takes its own.
 */
export async function openAgain(
  order: Connection,
  duplex: CarriedDuplex,
  deps: OpenRelayedDeps,
  signal: AbortSignal,
): Promise<void> {
  const { controlling } = order;
  const read = duplex.leave();
  const pipe = new RelayPipe(controlling ? 'with a block' : 'at once', confirmedOnly(pipeDeps(order, deps)));
  const stream = await proved(order, spokenAgain(order, read), { pipe, controlling, deps, signal });
  const isPeersFirst = stream.alpnProtocol === spokenOf(order, SPOKEN_ON_RELAY);
  const peerRead = isPeersFirst ? 0 : await exchangePlaces(stream, read, signal);
  if (signal.aborted) {
    stream.destroy();
    throw signal.reason;
  }
  duplex.goOn(carrierOn(stream, pipe, deps), peerRead).catch((error: Error) => duplex.destroy(error));
}

/** What may be spoken on a relay that is ordered while this end has a path, of which it has read so many bytes. */
function spokenAgain({ controlling, relayVersion }: Connection, read: number): string[] {
  const afterPath = relayVersion >= RETURN_FROM ? [SPOKEN_AFTER_PATH] : [];
  return controlling && read === 0 ? [...afterPath, SPOKEN_ON_RELAY] : afterPath;
}

function pipeDeps(order: Connection, deps: OpenRelayedDeps): RelayPipeDeps {
  const { relayStreamId, relayBranchId } = order;
  const traceparent = order.traceparent || undefined;
  return {
    clock: deps.clock,
    random: deps.random,
    openSource: (options) => deps.openSource(relayStreamId, { ...options, traceparent }),
    openSink: (options) => deps.openSink(relayBranchId, { ...options, traceparent }),
  };
}

/** A stream of the relay has no delivery confirmation. */
class UnconfirmedStream extends Error {
  constructor() {
    super('the server has made streams without delivery confirmation for a relay that needs it');
  }
}

/** Streams without delivery confirmation would lose with each broken call what was on its way. */
function confirmedOnly(deps: RelayPipeDeps): RelayPipeDeps {
  const checked = <End extends RelaySource | RelaySink>(end: End): End => {
    if (isConfirmed(end)) return end;
    end.close();
    throw new UnconfirmedStream();
  };
  return {
    ...deps,
    openSource: async (options) => checked(await deps.openSource(options)),
    openSink: async (options) => checked(await deps.openSink(options)),
  };
}

interface Securing {
  readonly pipe: RelayPipe;
  readonly controlling: boolean;
  readonly deps: OpenRelayedDeps;
  readonly signal: AbortSignal;
}

/** Proves the peer's key over the relay, as on a direct path, and encrypts what goes through the server from then on. */
async function secured(order: Connection, securing: Securing): Promise<Carrier> {
  const stream = await proved(order, [SPOKEN_ON_RELAY], securing);
  return carrierOn(stream, securing.pipe, securing.deps);
}

/** What is spoken inside TLS on the relay of a connection. */
function spokenOf({ connectionId }: Connection, spoken: string): string {
  return `${spoken}/${connectionId}`;
}

async function proved(
  order: Connection,
  spoken: readonly string[],
  { pipe, controlling, deps, signal }: Securing,
): Promise<TLSSocket> {
  const { peerPublicKey } = order;
  const named = spoken.map((one) => spokenOf(order, one));
  const proof = { identity: deps.identity, peerPublicKey, controlling, spoken: named };
  let broken: unknown;
  pipe.once('error', (error) => {
    broken = error;
  });
  const securing = secure(pipe, proof, signal);
  // Why the streams could not be opened says more than that the handshake broke off.
  return securing.catch((error: unknown) => Promise.reject(broken ?? error));
}

function carrierOn(stream: Duplex, pipe: RelayPipe, { clock }: OpenRelayedDeps): Carrier {
  // A server that stands still is not a dead peer. The peer's session says whether it lives.
  const aliveMs = Number.POSITIVE_INFINITY;
  return new DirectCarrier(stream, { clock, flush: () => pipe.flush(), aliveMs, isRelayed: true });
}

function isConfirmed({ stream }: RelaySource | RelaySink): boolean {
  return stream.params?.deliveryConfirmation === true;
}

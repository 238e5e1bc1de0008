import type { IncomingHttpHeaders } from 'node:http';
import type { Http2Server, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { Place } from '../../admission/place.js';
import type { Clock } from '../../base/clock.js';
import type { Fence } from '../../base/fence.js';
import { FairTurns } from '../../fair/fair-turns.js';
import { DEFAULT_TURN_LIMITS } from '../../fair/limits.js';
import type { WireLimits } from '../limits.js';
import type { Pace } from './allowance.js';
import { AnswerFates, CALL_METADATA } from './answer-fates.js';
import { listBytes } from './below-grpc.js';
import { Departures } from './departures.js';
import { HeaderMemory } from './header-memory.js';
import { HttpPeer, type PeerWatch } from './peer.js';
import type { CallShare } from './peer-bytes.js';
import { type CallPaths, PeerHoldings, type WrittenKind } from './peer-holdings.js';
import { Readings } from './reading.js';
import { HAS_SILENT_ERRORS, SilentErrors } from './silent-errors.js';

type StreamListener = (
  this: Http2Server,
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  flags: number,
  raw: string[],
) => void;

/**
 * All connections of the gRPC door, and the bounds of what they hold together.
 *
 * The gate in front of the door decides who may connect, and who is closed when there are too many. When too many bytes are
 * held for all of them, the peer is closed for which most are held.
 */
export class Peers implements PeerWatch {
  private readonly peers = new Map<Place | string, HttpPeer>();
  /** By the name that grpc-js has for them. Clients that reach a proxy at several addresses from one port share a name. */
  private readonly byName = new Map<string, readonly HttpPeer[]>();
  private readonly departures: Departures;
  private readonly silentErrors: SilentErrors;
  readonly resetPace: Pace;
  readonly controlPace: Pace;
  readonly holdings: PeerHoldings<HttpPeer>;
  /** What becomes of the answers of calls that make something. */
  readonly fates = new AnswerFates();
  readonly readings: Readings;
  readonly headerMemory = new HeaderMemory();
  readonly relays: ReadonlySet<string>;

  constructor(
    readonly clock: Clock,
    readonly limits: WireLimits,
    private readonly paths: CallPaths,
    /** Called for each connection that is closed because of what it did, or what it holds. */
    private readonly told: (why: string, address?: string) => void,
    /** Called with the name of each connection that is closed or about to be. */
    private readonly closed: (name: string) => void = () => {},
    readonly turns: FairTurns = new FairTurns({ clock, limits: DEFAULT_TURN_LIMITS }),
    /** Around what is done with a call that comes; absent: what throws, throws. */
    private readonly fence?: Fence,
    /** Called with the name of each connection that another one has, too: from now on nobody can say whose call is whose. */
    private readonly shared: (name: string) => void = () => {},
  ) {
    this.relays = paths.relays ?? new Set();
    this.readings = new Readings(clock);
    this.silentErrors = new SilentErrors(clock);
    const failed = fence && ((error: unknown) => void fence.report('grpc', error));
    this.departures = new Departures(clock, limits.departuresPerTurnMax, failed);
    this.resetPace = { burst: limits.earlyResetsMax, perSecond: limits.earlyResetsPerSecond };
    this.controlPace = { burst: limits.controlFramesMax, perSecond: limits.controlFramesPerSecond };
    this.holdings = new PeerHoldings<HttpPeer>(limits, (peer, why) => {
      this.told(why, peer.place?.address);
      peer.close();
    });
  }

  /**
   * Stands between a server and its listeners of calls from its first connection on: a call reaches them when its peer is
   * served, its headers changed by `prepare`.
   */
  watch(server: Http2Server, prepare: (headers: IncomingHttpHeaders) => void = () => {}): void {
    // First, because node:http2 speaks to the connection in its own listener.
    server.prependListener('connection', (socket: Socket) => this.add(socket));
    server.prependListener('secureConnection', (socket: Socket) => this.dropReset(socket));
    server.prependListener('session', (session: ServerHttp2Session) => {
      this.departures.attend(session.socket);
      const place = Place.of(session.socket);
      const peer = this.peers.get(place ?? nameOf(session.socket));
      peer?.speaks(session);
      if (HAS_SILENT_ERRORS && peer !== undefined) this.silentErrors.watch(session, peer.socket, () => peer.close());
      // What a client says first, once its connection is established.
      if (place !== undefined) session.once('remoteSettings', () => place.establish());
    });
    const serve = server.listeners('stream') as StreamListener[];
    server.removeAllListeners('stream');
    const trailed = (_trailers: unknown, _flags: number, raw: readonly string[]) =>
      this.headerMemory.came(listBytes(raw));
    server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, flags: number, raw: string[]) => {
      // First: one that was reset in the read that opened it has no session any more, and its error would end the process.
      stream.on('error', ignore);
      // Nobody reads them, and node:http2 makes strings of them all the same.
      stream.on('trailers', trailed);
      const peer = HttpPeer.of(stream.session as ServerHttp2Session | undefined);
      const begin = (share?: CallShare) => {
        prepare(headers);
        const path = headers[':path'] as string;
        if (this.paths.watched?.has(path) || this.relays.has(path)) {
          headers[CALL_METADATA] = this.fates.watch(stream, {
            reset: () => peer?.endCall(stream),
            confirmsOnly: () => share && peer?.confirmsOnly(share),
          });
        }
        // node:http2 announces the end of a request without DATA even when nothing reads it. grpc-js listens from here on, and would
        // wait for that end for ever.
        const { readableEnded } = stream;
        for (const listener of serve) listener.call(server, stream, headers, flags, raw);
        if (readableEnded) stream.emit('end');
      };
      // It may begin in a later turn of the event loop, past the fence around this one.
      this.fenced(peer, () => peer?.calling(stream, headers, raw, (share) => this.fenced(peer, () => begin(share))));
    });
  }

  /**
   * Resolves when grpc-js knows of the end of every destroyed session. If it were shut down earlier it would close such a
   * session again, which node:http2 ignores, and wait for ever.
   */
  async departed(): Promise<void> {
    const turn = () => new Promise<void>((resolve) => this.clock.soon(resolve));
    const isAnyCutOff = () => [...this.peers.values()].some((peer) => peer.isCutOff);
    // A session closes in a turn after its socket, so two turns without a destroyed session are needed to be sure.
    for (let quiet = 0; quiet < 2; quiet = isAnyCutOff() ? 0 : quiet + 1) await turn();
  }

  writtenKind(path: string): WrittenKind | undefined {
    if (this.paths.watches.has(path)) return undefined;
    return this.paths.answers.has(path) ? 'answers' : 'streams';
  }

  /** Whether a connection with this name of grpc-js counts. */
  has(name: string): boolean {
    return this.byName.has(name);
  }

  /** Whether several connections have this name of grpc-js. */
  isShared(name: string): boolean {
    return (this.byName.get(name)?.length ?? 0) > 1;
  }

  /** The peer with this name of grpc-js, while its connection counts; of several the last. */
  find(name: string): HttpPeer | undefined {
    return this.byName.get(name)?.at(-1);
  }

  /** A call of the peer with this name of grpc-js has shown a valid credential. */
  vouch(name: string): void {
    for (const peer of this.byName.get(name) ?? []) peer.place?.vouch();
  }

  turned(peer: HttpPeer): void {
    peer.place?.setBusy(peer.calls > 0);
  }

  expelled(why: string, address: string | undefined): void {
    this.told(why, address);
  }

  fenced(peer: HttpPeer | undefined, part: () => void): void {
    if (this.fence === undefined) part();
    else this.fence.around('grpc', part, () => peer?.close())();
  }

  private add(socket: Socket): void {
    const peer = new HttpPeer(nameOf(socket), socket, this);
    this.peers.set(peer.place ?? peer.name, peer);
    this.byName.set(peer.name, [...(this.byName.get(peer.name) ?? []), peer]);
    if (this.isShared(peer.name)) this.shared(peer.name);
    socket.on('close', () => this.forget(peer));
    if (peer.place === undefined) return;
    peer.place.close = () => peer.close();
    peer.place.isHeld = () => peer.isHeld;
  }

  /**
   * Destroys TLS that was agreed on after its peer had reset the connection: TCP has no address of it any more, so its
   * session would find no {@link HttpPeer} that bounds it. In the next turn, because node:http2 still makes a session of it.
   */
  private dropReset(socket: Socket): void {
    if (socket.remoteAddress === undefined) this.clock.soon(() => this.fenced(undefined, () => socket.destroy()));
  }

  private forget(peer: HttpPeer): void {
    this.holdings.forget(peer);
    peer.gone();
    const key = peer.place ?? peer.name;
    if (this.peers.get(key) === peer) this.peers.delete(key);
    const left = (this.byName.get(peer.name) ?? []).filter((other) => other !== peer);
    if (left.length > 0) this.byName.set(peer.name, left);
    else {
      this.byName.delete(peer.name);
      this.closed(peer.name);
    }
  }
}

/** The same for a socket and for the TLS that is spoken over it. */
function nameOf({ remoteAddress, remotePort }: Pick<Socket, 'remoteAddress' | 'remotePort'>): string {
  return `${remoteAddress}:${remotePort}`;
}

/** Does nothing: 'close' follows and ends the call. */
function ignore(): void {}

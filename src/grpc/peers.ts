import type { IncomingHttpHeaders } from 'node:http';
import type { Http2Server, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { Clock } from '../clock.js';
import { FairTurns } from '../fair/fair-turns.js';
import { DEFAULT_TURN_LIMITS } from '../fair/limits.js';
import type { WireLimits } from '../limits.js';
import type { Pace } from './allowance.js';
import { Departures } from './departures.js';
import { Peer, type PeerWatch } from './peer.js';
import { type CallPaths, PeerHoldings, type WrittenKind } from './peer-holdings.js';

type StreamListener = (
  this: Http2Server,
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  flags: number,
  raw: string[],
) => void;

/**
 * Every connection of the gRPC door, and what they may hold between them.
 *
 * When there are too many connections, the one goes that has had no call for longest: so whoever only connects, in
 * whatever numbers, takes the place of others like it and never that of a client that works. When together they hold
 * too many bytes, the one goes that holds most.
 */
export class Peers implements PeerWatch {
  private readonly peers = new Map<string, Peer>();
  /** Those that have no call, the longest silent first. */
  private readonly silent = new Set<Peer>();
  private readonly departures: Departures;
  readonly resetPace: Pace;
  readonly controlPace: Pace;
  readonly holdings: PeerHoldings;

  constructor(
    readonly clock: Clock,
    readonly limits: WireLimits,
    private readonly paths: CallPaths,
    /** Called for each connection that is closed because of what it did or because there are too many. */
    private readonly told: (why: string) => void,
    /** Called with the name of each connection that is closed or about to be. */
    private readonly closed: (name: string) => void = () => {},
    readonly turns: FairTurns = new FairTurns({ clock, limits: DEFAULT_TURN_LIMITS }),
  ) {
    this.departures = new Departures(clock, limits.departuresPerTurnMax);
    this.resetPace = { burst: limits.earlyResetsMax, perSecond: limits.earlyResetsPerSecond };
    this.controlPace = { burst: limits.controlFramesMax, perSecond: limits.controlFramesPerSecond };
    this.holdings = new PeerHoldings(limits, (peer, why) => {
      this.told(why);
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
    server.prependListener('session', (session: ServerHttp2Session) => {
      this.departures.attend(session.socket);
      this.peers.get(nameOf(session.socket))?.speaks(session);
    });
    const serve = server.listeners('stream') as StreamListener[];
    server.removeAllListeners('stream');
    server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, flags: number, raw: string[]) => {
      // First: one that was reset in the read that opened it has no session any more, and its error would end the process.
      stream.on('error', ignore);
      Peer.of(stream.session as ServerHttp2Session | undefined)?.calling(stream, headers, raw, () => {
        prepare(headers);
        for (const listener of serve) listener.call(server, stream, headers, flags, raw);
      });
    });
  }

  /**
   * Resolves when no session has been destroyed whose end grpc-js does not know yet. Asked to shut down before, grpc-js closes
   * such a session once more, which node:http2 ignores, and waits for ever to hear of it.
   */
  async departed(): Promise<void> {
    const turn = () => new Promise<void>((resolve) => this.clock.soon(resolve));
    const isAnyCutOff = () => [...this.peers.values()].some((peer) => peer.isCutOff);
    // The session is closed in a turn after its socket: it takes two without anybody to be sure.
    for (let quiet = 0; quiet < 2; quiet = isAnyCutOff() ? 0 : quiet + 1) await turn();
  }

  writtenKind(path: string): WrittenKind | undefined {
    if (this.paths.watches.has(path)) return undefined;
    return this.paths.answers.has(path) ? 'answers' : 'streams';
  }

  /** The peer of that name, as long as its connection counts. */
  find(name: string): Peer | undefined {
    return this.peers.get(name);
  }

  turned(peer: Peer): void {
    if (peer.calls > 0) this.silent.delete(peer);
    else if (this.peers.get(peer.name) === peer) this.silent.add(peer);
  }

  expelled(why: string): void {
    this.told(why);
  }

  private add(socket: Socket): void {
    const peer = new Peer(nameOf(socket), socket, this);
    this.peers.set(peer.name, peer);
    this.silent.add(peer);
    socket.on('close', () => this.forget(peer));
    if (this.peers.size <= this.limits.connectionsMax) return;
    const [longest] = this.silent;
    this.forget(longest);
    this.told('connections beyond the limit');
    longest.close();
  }

  private forget(peer: Peer): void {
    this.silent.delete(peer);
    this.holdings.forget(peer);
    if (this.peers.get(peer.name) !== peer) return;
    this.peers.delete(peer.name);
    this.closed(peer.name);
  }
}

/** The same for a socket and for the TLS that is spoken over it. */
function nameOf({ remoteAddress, remotePort }: Pick<Socket, 'remoteAddress' | 'remotePort'>): string {
  return `${remoteAddress}:${remotePort}`;
}

/** What becomes of a call is told by 'close'. */
function ignore(): void {}

import type { IncomingHttpHeaders } from 'node:http';
import { constants, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { Place } from '../../admission/place.js';
import type { Clock } from '../../base/clock.js';
import type { FairTurns } from '../../fair/fair-turns.js';
import { originOfPeer } from '../../shares/origin.js';
import type { WireLimits } from '../limits.js';
import { Allowance, type Pace } from './allowance.js';
import {
  beforeResponse,
  type DestroyArgs,
  destroy,
  goOnReading,
  hideFromGrpc,
  listBytes,
  onArrival,
  refuse,
  stopReading,
} from './below-grpc.js';
import { boundClosing, CUT_OFF_MS, closingMs } from './closing-bound.js';
import type { HeaderMemory } from './header-memory.js';
import { CallShare, PeerBytes, type PeerBytesOwner } from './peer-bytes.js';
import type { HeldKind, PeerHoldings, WrittenKind } from './peer-holdings.js';
import type { ReadConnection, Reading, Readings } from './reading.js';
import { tableStreams } from './stream-table.js';

/** What a {@link HttpPeer} needs of the owner of all peers. */
export interface PeerWatch {
  readonly clock: Clock;
  readonly limits: WireLimits;
  /** How often a peer may reset a call early. */
  readonly resetPace: Pace;
  /** How often it may send PING and SETTINGS. */
  readonly controlPace: Pace;
  /** Whose turn it is to be worked for. */
  readonly turns: FairTurns;
  /** Which connections are read. */
  readonly readings: Readings;
  /** What headers take until they are collected. */
  readonly headerMemory: HeaderMemory;
  /** What all peers hold, by kind. */
  readonly holdings: PeerHoldings<HttpPeer>;
  /** What is written to a call of a path counts as; undefined where it is counted before. */
  writtenKind(path: string): WrittenKind | undefined;
  /** The paths whose calls carry data of the relay. */
  readonly relays: ReadonlySet<string>;
  /** Its first call has begun, or its last has ended. */
  turned(peer: HttpPeer): void;
  /** Does a part of the work for a peer. What it throws closes that peer. */
  fenced(peer: HttpPeer, part: () => void): void;
  /** A peer went beyond a bound, and is closed. */
  expelled(why: string, address: string | undefined): void;
}

/** Calls that a client may reset in one turn of the event loop before the rest of what it sends waits for the next. */
const RESETS_PER_TURN_MAX = 64;
/** What an open call takes besides its metadata, with its stream, in bytes: 80,000 of them made a server grow by 250 MiB. */
const CALL_BYTES = 4_096;
/** Time charged for a reset, in ms: a stream is torn down, and its watch is closed. */
const RESET_MS = 0.05;
/** Time charged for a message of many in one chunk, in ms: grpc-js decodes all of them at once. */
const DECODE_MS = 0.005;

const PEER = Symbol('peer');

/** A session knows its peer, so that its listeners can be the same for all sessions: ten thousand are idle most of the time. */
interface PeerSession extends ServerHttp2Session {
  [PEER]?: HttpPeer;
}

/**
 * One connection, from its first byte. It counts what the client does and what is held for it, and enforces the bounds that
 * neither node:http2 nor grpc-js has: a peer that goes beyond one is closed with ENHANCE_YOUR_CALM. Neither
 * its own calls nor other clients' are delayed by this.
 *
 * A session or call is never ended in the turn of the event loop that decides it. Listeners of node:http2, and the ticks and
 * promises behind them, run inside nghttp2_session_mem_recv: ending a session there makes nghttp2 send while it still reads.
 * On Node 20 it then asks without end for the data of a stream that the peer has just reset; on Node 22 the frames left of the
 * chunk reach a stream that has no listener any more, and the process aborts. Until the next turn nothing of a peer that is
 * leaving is read or served.
 */
export class HttpPeer implements ReadConnection, PeerBytesOwner {
  /** Calls that run. */
  calls = 0;
  /** Those of them whose turn has not come. */
  private waiting = 0;
  /** What its calls hold. */
  private readonly bytes = new PeerBytes(this);
  /** How long it may take to close; undefined while it is not closing. What a closing peer still sends is not served. */
  private leavingMs: number | undefined;
  /** Whose turns its calls are begun in. */
  private readonly key: string;
  /** Undefined until it speaks HTTP/2. */
  private reading: Reading | undefined;
  /** Calls that it has reset in this turn of the event loop. */
  private resetsOfTurn = 0;
  /** Calls that are reset in the next turn. */
  private ending: ServerHttp2Stream[] = [];
  private session: ServerHttp2Session | undefined;
  /** Both full until they are first needed. */
  private resets: Allowance | undefined;
  private controls: Allowance | undefined;

  /** The bounds of a connection. */
  readonly limits: WireLimits;

  constructor(
    /** Address and port: the name of its socket. */
    readonly name: string,
    readonly socket: Socket,
    private readonly watch: PeerWatch,
  ) {
    this.key = watch.turns.keyOf(originOfPeer(name));
    this.limits = watch.limits;
  }

  /** Its place at the door; undefined where there is no gate in front. */
  get place(): Place | undefined {
    return Place.of(this.socket);
  }

  /** The peer at the other end of a session. */
  static of(session: ServerHttp2Session | undefined): HttpPeer | undefined {
    return (session as PeerSession | undefined)?.[PEER];
  }

  /** Whether its session is destroyed, or about to be, without having been closed in good order before. */
  get isCutOff(): boolean {
    return this.isLeaving && this.session?.closed === false;
  }

  /** Whether its client waits for the server: it is not read, or a call of it waits for the turn of its address. */
  get isHeld(): boolean {
    return this.waiting > 0 || this.reading?.isHeld(this) === true;
  }

  /** Nothing more of it is read or served. */
  get isLeaving(): boolean {
    return this.leavingMs !== undefined;
  }

  /** It holds so many bytes more of a kind, or (negative) fewer. */
  holds(kind: HeldKind, bytes: number): void {
    this.watch.holdings.add(kind, this, bytes);
  }

  /** So many messages of one chunk are decoded at once. */
  decodes(messages: number): void {
    this.watch.turns.charge(this.key, messages * DECODE_MS);
  }

  /** Its HTTP/2 session has begun. */
  speaks(session: ServerHttp2Session): void {
    this.session = session;
    this.bytes.speaks(session);
    (session as PeerSession)[PEER] = this;
    tableStreams(session);
    session.destroy = destroyLater;
    session.on('ping', controlled);
    session.on('remoteSettings', controlled);
    if (!this.isLeaving) this.reading = this.watch.readings.join(this.key, this);
  }

  /** For the readings of its address. */
  stopReading(): void {
    stopReading(this.socket);
  }

  /** For the readings of its address. */
  goOnReading(): void {
    goOnReading(this.socket);
  }

  /** Its connection is over. */
  gone(): void {
    this.reading?.leave(this);
  }

  /** It has sent a frame that asks for nothing but an answer. */
  control(): void {
    const nowMs = this.watch.clock.nowMs();
    this.controls ??= new Allowance(this.watch.controlPace, nowMs);
    if (!this.controls.take(nowMs)) this.expel('PING and SETTINGS frames without end');
  }

  /**
   * It makes a call. `serve` hands the call to grpc-js when it is the call's turn. It is never called for a refused call, nor for
   * one of a peer that is closing.
   */
  calling(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    raw: readonly string[],
    serve: (share: CallShare) => void,
  ): void {
    const { clock, limits, headerMemory } = this.watch;
    const metadataBytes = listBytes(raw);
    headerMemory.came(metadataBytes);
    if (this.isLeaving) return;
    // nghttp2 holds to this only once the client has acknowledged the setting, which it can leave undone.
    if (metadataBytes > limits.metadataBytesMax) {
      this.countReset();
      this.endCall(stream);
      return;
    }
    const encoding = headers['grpc-encoding'];
    const path = headers[':path'] as string;
    const share = new CallShare(clock.nowMs(), this.watch.writtenKind(path), this.watch.relays.has(path));
    if (share.writtenKind !== undefined) this.bytes.countWritten(stream, share);
    if (this.calls++ === 0) this.watch.turned(this);
    const callBytes = CALL_BYTES + metadataBytes;
    stream.on('close', () => {
      this.called(stream, share);
      this.holds('calls', -callBytes);
    });
    this.holds('calls', callBytes);
    this.inTurn(stream, share, () => {
      this.bytes.countRequest(stream, share);
      if (encoding !== undefined && encoding !== 'identity')
        beforeResponse(stream, () => this.bytes.hold(stream, share, 0));
      serve(share);
    });
  }

  /** One of its calls brings no data: it says what it has taken. */
  confirmsOnly(share: CallShare): void {
    this.bytes.confirmsOnly(share);
  }

  /**
   * Begins a call when it is its address's turn: at once, unless the server is flooded. Until then its request stays in the
   * stream and is counted. While many calls wait nothing more is read, so only the calls of one chunk wait.
   */
  private inTurn(stream: ServerHttp2Stream, share: CallShare, begin: () => void): void {
    let hasWaited = false;
    let isTurn = false;
    const refusal = this.watch.turns.enter(this.key, () => {
      isTurn = true;
      if (hasWaited) this.goesOn();
      Reflect.deleteProperty(stream, 'push');
      if (!this.isLeaving && !stream.closed && !stream.destroyed) begin();
    });
    if (refusal !== undefined) this.soon(() => refuse(stream, refusal));
    else if (!isTurn) {
      hasWaited = true;
      this.waiting++;
      this.reading?.waits(this);
      // What node:http2 keeps of a request that is not read yet: up to the window of the stream.
      let come = 0;
      onArrival(stream, (bytes) => this.bytes.hold(stream, share, (come += bytes)));
    }
  }

  /** A call that has waited does not wait any more. */
  private goesOn(): void {
    this.waiting--;
    this.reading?.goesOn();
  }

  private called(stream: ServerHttp2Stream, share: CallShare): void {
    this.bytes.release(stream, share);
    if (--this.calls === 0) this.watch.turned(this);
    if (!stream.aborted) return;
    if (!this.isLeaving) this.countReset();
    const nowMs = this.watch.clock.nowMs();
    if (nowMs - share.begunMs >= this.watch.limits.earlyResetMs) return;
    this.resets ??= new Allowance(this.watch.resetPace, nowMs);
    if (!this.resets.take(nowMs)) this.expel('calls that are reset as soon as they are made');
  }

  /** Charges a call that is reset to the address, and stops reading when one turn of the event loop has brought too many. */
  private countReset(): void {
    this.watch.turns.charge(this.key, RESET_MS);
    if (this.resetsOfTurn++ === 0) this.watch.clock.soon(() => (this.resetsOfTurn = 0));
    if (this.resetsOfTurn === RESETS_PER_TURN_MAX) this.reading?.rest(this);
  }

  /** Closes the connection in the next turn of the event loop, as {@link leave} does. */
  close(): void {
    this.leave(CUT_OFF_MS, () => {
      if (this.session === undefined || this.session.destroyed) this.socket.destroy();
      else destroy(this.session, [constants.NGHTTP2_ENHANCE_YOUR_CALM]);
    });
  }

  /**
   * Reads and serves nothing more of this peer, and takes the connection down in the next turn of the event loop. Its socket
   * is destroyed when it is still open after `closingMs`. Only the first reason to leave counts, but a later one may shorten
   * the time: a peer that has lost its place must not keep its socket for as long as a farewell takes.
   */
  leave(closingMs: number, takeDown: () => void): void {
    const { leavingMs } = this;
    if (leavingMs !== undefined && leavingMs <= closingMs) return;
    this.leavingMs = closingMs;
    boundClosing(this.watch.clock, this.socket, closingMs);
    if (leavingMs !== undefined) return;
    this.watch.holdings.forget(this);
    this.reading?.leave(this);
    stopReading(this.socket);
    this.soon(takeDown);
  }

  /** It went beyond a bound: says so, and closes it. */
  expel(why: string): void {
    if (this.isLeaving || this.socket.destroyed || this.session?.destroyed) return;
    this.watch.expelled(why, this.place?.address);
    this.close();
  }

  /** Does it in the next turn of the event loop, in which nothing else of this peer's would stand around it. */
  soon(part: () => void): void {
    this.watch.clock.soon(() => this.watch.fenced(this, part));
  }

  /** Resets a call in the next turn of the event loop. grpc-js sees it closed from now on, and takes nothing more of it. */
  endCall(stream: ServerHttp2Stream): void {
    hideFromGrpc(stream);
    if (this.ending.push(stream) > 1) return;
    this.soon(() => {
      const { ending } = this;
      this.ending = [];
      for (const ended of ending) {
        Reflect.deleteProperty(ended, 'closed');
        // Its client may have reset it meanwhile: a destroyed stream has no session, which `close` relies on.
        if (!ended.destroyed) ended.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
      }
    });
  }
}

function controlled(this: ServerHttp2Session): void {
  HttpPeer.of(this)?.control();
}

/**
 * `destroy` of every session: node:http2 calls it, too, when the peer says GOAWAY with an error, and grpc-js when a ping
 * fails.
 */
function destroyLater(this: PeerSession, ...args: DestroyArgs): void {
  this[PEER]?.leave(closingMs(this), () => destroy(this, args));
}

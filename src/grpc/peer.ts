import type { IncomingHttpHeaders } from 'node:http';
import { constants, type Http2Session, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { Clock } from '../clock.js';
import type { WireLimits } from '../limits.js';
import { Allowance, type Pace } from './allowance.js';
import { Intake } from './intake.js';

/** Who looks on at all peers. */
export interface PeerWatch {
  readonly clock: Clock;
  readonly limits: WireLimits;
  /** How often a peer may reset a call early. */
  readonly resetPace: Pace;
  /** How often it may send PING and SETTINGS. */
  readonly controlPace: Pace;
  /** Whether a path is that of a unary method. */
  answersOnce(path: string): boolean;
  /** Its first call has begun, or its last has ended. */
  turned(peer: Peer): void;
  /** It holds so many bytes of requests more, or less. */
  held(bytes: number): void;
  /** Some peer did more than it may, and is closed. */
  expelled(why: string): void;
}

/** What one call has of what its peer holds. */
class Share {
  requestBytes = 0;
  answerBytes = 0;

  constructor(readonly begunMs: number) {}
}

const PEER = Symbol('peer');

/** A session knows its peer, so that its listeners can be the same for all sessions: ten thousand are idle most of the time. */
interface PeerSession extends ServerHttp2Session {
  [PEER]?: Peer;
}

/**
 * One connection, from its first byte: what it does and what it holds, held against the bounds that neither node:http2 nor
 * grpc-js has. A peer that goes beyond one is closed with ENHANCE_YOUR_CALM; of its calls, or of anybody else's, none is
 * delayed for it.
 */
export class Peer {
  /** Calls that run. */
  calls = 0;
  /** Bytes of requests that have come and cannot be handed on yet. */
  requestBytes = 0;
  /** Bytes of answers to unary calls that it does not take. */
  private answerBytes = 0;
  private session: ServerHttp2Session | undefined;
  /** Both full until they are first needed. */
  private resets: Allowance | undefined;
  private controls: Allowance | undefined;

  constructor(
    /** Address and port: what its socket is called once and for all. */
    readonly name: string,
    private readonly socket: Socket,
    private readonly watch: PeerWatch,
  ) {}

  /** The peer at the other end of a session. */
  static of(session: ServerHttp2Session | undefined): Peer | undefined {
    return (session as PeerSession | undefined)?.[PEER];
  }

  /** It speaks HTTP/2 from now on. */
  speaks(session: ServerHttp2Session): void {
    this.session = session;
    (session as PeerSession)[PEER] = this;
    session.on('ping', controlled);
    session.on('remoteSettings', controlled);
  }

  /** It has sent a frame that asks for nothing but an answer. */
  control(): void {
    const nowMs = this.watch.clock.nowMs();
    this.controls ??= new Allowance(this.watch.controlPace, nowMs);
    if (!this.controls.take(nowMs)) this.expel('PING and SETTINGS frames without end');
  }

  /** It makes a call. Told before anything of it is read or answered. */
  calling(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, raw: readonly string[]): void {
    const { clock, limits } = this.watch;
    const encoding = headers['grpc-encoding'];
    const share = new Share(clock.nowMs());
    if (this.watch.answersOnce(headers[':path'] as string)) this.countAnswer(stream, share);
    if (this.calls++ === 0) this.watch.turned(this);
    this.countRequest(stream, share);
    if (encoding !== undefined && encoding !== 'identity') beforeResponse(stream, () => this.hold(stream, share, 0));
    stream.on('close', () => this.called(stream, share));
    // nghttp2 holds to this only once the client has acknowledged the setting, which it can leave undone.
    if (listBytes(raw) > limits.metadataBytesMax) stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }

  private called(stream: ServerHttp2Stream, share: Share): void {
    this.hold(stream, share, 0);
    this.answerBytes -= share.answerBytes;
    if (--this.calls === 0) this.watch.turned(this);
    if (!stream.aborted) return;
    const nowMs = this.watch.clock.nowMs();
    if (nowMs - share.begunMs >= this.watch.limits.earlyResetMs) return;
    this.resets ??= new Allowance(this.watch.resetPace, nowMs);
    if (!this.resets.take(nowMs)) this.expel('calls that are reset as soon as they are made');
  }

  /** Closes the connection at once. */
  close(): void {
    if (this.session === undefined || this.session.destroyed) this.socket.destroy();
    else destroy(this.session, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }

  private expel(why: string): void {
    if (this.socket.destroyed || this.session?.destroyed) return;
    this.watch.expelled(why);
    this.close();
  }

  /** Counts what has come of a request, until all of it has: a watch goes on for long after that. */
  private countRequest(stream: ServerHttp2Stream, share: Share): void {
    const intake = new Intake(this.watch.limits.messageBytesMax);
    const take = (chunk: Buffer) => this.hold(stream, share, intake.take(chunk));
    const end = () => {
      this.hold(stream, share, intake.end());
      stream.off('data', take);
      stream.off('end', end);
    };
    // grpc-js pauses the stream in this same turn, so nothing is read any sooner for this listener.
    stream.on('data', take);
    stream.on('end', end);
  }

  private hold(stream: ServerHttp2Stream, share: Share, bytes: number): void {
    if (bytes === share.requestBytes) return;
    const more = bytes - share.requestBytes;
    share.requestBytes = bytes;
    this.requestBytes += more;
    // grpc-js looks whether the stream is closed before it takes the chunk that this is about.
    if (this.requestBytes > this.watch.limits.requestBytesPerConnectionMax) {
      stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    }
    this.watch.held(more);
  }

  /** Counts what is written to a unary call until HTTP/2 has let it go: a peer that opens no window holds it here. */
  private countAnswer(stream: ServerHttp2Stream, share: Share): void {
    const { write } = stream;
    stream.write = ((chunk: Buffer, ...rest: unknown[]) => {
      share.answerBytes += chunk.length;
      this.answerBytes += chunk.length;
      const { answerBytesPerConnectionMax } = this.watch.limits;
      if (this.answerBytes > answerBytesPerConnectionMax) this.expel('answers that it does not take');
      return Reflect.apply(write, stream, [chunk, ...rest]);
    }) as typeof stream.write;
  }
}

function controlled(this: ServerHttp2Session): void {
  Peer.of(this)?.control();
}

/** The size of a header list: each name and value, and 32 B (RFC 9113, section 6.5.2). */
function listBytes(raw: readonly string[]): number {
  return raw.reduce((bytes, text) => bytes + text.length + 16, 0);
}

/** What answers a compressed request has inflated it. */
function beforeResponse(stream: ServerHttp2Stream, call: () => void): void {
  const { respond } = stream;
  stream.respond = (...args) => {
    call();
    Reflect.apply(respond, stream, args);
  };
}

/** Says why, unlike `session.close`, and at once. The declared type lacks the form with a code alone. */
function destroy(session: Http2Session, code: number): void {
  (session as unknown as { destroy(code: number): void }).destroy(code);
}

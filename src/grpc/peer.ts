import type { IncomingHttpHeaders } from 'node:http';
import { constants, type Http2Session, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { Clock } from '../clock.js';
import type { WireLimits } from '../limits.js';
import { Allowance } from './allowance.js';
import { Intake } from './intake.js';

/** Who looks on at all peers. */
export interface PeerWatch {
  readonly clock: Clock;
  readonly limits: WireLimits;
  /** Whether a path is that of a unary method. */
  answersOnce(path: string): boolean;
  /** Its first call has begun, or its last has ended. */
  turned(peer: Peer): void;
  /** It holds so many bytes of requests more, or less. */
  held(bytes: number): void;
  /** Some peer did more than it may, and is closed. */
  expelled(why: string): void;
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
  private readonly resets: Allowance;
  private readonly controls: Allowance;

  constructor(
    /** Address and port: what its socket is called once and for all. */
    readonly name: string,
    private readonly socket: Socket,
    private readonly watch: PeerWatch,
  ) {
    const nowMs = watch.clock.nowMs();
    const { earlyResetsMax, earlyResetsPerSecond, controlFramesMax, controlFramesPerSecond } = watch.limits;
    this.resets = new Allowance({ burst: earlyResetsMax, perSecond: earlyResetsPerSecond }, nowMs);
    this.controls = new Allowance({ burst: controlFramesMax, perSecond: controlFramesPerSecond }, nowMs);
  }

  /** It speaks HTTP/2 from now on. */
  speaks(session: ServerHttp2Session): void {
    this.session = session;
    const control = () => {
      if (!this.controls.take(this.watch.clock.nowMs())) this.expel('PING and SETTINGS frames without end');
    };
    session.on('ping', control);
    session.on('remoteSettings', control);
    // First, so that nothing of a call is read or answered before it is counted.
    session.prependListener(
      'stream',
      (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _flags: number, raw: string[]) => {
        this.calling(stream, headers);
        // nghttp2 holds to this only once the client has acknowledged the setting, which it can leave undone.
        if (listBytes(raw) > this.watch.limits.metadataBytesMax) stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
      },
    );
  }

  private calling(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const { clock, limits } = this.watch;
    const encoding = headers['grpc-encoding'];
    const answer = this.watch.answersOnce(headers[':path'] as string) ? this.countAnswer(stream) : undefined;
    const begunMs = clock.nowMs();
    if (this.calls++ === 0) this.watch.turned(this);
    const intake = new Intake(limits.messageBytesMax);
    let counted = 0;
    const count = (bytes: number) => {
      if (bytes === counted) return;
      const more = bytes - counted;
      counted = bytes;
      this.hold(stream, more);
    };
    // grpc-js pauses the stream in this same turn, so nothing is read any sooner for this listener.
    stream.on('data', (chunk: Buffer) => count(intake.take(chunk)));
    stream.on('end', () => count(intake.end()));
    if (encoding !== undefined && encoding !== 'identity') beforeResponse(stream, () => count(0));
    stream.on('close', () => {
      count(0);
      this.answerBytes -= answer?.bytes ?? 0;
      if (--this.calls === 0) this.watch.turned(this);
      const isEarly = stream.aborted && clock.nowMs() - begunMs < limits.earlyResetMs;
      if (isEarly && !this.resets.take(clock.nowMs())) this.expel('calls that are reset as soon as they are made');
    });
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

  private hold(stream: ServerHttp2Stream, bytes: number): void {
    this.requestBytes += bytes;
    // grpc-js looks whether the stream is closed before it takes the chunk that this is about.
    if (this.requestBytes > this.watch.limits.requestBytesPerConnectionMax) {
      stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    }
    this.watch.held(bytes);
  }

  /** Counts what is written to a unary call until HTTP/2 has let it go: a peer that opens no window holds it here. */
  private countAnswer(stream: ServerHttp2Stream): { readonly bytes: number } {
    const { write } = stream;
    const answer = { bytes: 0 };
    stream.write = ((chunk: Buffer, ...rest: unknown[]) => {
      answer.bytes += chunk.length;
      this.answerBytes += chunk.length;
      const { answerBytesPerConnectionMax } = this.watch.limits;
      if (this.answerBytes > answerBytesPerConnectionMax) this.expel('answers that it does not take');
      return Reflect.apply(write, stream, [chunk, ...rest]);
    }) as typeof stream.write;
    return answer;
  }
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

import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { WireLimits } from '../limits.js';
import { hideFromGrpc, trackUnread } from './below-grpc.js';
import { Intake } from './intake.js';
import type { HeldKind, WrittenKind } from './peer-holdings.js';
import { ReceiveWindow } from './receive-window.js';

/** One call's part of what its peer holds. */
export class CallShare {
  requestBytes = 0;
  /** Bytes that were written to it and HTTP/2 has not let go of. */
  writtenBytes = 0;
  isOver = false;
  /** Whether its request goes on. */
  isSending = false;

  constructor(
    readonly begunMs: number,
    readonly writtenKind: WrittenKind | undefined,
  ) {}
}

/** What {@link PeerBytes} needs of the peer whose bytes it counts. The peer itself is one: ten thousand idle ones have no objects to spare. */
export interface PeerBytesOwner {
  readonly limits: WireLimits;
  /** The peer is leaving: what still comes of its requests is not served. */
  readonly isLeaving: boolean;
  /** Resets a call in the next turn of the event loop. */
  endCall(stream: ServerHttp2Stream): void;
  /** Closes the peer. */
  expel(why: string): void;
  /** Does it in the next turn of the event loop. */
  soon(part: () => void): void;
  /** Counts bytes among those of all peers. */
  holds(kind: HeldKind, bytes: number): void;
}

/**
 * Counts what the calls of one connection hold in memory: requests that cannot be handed on yet, and what was written to them and not
 * taken. It resets the call, or closes the peer, that goes beyond the bounds of a connection, and says how much more may come.
 */
export class PeerBytes {
  /** Calls whose request goes on: each may have a window of data on its way. */
  #sending = 0;
  /** Bytes of requests that have come and cannot be handed on yet. */
  #requestBytes = 0;
  /** Bytes of answers that the peer has not taken. */
  #answerBytes = 0;
  /** Undefined until the peer speaks HTTP/2. */
  #window: ReceiveWindow | undefined;

  readonly #owner: PeerBytesOwner;

  constructor(owner: PeerBytesOwner) {
    this.#owner = owner;
  }

  /** The peer's HTTP/2 session has begun. */
  speaks(session: ServerHttp2Session): void {
    this.#window = new ReceiveWindow(session, () => this.#sending, this.#owner.limits.requestBytesPerConnectionMax / 2);
  }

  /** Counts the bytes of a request until it is complete: a watch goes on long after that. */
  countRequest(stream: ServerHttp2Stream, share: CallShare): void {
    const intake = new Intake(this.#owner.limits.messageBytesMax);
    let partial = 0;
    const arrived = (bytes: number, excess: number) => {
      this.#window?.came(bytes);
      this.hold(stream, share, partial + excess);
    };
    const read = share.writtenKind === 'streams' ? trackUnread(stream, arrived) : undefined;
    share.isSending = true;
    this.#sending++;
    // Most are complete within the turn, and take nothing from the windows of those that go on.
    if (this.#window?.isGrown) this.#owner.soon(() => this.#window?.callBegan());
    const take = (chunk: Buffer) => {
      if (this.#owner.isLeaving) return hideFromGrpc(stream);
      partial = intake.take(chunk);
      this.hold(stream, share, partial + (read?.(chunk.length) ?? 0));
    };
    const end = () => {
      this.hold(stream, share, intake.end());
      this.#sent(share);
      stream.off('data', take);
      stream.off('end', end);
    };
    // grpc-js pauses the stream in this same turn, so nothing is read any sooner for this listener.
    stream.on('data', take);
    stream.on('end', end);
  }

  /** A call's request holds so many bytes from now on. */
  hold(stream: ServerHttp2Stream, share: CallShare, bytes: number): void {
    if (bytes === share.requestBytes) return;
    const more = bytes - share.requestBytes;
    share.requestBytes = bytes;
    this.#requestBytes += more;
    if (this.#requestBytes > this.#owner.limits.requestBytesPerConnectionMax) this.#owner.endCall(stream);
    this.#owner.holds('requests', more);
  }

  /** Counts what is written to a call until HTTP/2 has sent it: it stays here while the peer opens no window. */
  countWritten(stream: ServerHttp2Stream, share: CallShare): void {
    const { write } = stream;
    stream.write = ((chunk: Buffer, ...rest: unknown[]) => {
      this.#wrote(share, chunk.length);
      const written = rest.at(-1);
      const encoding = typeof rest[0] === 'string' ? [rest[0]] : [];
      const gone = (error?: Error | null) => {
        if (!share.isOver) this.#wrote(share, -chunk.length);
        if (typeof written === 'function') written(error);
      };
      return Reflect.apply(write, stream, [chunk, ...encoding, gone]);
    }) as typeof stream.write;
  }

  /** A call is over: it holds nothing more. */
  release(stream: ServerHttp2Stream, share: CallShare): void {
    this.hold(stream, share, 0);
    this.#wrote(share, -share.writtenBytes);
    this.#sent(share);
    share.isOver = true;
  }

  /** The request is complete, or the call is over. */
  #sent(share: CallShare): void {
    if (share.isSending) this.#sending--;
    share.isSending = false;
  }

  /** So many bytes more were written to a call, or (negative) are gone. */
  #wrote(share: CallShare, bytes: number): void {
    if (share.writtenKind === undefined || bytes === 0) return;
    share.writtenBytes += bytes;
    if (share.writtenKind === 'answers') this.#answerBytes += bytes;
    if (this.#answerBytes > this.#owner.limits.answerBytesPerConnectionMax)
      this.#owner.expel('answers that it does not take');
    this.#owner.holds(share.writtenKind, bytes);
  }
}

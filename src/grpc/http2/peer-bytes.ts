import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { WireLimits } from '../limits.js';
import { FIRST_WINDOW_BYTES, hideFromGrpc, replaceMethod } from './below-grpc.js';
import { Intake } from './intake.js';
import type { HeldKind, WrittenKind } from './peer-holdings.js';
import { ReceiveWindow } from './receive-window.js';

/**
 * Bytes of a request that come at once, with what of it is unread: with more, any call takes its part of what a connection may have on its way. The
 * confirmations of a sink, and what is asked of watches, are far from it.
 */
const FILLING_BYTES = 4_096;

/** One call's part of what its peer holds. */
export class CallShare {
  /** Bytes of its request that count for its connection. */
  requestBytes = 0;
  /** Bytes of its request that count among those of all peers only. */
  waitingBytes = 0;
  /** Bytes that were written to it and HTTP/2 has not let go of. */
  writtenBytes = 0;
  isOver = false;
  /** Whether it takes its part of what the connection may have on its way: its request goes on, and brings data or may begin to at any time. */
  isBringing = false;

  constructor(
    readonly begunMs: number,
    readonly writtenKind: WrittenKind | undefined,
    /** Whether it is a source or sink of the relay, which may have to wait without doing wrong. */
    readonly isRelay: boolean,
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
  /** So many messages of one chunk are decoded: its time counts for the peer's address. */
  decodes(messages: number): void;
  /** Counts bytes among those of all peers. */
  holds(kind: HeldKind, bytes: number): void;
}

/**
 * Counts what the calls of one connection hold in memory: requests that cannot be handed on yet, and what was written to them and not
 * taken. It resets the call, or closes the peer, that goes beyond the bounds of a connection, and says how much more may come.
 */
export class PeerBytes {
  /** Calls whose request goes on and brings data, or may begin to: each may have a window of it on its way. */
  #bringing = 0;
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
    this.#window = new ReceiveWindow(
      session,
      () => this.#bringing,
      this.#owner.limits.requestBytesPerConnectionMax / 2,
    );
  }

  /** Counts the bytes of a request until it is complete: a watch goes on long after that. */
  countRequest(stream: ServerHttp2Stream, share: CallShare): void {
    const intake = new Intake(this.#owner.limits.messageBytesMax);
    let held = 0;
    let unread = stream.readableLength;
    const count = () => this.hold(stream, share, held, unread, intake.queued);
    const { push } = stream;
    replaceMethod(stream, 'push', (chunk: Buffer | null, encoding?: BufferEncoding) => {
      const bytes = chunk?.length ?? 0;
      unread += bytes;
      if (unread > FILLING_BYTES) this.#brings(share);
      // What is read at once is not unread in between.
      const wantsMore = push.call(stream, chunk, encoding);
      if (share.writtenKind === 'streams') this.#window?.came(bytes);
      count();
      return wantsMore;
    });
    count();
    // A quiet one may send as much as its window at any time, and all quiet ones at once.
    if (share.writtenKind === 'streams' || unread > FILLING_BYTES) this.#brings(share);
    const readOn = () => {
      held = intake.readOn();
      count();
    };
    const take = (chunk: Buffer) => {
      if (this.#owner.isLeaving) return hideFromGrpc(stream);
      held = intake.take(chunk);
      unread -= chunk.length;
      if (intake.messages > 1) {
        this.#owner.decodes(intake.messages);
        if (stream.listenerCount('resume') === 0) stream.once('resume', readOn);
      }
      count();
    };
    const end = () => {
      held = intake.end();
      count();
      this.#sent(share);
      stream.off('data', take);
      stream.off('resume', readOn);
      stream.off('end', end);
    };
    // grpc-js pauses the stream in this same turn, so nothing is read any sooner for this listener.
    stream.on('data', take);
    stream.on('end', end);
  }

  /**
   * A call's request holds so many bytes from now on, leaves so many unread, and so many take messages that are queued. The unread ones
   * of the first window, which every call has, do not count for its connection, and neither do the queued ones of the relay: a source that
   * has to wait does no wrong.
   */
  hold(stream: ServerHttp2Stream, share: CallShare, bytes: number, unread = 0, queued = 0): void {
    // What grpc-js and node:http2 do to a stream after its end, as to read on, brings nothing more.
    if (share.isOver) return;
    const waitingBytes = Math.min(unread, FIRST_WINDOW_BYTES) + (share.isRelay ? queued : 0);
    const more = bytes + unread + queued - waitingBytes - share.requestBytes;
    const moreInAll = more + waitingBytes - share.waitingBytes;
    share.requestBytes += more;
    share.waitingBytes = waitingBytes;
    this.#requestBytes += more;
    if (more > 0 && this.#requestBytes > this.#owner.limits.requestBytesPerConnectionMax) this.#owner.endCall(stream);
    if (moreInAll !== 0) this.#owner.holds('requests', moreInAll);
  }

  /** Counts what is written to a call until HTTP/2 has sent it: it stays here while the peer opens no window. */
  countWritten(stream: ServerHttp2Stream, share: CallShare): void {
    const { write } = stream;
    replaceMethod(stream, 'write', (chunk: Buffer, ...rest: unknown[]): boolean => {
      this.#wrote(share, chunk.length);
      const written = rest.at(-1);
      const encoding = typeof rest[0] === 'string' ? [rest[0]] : [];
      const gone = (error?: Error | null) => {
        if (!share.isOver) this.#wrote(share, -chunk.length);
        if (typeof written === 'function') written(error);
      };
      return Reflect.apply(write, stream, [chunk, ...encoding, gone]);
    });
  }

  /** A call is over: it holds nothing more. */
  release(stream: ServerHttp2Stream, share: CallShare): void {
    this.hold(stream, share, 0);
    this.#wrote(share, -share.writtenBytes);
    this.#sent(share);
    share.isOver = true;
  }

  /** A call says no more than what it has taken, so it needs no part of the windows; one that brings more all the same is counted again. */
  confirmsOnly(share: CallShare): void {
    this.#sent(share);
  }

  /** The request brings data, or may begin to at any time. */
  #brings(share: CallShare): void {
    if (share.isBringing || share.isOver) return;
    share.isBringing = true;
    this.#bringing++;
    // Most are complete within the turn, and take nothing from the windows of those that go on.
    if (this.#window?.isGrown) this.#owner.soon(() => this.#window?.callBegan());
  }

  /** The request is complete, or brings no data; or the call is over. */
  #sent(share: CallShare): void {
    if (share.isBringing) this.#bringing--;
    share.isBringing = false;
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

import { constants, type ServerHttp2Stream } from 'node:http2';
import { EntryTable } from '../../base/entry-table.js';

/** Names a call to {@link AnswerFates}, as metadata. Set by the door on the calls that it watches, whatever the client sent. */
export const CALL_METADATA = 'switchyard-call';

/** What a handler has done to its call below grpc-js, which has no way to do it. */
export interface WatchedCall {
  /** Ends the call. */
  reset(): void;
  /** From now on the call's request says no more than what it has taken. */
  confirmsOnly(): void;
}

/** What becomes of the answer to one call. */
export interface AnswerFate {
  /** The call was reset, or its connection has closed: no answer can be sent any more. */
  readonly isLost: boolean;
  /**
   * `lost` is called, at most once, when the call ends before its trailers have gone to the socket. Whether the client read an
   * answer that went there is not known.
   */
  onLost(lost: () => void): void;
}

/** The fate of a call that is over already, or that was never watched. */
const LOST: AnswerFate = { isLost: true, onLost: (lost) => lost() };

/**
 * What becomes of the answers of some calls, and the way to reset them: grpc-js tells a handler that a call is over, and not whether its answer was sent
 * or lost, and cannot reset one.
 */
export class AnswerFates {
  readonly #open = new EntryTable<StreamFate>();
  #last = 0;

  /** Watches a call until its stream is closed. Returns its name for {@link find}. */
  watch(stream: ServerHttp2Stream, call: WatchedCall): string {
    const name = ++this.#last;
    const fate = new StreamFate(stream, call);
    this.#open.set(name, fate);
    stream.once('close', () => {
      this.#open.delete(name);
      fate.close();
    });
    return String(name);
  }

  /** Ends the call of that name at once, with whatever of it its client has not taken. */
  reset(name: string): void {
    this.#open.get(Number(name))?.call.reset();
  }

  /** The request of the call of that name says no more than what it has taken from now on. */
  confirmsOnly(name: string): void {
    this.#open.get(Number(name))?.call.confirmsOnly();
  }

  /** The fate of the answer to a call of that name. */
  find(name: string): AnswerFate {
    return this.#open.get(Number(name)) ?? LOST;
  }
}

class StreamFate implements AnswerFate {
  readonly #stream: ServerHttp2Stream;
  readonly call: WatchedCall;
  #lost: (() => void) | undefined;

  constructor(stream: ServerHttp2Stream, call: WatchedCall) {
    this.#stream = stream;
    this.call = call;
  }

  get isLost(): boolean {
    return this.#stream.closed || this.#stream.destroyed;
  }

  onLost(lost: () => void): void {
    this.#lost = lost;
  }

  /** The stream is closed. Without an error, both ends have sent everything by then, trailers included. */
  close(): void {
    const { sentTrailers, rstCode } = this.#stream;
    if (sentTrailers === undefined || rstCode !== constants.NGHTTP2_NO_ERROR) this.#lost?.();
  }
}

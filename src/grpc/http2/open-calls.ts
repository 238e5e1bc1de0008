import { constants, type Http2Stream } from 'node:http2';
import type { EntryTable } from '../../base/entry-table.js';

/** Calls that are ended in the time in which a connection without calls is torn down: a watch takes 10 to 30 µs. */
const CALLS_PER_PART = 4;

/** The calls of one session, as far as they are to be ended before it. */
export class OpenCalls {
  /** With which code of HTTP/2 they end. */
  code: number = constants.NGHTTP2_CANCEL;
  readonly #streams: EntryTable<Http2Stream>;
  /** What is left to end; undefined until the first is ended. A session that is being torn down gets no more calls. */
  #left: Http2Stream[] | undefined;

  constructor(streams: EntryTable<Http2Stream>) {
    this.#streams = streams;
  }

  /** How many calls the session has. */
  get size(): number {
    return this.#streams.size;
  }

  /** Ends some calls. Answers whether there are more. */
  endSome(): boolean {
    this.#left ??= this.#collect();
    for (let ended = 0; ended < CALLS_PER_PART; ) {
      const stream = this.#left.pop();
      if (stream === undefined) return false;
      if (stream.destroyed) continue;
      ended++;
      try {
        stream.close(this.code);
      } finally {
        stream.destroy();
      }
    }
    return true;
  }

  #collect(): Http2Stream[] {
    const streams: Http2Stream[] = [];
    this.#streams.forEach((stream) => {
      streams.push(stream);
    });
    return streams;
  }
}

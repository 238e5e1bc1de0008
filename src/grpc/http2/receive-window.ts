import type { Http2Session } from 'node:http2';
import { FIRST_WINDOW_BYTES } from './below-grpc.js';

/**
 * The largest window of a stream: 400 Mbit/s at 80 ms. A stream that is not read holds as much. HTTP/2 carries half a window in a round
 * trip at worst: nghttp2 says what was read once it is half of the window.
 */
const STREAM_BYTES_MAX = 8 * 1_048_576;
/** The first window that is announced, before the number of calls lowers it: what 100 Mbit/s have in 80 ms. */
const GROWN_BYTES = 1_048_576;
/** A measurement begins once this part of the window has come: less is never half of it. */
const MEASURED_FROM = 4;
/**
 * How much larger the window is after a measurement that it held up. That takes two round trips, one to measure and one until more
 * comes. TCP's slow start, which the window should not hold up, grows as much in two.
 */
const GROWTH = 4;

/** What a {@link ReceiveWindow} needs of a session. */
export type WindowedSession = Pick<Http2Session, 'closed' | 'destroyed' | 'ping' | 'settings' | 'setLocalWindowSize'>;

/**
 * How much a client may send before it hears that it was read.
 *
 * HTTP/2 begins with 64 KiB, which at 80 ms is 0.8 MiB/s whatever the network carries. So while data comes, a ping tells how much of it
 * comes in a round trip. When that is about half of the window or more, the window was what held it up, and it grows: to 1 MiB, then fourfold. Bounded
 * for a stream, and for all of a connection by how many calls bring data or may begin to; a connection that carries no data of streams never has more than
 * the first window.
 */
export class ReceiveWindow {
  readonly #session: WindowedSession;
  readonly #calls: () => number;
  readonly #connectionBytesMax: number;
  /** Whether it is larger than what HTTP/2 begins with. */
  isGrown = false;
  #bytes = FIRST_WINDOW_BYTES;
  /** Bytes that came since the last measurement. What began the present one counts: a full window comes in one burst. */
  #came = 0;
  #isMeasuring = false;
  /** Whether a window was announced that the client has not acknowledged. */
  #isAnnouncing = false;
  /** Whether the connection's window was made larger than those of its streams. */
  #isWide = false;

  /** `calls`: how many there are that bring data, or may begin to. `connectionBytesMax`: the windows of all of them together. */
  constructor(session: WindowedSession, calls: () => number, connectionBytesMax: number) {
    this.#session = session;
    this.#calls = calls;
    this.#connectionBytesMax = connectionBytesMax;
  }

  /** Of each stream, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** So many bytes of a stream have come. */
  came(bytes: number): void {
    this.#came += bytes;
    if (this.#isMeasuring || this.#bytes >= this.#bytesMax() || this.#came < this.#bytes / MEASURED_FROM) return;
    const { closed, destroyed } = this.#session;
    if (closed || destroyed) return;
    // False when as many pings are on their way as may be: the next bytes try again.
    this.#isMeasuring = this.#session.ping((error) => this.#measured(error));
  }

  /** One more call brings data, or may begin to: what all streams together may send stays within its bound. */
  callBegan(): void {
    if (!this.isGrown || this.#isAnnouncing) return;
    const most = this.#bytesMax();
    if (this.#bytes <= most) return;
    // By halves: the share of each call changes with every call, and not every call is worth a frame.
    let bytes = this.#bytes / 2;
    while (bytes > most) bytes /= 2;
    this.#announce(Math.max(FIRST_WINDOW_BYTES, Math.floor(bytes)));
  }

  #measured(error: Error | null): void {
    this.#isMeasuring = false;
    const came = this.#came;
    this.#came = 0;
    if (error || this.#session.closed || this.#session.destroyed) return;
    // What came in one round trip. A window that holds a sender up lets half of it pass at worst, and a measurement may miss a part of
    // that. With less the network is the bound, or the sender.
    if (came * 5 < this.#bytes * 2) return;
    const wanted = Math.min(Math.max(GROWN_BYTES, GROWTH * Math.max(came, this.#bytes)), this.#bytesMax());
    if (wanted > this.#bytes && !this.#isAnnouncing) this.#announce(wanted);
  }

  #bytesMax(): number {
    const share = Math.floor(this.#connectionBytesMax / Math.max(1, this.#calls()));
    return Math.max(FIRST_WINDOW_BYTES, Math.min(STREAM_BYTES_MAX, share));
  }

  /**
   * Tells the client its window. One SETTINGS frame at a time is on its way: node:http2 destroys a session that has more than ten which
   * are not acknowledged, and a client may begin a hundred calls in one round trip.
   */
  #announce(bytes: number): void {
    const { closed, destroyed } = this.#session;
    if (closed || destroyed) return;
    this.#bytes = bytes;
    this.isGrown = bytes > FIRST_WINDOW_BYTES;
    this.#isAnnouncing = true;
    this.#session.settings({ initialWindowSize: bytes }, (error) => {
      this.#isAnnouncing = false;
      if (!error) this.callBegan();
    });
    // Node reads a connection's bytes as they come, whoever takes them later: they are held by their streams' windows. The connection's
    // own is to hold up none of these, so it is twice what they come to.
    if (this.#isWide) return;
    this.#isWide = true;
    this.#session.setLocalWindowSize(2 * this.#connectionBytesMax);
  }
}

import { Duplex } from 'node:stream';
import type { UdxStream } from 'udx-native';
import type { Clock, Timer } from '../../../base/clock.js';
import { every } from '../../../base/timing.js';
import { CONNECTION_TIMES } from '../../../core/model/connection-times.js';
import { SilentPathError } from '../../carrier/lost-path.js';
import { PUNCH_LIMITS } from '../limits.js';

/**
 * The unreliable messages of a stream, by which each end finds out whether its path still leads to the other:
 *
 *     | kind 1: are you there, 2: I am (1 B) |
 *
 * The stream itself notices only that what it has sent is not acknowledged, so one that is idle would stay for ever.
 */
const ASK = Buffer.from([1]);
const ANSWER = Buffer.from([2]);

/** A stream of udx-native as one of Node's, which is what TLS wants under it. Owns the stream. */
export class UdxDuplex extends Duplex {
  readonly #stream: UdxStream;
  readonly #clock: Clock;
  /** For how long nothing has come from the peer, in ticks of the watch. */
  #silentMs = 0;
  #watching: Timer | undefined;
  /** Everything that the peer has said is in this duplex. */
  #ended = false;
  readonly #closed: Promise<unknown>;

  constructor(stream: UdxStream, clock: Clock) {
    super();
    this.#clock = clock;
    this.#stream = stream;
    stream.on('data', (bytes: Buffer) => {
      this.#silentMs = 0;
      if (!this.push(bytes)) stream.pause();
    });
    stream.on('end', () => {
      this.#ended = true;
      this.push(null);
    });
    stream.on('error', (error: Error) => this.destroy(error));
    this.#closed = new Promise((resolve) => stream.once('close', resolve));
    // A stream closes once both ways have ended and all is acknowledged, which may be long before this end's reader has read
    // it. Then this duplex closes by itself when it has.
    stream.on('close', () => this.#ended || this.destroy());
    stream.on('message', (bytes: Buffer) => {
      if (bytes.equals(ASK)) stream.trySend(ANSWER);
      else if (bytes.equals(ANSWER)) this.#silentMs = 0;
    });
  }

  /**
   * Finds out from now on when the path is dead, and then emits `silent` with a {@link SilentPathError}: consent freshness (RFC 7675) at
   * the pace of TCP's keepalive. What is asked keeps the routers' mappings, too. The stream stays: its end, which may still reach the peer,
   * would be that of a path that the peer goes on with.
   */
  watch(): void {
    const { aliveMs, aliveRetryMs } = CONNECTION_TIMES;
    const deadMs = aliveMs + aliveRetryMs * PUNCH_LIMITS.aliveTriesMax;
    // Counted in ticks rather than taken from a clock: a machine that slept, or was busy, has not listened.
    this.#watching = every(this.#clock, aliveRetryMs, () => {
      this.#silentMs += aliveRetryMs;
      if (this.#silentMs > deadMs) {
        this.#watching?.cancel();
        this.emit('silent', new SilentPathError(`the peer was silent for ${deadMs / 1_000} s`));
      } else if (this.#silentMs >= aliveMs) this.#stream.trySend(ASK);
    });
  }

  /** Resolves once the peer has acknowledged all that was written: unlike a kernel's TCP, nothing here outlives the process. */
  async flush(): Promise<void> {
    await Promise.race([this.#stream.flush(), this.#closed]);
  }

  override _read(): void {
    this.#stream.resume();
  }

  override _write(bytes: Buffer, _encoding: string, done: () => void): void {
    if (this.#stream.write(bytes)) done();
    else this.#stream.once('drain', done);
  }

  /** Finished is what the peer has acknowledged. */
  override _final(done: () => void): void {
    this.#stream.end();
    this.flush().then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#watching?.cancel();
    this.#stream.destroy();
    done(error);
  }
}

import type { Duplex } from 'node:stream';
import type { Clock, Timer } from '../../clock.js';
import { type Carrier, type DataFrame, FrameKind } from './carrier.js';
import { FRAME_BYTES_MAX, FrameReader, frameHead } from './frame.js';

/** Between two signs of life, and how many may be missed: a dead path is known within 25 s, whatever is on its way. */
const ALIVE_MS = 5_000;
const MISSED_MAX = 4;
/** How long the peer's FIN is awaited once both ways are complete: as long as the kernel sends a lost one again. */
const LINGER_MS = 10_000;

/** What a direct carrier needs besides its stream. */
export interface DirectCarrierDeps {
  readonly clock: Clock;
  /** Resolves once what was written outlives this process. Default: what the stream has taken does, as over TCP. */
  readonly flush?: () => Promise<void>;
  /** Between two signs of life. */
  readonly aliveMs?: number;
}

/**
 * A direct path, proved and encrypted, as a carrier. Owns the stream under it.
 *
 * The end of each way is a frame, under the same authentication as the data. The path itself is ended only when both ways
 * are complete, so a FIN or a reset before that is an error and never the end of the data: anybody on the way can forge
 * these, and the kernel sends them for a process that is killed.
 *
 * Each end sends a sign of life when it has been quiet for `aliveMs`, also after the end of its way, and takes the path for
 * dead when it has read nothing for several of these. Neither waits for the other, so it shows also while data is on its
 * way: the kernel would send that again for a quarter of an hour. The check is suspended while this end is not reading.
 */
export class DirectCarrier implements Carrier {
  readonly frameBytesMax = FRAME_BYTES_MAX;
  readonly #stream: Duplex;
  readonly #clock: Clock;
  readonly #flush: () => Promise<void>;
  readonly #aliveMs: number;
  readonly #reader = new FrameReader();
  readonly #frames: DataFrame[] = [];
  #timer: Timer;
  #error: Error | undefined;
  /** The peer has said that its way is complete. */
  #ended = false;
  /** This end has said that its way is complete, */
  #said = false;
  /** and all of it is on its way for good. */
  #finished = false;
  #sent = false;
  #heard = false;
  #missed = 0;
  #awaited: (() => void) | undefined;

  constructor(stream: Duplex, { clock, flush = async () => {}, aliveMs = ALIVE_MS }: DirectCarrierDeps) {
    this.#stream = stream;
    this.#clock = clock;
    this.#flush = flush;
    this.#aliveMs = aliveMs;
    stream.on('data', (bytes: Buffer) => this.#take(bytes));
    stream.pause();
    stream.on('end', () => this.#cut());
    stream.on('error', (error) => this.#fail(error));
    stream.on('close', () => {
      this.#timer.cancel();
      this.#fail(new Error('the path was closed'));
    });
    this.#timer = clock.after(aliveMs, () => this.#tick());
    stream.write(frameHead(FrameKind.ALIVE, 0));
  }

  /**
   * Whether the peer says anything in time, as it does at once when it has the path, too. An end that confirmed a path
   * cannot know otherwise: its word may have come too late.
   */
  async heard(withinMs: number): Promise<boolean> {
    const timer = this.#clock.after(withinMs, () => this.#awaited?.());
    if (!this.#heard) await this.#more();
    timer.cancel();
    return this.#heard;
  }

  get isOver(): boolean {
    return this.#error !== undefined;
  }

  async send(kind: FrameKind, bytes: Uint8Array): Promise<void> {
    if (this.#error) throw this.#error;
    this.#sent = true;
    this.#stream.cork();
    this.#stream.write(frameHead(kind, bytes.length));
    const hasRoom = this.#stream.write(bytes);
    this.#stream.uncork();
    if (!hasRoom) await this.#unlessClosed((drained) => this.#stream.once('drain', drained));
  }

  async receive(): Promise<DataFrame | undefined> {
    this.#missed = 0;
    for (;;) {
      const frame = this.#frames.shift();
      if (frame) return frame;
      if (this.#ended) return undefined;
      if (this.#error) throw this.#error;
      await this.#more();
    }
  }

  async finish(): Promise<void> {
    if (this.#error) throw this.#error;
    this.#said = true;
    await this.#unlessClosed((written) => this.#stream.write(frameHead(FrameKind.END, 0), written));
    await this.#unlessClosed((flushed) => void this.#flush().then(flushed));
    this.#finished = true;
    if (this.#ended) this.#part();
  }

  close(): void {
    const isParting = this.#ended && this.#finished && this.#error === undefined;
    this.#fail(new Error('the path was closed'));
    if (!isParting) this.#stream.destroy();
  }

  /** Something new: frames, the first sign of life, an end. */
  async #more(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#awaited = resolve;
      this.#stream.resume();
    });
    this.#awaited = undefined;
  }

  #take(bytes: Buffer): void {
    this.#missed = 0;
    const isFirst = !this.#heard;
    this.#heard = true;
    try {
      for (const frame of this.#reader.read(bytes)) {
        if (frame.kind === FrameKind.END) this.#ended = true;
        else this.#frames.push(frame);
      }
    } catch (error) {
      this.#stream.destroy(error as Error);
      return;
    }
    // After the end only signs of life come: they are read on, so that a dead peer is noticed.
    if (this.#frames.length > 0 && !this.#ended) this.#stream.pause();
    if (this.#frames.length > 0 || this.#ended || isFirst) this.#awaited?.();
    if (this.#ended && this.#finished) this.#part();
  }

  #tick(): void {
    this.#timer = this.#clock.after(this.#aliveMs, () => this.#tick());
    if (!this.#sent && !this.#stream.writableNeedDrain) this.#stream.write(frameHead(FrameKind.ALIVE, 0));
    this.#sent = false;
    // Counted in ticks: a process that was stopped for an hour has missed one, and then reads what has come.
    if (this.#awaited === undefined && !this.#ended) return;
    this.#missed += 1;
    if (this.#missed > MISSED_MAX) this.#stream.destroy(new Error('the path is dead: nothing has come from the peer'));
  }

  /** Both ways are complete. What is unread as a socket closes resets it, so it is read up to the peer's own FIN. */
  #part(): void {
    this.#timer.cancel();
    if (this.#stream.destroyed || this.#stream.writableEnded) return;
    this.#stream.end();
    this.#stream.resume();
    this.#timer = this.#clock.after(LINGER_MS, () => this.#stream.destroy());
  }

  /** The stream has ended, and not by what the peer has said. */
  #cut(): void {
    if (this.#ended && this.#said) return;
    const where = this.#ended ? 'before all was sent to it' : 'before the peer had said that its data is complete';
    this.#stream.destroy(new Error(`the path was cut ${where}`));
  }

  /** Waits for something that the stream does; rejects when it closes before. */
  #unlessClosed(happens: (done: () => void) => unknown): Promise<void> {
    return new Promise((resolve, reject) => {
      const closed = () => reject(this.#error!);
      const done = () => {
        this.#stream.off('close', closed);
        resolve();
      };
      this.#stream.once('close', closed);
      happens(done);
    });
  }

  /** The first reason stands. What was read before is still handed out. */
  #fail(error: Error): void {
    if (!this.#stream.writableEnded) this.#timer.cancel();
    this.#error ??= error;
    this.#awaited?.();
  }
}

import type { Duplex } from 'node:stream';
import { type Carrier, type Frame, FrameKind } from './carrier.js';
import { FRAME_BYTES_MAX, FrameReader, frameHead } from './frame.js';

/** Between two signs of life, and how many may be missed: a dead path is known within 25 s, whatever is on its way. */
const ALIVE_MS = 5_000;
const MISSED_MAX = 4;

/**
 * A direct path, proved and encrypted, as a carrier. Owns the stream under it.
 *
 * Each end sends a sign of life when it has been quiet for `aliveMs`, and takes the path for dead when it has read nothing
 * for several of these. Neither waits for the other, so it shows also while data is on its way: the kernel would send
 * that again for a quarter of an hour. An end that does not read (its reader is slow) cannot tell, and does not judge; an
 * end to which nothing is sent any more neither.
 */
export class DirectCarrier implements Carrier {
  readonly frameBytesMax = FRAME_BYTES_MAX;
  readonly #stream: Duplex;
  readonly #reader = new FrameReader();
  readonly #frames: Frame[] = [];
  readonly #beat: NodeJS.Timeout;
  #error: Error | undefined;
  #ended = false;
  #sent = false;
  #heard = false;
  #missed = 0;
  #awaited: (() => void) | undefined;

  constructor(stream: Duplex, aliveMs: number = ALIVE_MS) {
    this.#stream = stream;
    stream.on('data', (bytes: Buffer) => this.#take(bytes));
    stream.pause();
    stream.on('end', () => {
      this.#ended = true;
      this.#awaited?.();
    });
    stream.on('error', (error) => this.#fail(error));
    stream.on('close', () => this.#fail(new Error('the path was closed by the peer')));
    this.#beat = setInterval(() => this.#tick(), aliveMs);
    stream.write(frameHead(FrameKind.ALIVE, 0));
  }

  /**
   * Whether the peer says anything in time, as it does at once when it has the path, too. An end that confirmed a path
   * cannot know otherwise: its word may have come too late.
   */
  async heard(withinMs: number): Promise<boolean> {
    const timer = setTimeout(() => this.#awaited?.(), withinMs);
    if (!this.#heard) await this.#more();
    clearTimeout(timer);
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
    if (!hasRoom) await this.#until('drain');
  }

  async receive(): Promise<Frame | undefined> {
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
    const finished = this.#until('finish');
    this.#stream.end();
    await finished;
  }

  close(): void {
    this.#fail(new Error('the path was closed'));
    this.#stream.destroy();
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
      this.#frames.push(...this.#reader.read(bytes));
    } catch (error) {
      this.#stream.destroy(error as Error);
      return;
    }
    if (this.#frames.length > 0) this.#stream.pause();
    if (this.#frames.length > 0 || isFirst) this.#awaited?.();
  }

  #tick(): void {
    if (!this.#sent && !this.#stream.writableEnded && !this.#stream.writableNeedDrain) {
      this.#stream.write(frameHead(FrameKind.ALIVE, 0));
    }
    this.#sent = false;
    // Counted in ticks: a process that was stopped for an hour has missed one, and then reads what has come.
    if (this.#awaited === undefined) return;
    this.#missed += 1;
    if (this.#missed > MISSED_MAX) this.#stream.destroy(new Error('the path is dead: nothing has come from the peer'));
  }

  #until(event: 'drain' | 'finish'): Promise<void> {
    return new Promise((resolve, reject) => {
      const happened = () => {
        this.#stream.off('close', closed);
        resolve();
      };
      const closed = () => {
        this.#stream.off(event, happened);
        reject(this.#error!);
      };
      this.#stream.once(event, happened).once('close', closed);
    });
  }

  /** The first reason stands. What was read before is still handed out. */
  #fail(error: Error): void {
    clearInterval(this.#beat);
    this.#error ??= error;
    this.#awaited?.();
  }
}

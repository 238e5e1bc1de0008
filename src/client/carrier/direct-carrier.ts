import type { Duplex } from 'node:stream';
import type { Clock, Timer } from '../../base/clock.js';
import { asError } from '../../base/errors.js';
import { CONNECTION_TIMES } from '../../core/model/connection-times.js';
import { type Carrier, CarrierFrameKind, type Frame } from './carrier.js';
import { attemptWord, CarrierFrameReader, FRAME_BYTES_MAX, frameHead } from './frame.js';
import { CutPathError, SilentPathError } from './lost-path.js';

/** How many signs of life may be missed: a dead path is known within five times that long, whatever is on its way. */
export const MISSED_MAX = 4;
/**
 * Bytes that may be on their way to a reader that has not taken them: 400 Mbit/s through a server that is 80 ms from each end, where
 * it takes 160 ms until the writer hears what was taken. As much is held of a connection whose program does not read.
 */
export const WINDOW_BYTES = 8 << 20;
/** A reader says what it has taken once it is so much: what is taken and not said is as good as on its way. */
const TAKEN_BYTES = WINDOW_BYTES / 8;
/** Beyond so many frames that wait for the reader, small ones are joined up to this size: each costs its object. */
const FRAMES_APART_MAX = 64;
const JOINED_BYTES = 16 << 10;

/** What a direct carrier needs besides its stream. */
export interface DirectCarrierDeps {
  readonly clock: Clock;
  /** Resolves once what was written outlives this process. Default: what the stream has taken does, as over TCP. */
  readonly flush?: () => Promise<void>;
  /** Between two signs of life; Infinity: none are sent or awaited, and something else knows whether the peer is alive. */
  readonly aliveMs?: number;
  /** It goes through the server: the ends may move to a direct path, and only this process repeats what is on its way. */
  readonly isRelayed?: boolean;
}

/**
 * A path that is proved and encrypted, as a carrier: a direct one, or the relay under the same TLS. Owns the stream under it.
 *
 * The end of each way is a frame, under the same authentication as the data. The path itself is ended only when both ways
 * are complete, so a FIN or a reset before that is a loss ({@link CutPathError}) and never the end of the data: anybody on
 * the way can forge these, and the kernel sends them for a process that is killed.
 *
 * Each end sends a sign of life when it has been quiet for `aliveMs`, also after the end of its way, and takes the path for
 * dead when nothing has come for several of these. Neither waits for the other, so it shows also while data is on its way:
 * the kernel would send that again for a quarter of an hour.
 *
 * A sender goes on only when its peer's reader has taken what is beyond a window. So the stream is always read, signs of
 * life come also to an end whose reader pauses, and what waits for that reader is bounded on every kind of path (UDX has no
 * flow control of its own).
 */
export class DirectCarrier implements Carrier {
  readonly frameBytesMax = FRAME_BYTES_MAX;
  readonly #stream: Duplex;
  readonly #clock: Clock;
  readonly #flush: () => Promise<void>;
  readonly #aliveMs: number;
  readonly #isRelayed: boolean;
  readonly #reader: CarrierFrameReader;
  readonly #frames: Frame[] = [];
  readonly #closed: Promise<void>;
  #timer: Timer | undefined;
  #error: Error | undefined;
  /** The peer has said that its way is complete. */
  #ended = false;
  /** This end has said that its way is complete, */
  #said = false;
  /** and all of it is on its way for good. */
  #finished = false;
  onTaken: ((bytes: number) => void) | undefined;
  #taken = 0;
  /** Bytes that were sent and that the peer's reader has not said to have taken. */
  #untaken = 0;
  /** Bytes that were not taken, and bytes that were and were not said to be. */
  #held = 0;
  #toSay = 0;
  /** Bytes of the frame that was handed out last. */
  #handed = 0;
  #sent = false;
  #heard = false;
  #missed = 0;
  #awaited: (() => void) | undefined;
  #roomAwaited: (() => void) | undefined;
  readonly #whenOver = new Set<() => void>();

  constructor(stream: Duplex, deps: DirectCarrierDeps) {
    const { clock, flush = async () => {}, aliveMs = CONNECTION_TIMES.signOfLifeMs, isRelayed = false } = deps;
    this.#stream = stream;
    this.#clock = clock;
    this.#flush = flush;
    this.#aliveMs = aliveMs;
    this.#isRelayed = isRelayed;
    this.#reader = new CarrierFrameReader(isRelayed);
    this.#closed = new Promise((resolve) => stream.once('close', resolve));
    stream.on('data', (bytes: Buffer) => this.#take(bytes));
    stream.resume();
    stream.on('end', () => this.#cut());
    stream.on('error', (error) => this.#fail(error));
    stream.on('close', () => {
      this.#timer?.cancel();
      this.#fail(new CutPathError('the path was cut'));
    });
    if (aliveMs === Number.POSITIVE_INFINITY) return;
    this.#timer = clock.after(aliveMs, () => this.#tick());
    stream.write(frameHead(CarrierFrameKind.ALIVE, 0));
  }

  /**
   * Whether the peer says anything in time, as it does at once when it has the path, too. An end that confirmed a path
   * cannot know otherwise: its word may have come too late.
   */
  async heard(withinMs: number): Promise<boolean> {
    let isLate = false;
    const timer = this.#clock.after(withinMs, () => {
      isLate = true;
      this.#awaited?.();
    });
    while (!this.#heard && !isLate && !this.#error) await this.#more();
    timer.cancel();
    return this.#heard;
  }

  get isOver(): boolean {
    return this.#error !== undefined;
  }

  async send(kind: CarrierFrameKind, bytes: Uint8Array): Promise<void> {
    while (this.#untaken > 0 && this.#untaken + bytes.length > WINDOW_BYTES && !this.#error) {
      await new Promise<void>((resolve) => {
        this.#roomAwaited = resolve;
      });
    }
    if (this.#error) throw this.#error;
    this.#sent = true;
    if (kind === CarrierFrameKind.MOVED) {
      this.#stream.write(frameHead(kind, Buffer.from(bytes).readUInt32BE()));
      return;
    }
    this.#untaken += bytes.length;
    this.#stream.cork();
    this.#stream.write(frameHead(kind, bytes.length));
    const hasRoom = this.#stream.write(bytes);
    this.#stream.uncork();
    if (!hasRoom) await this.#unlessOver((drained) => this.#stream.once('drain', drained));
  }

  async receive(): Promise<Frame | undefined> {
    // What was handed out counts once more is asked for: until then its reader may leave this path without it.
    this.#took(this.#handed);
    this.#handed = 0;
    for (;;) {
      const frame = this.#frames.shift();
      if (frame) {
        if (frame.kind === CarrierFrameKind.DATA) this.#handed = frame.bytes.length;
        return frame;
      }
      if (this.#ended) return undefined;
      if (this.#error) throw this.#error;
      await this.#more();
    }
  }

  async finish(): Promise<void> {
    if (this.#error) throw this.#error;
    this.#said = true;
    await this.#unlessOver((written) => this.#stream.write(frameHead(CarrierFrameKind.END, 0), written));
    await this.#unlessOver((flushed) => void this.#flush().then(flushed, (error) => this.#stream.destroy(error)));
    this.#finished = true;
    if (this.#ended) this.#part();
  }

  async close(): Promise<void> {
    const isParting = this.#ended && this.#finished && !this.#stream.destroyed;
    this.#fail(new Error('the path was closed'));
    if (!isParting) this.#stream.destroy();
    else if (this.#isRelayed) await this.#closed;
  }

  /**
   * Takes the path for dead. That of a connection that may go on elsewhere keeps its stream until {@link close}: the peer, whom a FIN may
   * still reach, would take that for the end. Nothing closes one that has carried nothing yet.
   */
  die(error: SilentPathError): void {
    this.#fail(error);
    if (this.onTaken === undefined) this.#stream.destroy();
  }

  /** Something new: frames, the first sign of life, an end. */
  async #more(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#awaited = resolve;
    });
    this.#awaited = undefined;
  }

  /** Tells the peer what was taken, from time to time. Nobody waits for it after the end of the peer's way. */
  #took(count: number): void {
    this.#held -= count;
    this.#toSay += count;
    if (this.#toSay >= TAKEN_BYTES) this.#sayTaken();
  }

  #sayTaken(): void {
    if (this.#toSay === 0 || this.#ended || this.#error) return;
    this.#sent = true;
    this.#stream.write(frameHead(CarrierFrameKind.TAKEN, this.#toSay));
    this.#toSay = 0;
  }

  #take(bytes: Buffer): void {
    this.#missed = 0;
    this.#heard = true;
    try {
      for (const frame of this.#reader.read(bytes)) {
        if (frame.kind === CarrierFrameKind.END) this.#ended = true;
        else if (frame.kind === CarrierFrameKind.DATA) this.#hold(frame.bytes);
        else if (frame.kind === CarrierFrameKind.MOVED)
          this.#frames.push({ kind: frame.kind, bytes: attemptWord(frame.attempt) });
        else this.#takenByPeer(frame.count);
      }
      if (this.#untaken < 0) throw new Error('the peer has taken more than was sent to it');
    } catch (error) {
      this.#stream.destroy(asError(error));
      return;
    }
    this.#awaited?.();
    this.#roomAwaited?.();
    if (this.#ended && this.#finished) this.#part();
  }

  #takenByPeer(count: number): void {
    this.#untaken -= count;
    this.#taken += count;
    if (this.#untaken >= 0) this.onTaken?.(this.#taken);
  }

  #hold(bytes: Buffer): void {
    const kind = CarrierFrameKind.DATA;
    const last = this.#frames.at(-1);
    const mayJoin = last?.kind === kind && this.#frames.length >= FRAMES_APART_MAX;
    if (!mayJoin || last.bytes.length + bytes.length > JOINED_BYTES) this.#frames.push({ kind, bytes });
    else this.#frames[this.#frames.length - 1] = { kind, bytes: Buffer.concat([last.bytes, bytes]) };
    this.#held += bytes.length;
    if (this.#held + this.#toSay > WINDOW_BYTES) throw new Error('the peer sends more than was taken from it');
  }

  #tick(): void {
    this.#timer = this.#clock.after(this.#aliveMs, () => this.#tick());
    // Also while little is said: the peer keeps what it has sent until then.
    this.#sayTaken();
    if (!this.#sent && !this.#stream.writableNeedDrain) this.#stream.write(frameHead(CarrierFrameKind.ALIVE, 0));
    this.#sent = false;
    // Counted in ticks: a process that was stopped for an hour has missed one, and then reads what has come.
    this.#missed += 1;
    if (this.#missed > MISSED_MAX) this.die(new SilentPathError('the path is dead: nothing has come from the peer'));
  }

  /** Both ways are complete. What is unread as a socket closes resets it, so it is read up to the peer's own FIN. */
  #part(): void {
    this.#timer?.cancel();
    if (this.#stream.destroyed || this.#stream.writableEnded) return;
    this.#stream.end();
    this.#timer = this.#clock.after(CONNECTION_TIMES.lingerMs, () => this.#stream.destroy());
  }

  /** The stream has ended, and not by what the peer has said. */
  #cut(): void {
    if (this.#ended && this.#said) return;
    const where = this.#ended ? 'before all was sent to it' : 'before the peer had said that its data is complete';
    this.#stream.destroy(new CutPathError(`the path was cut ${where}`));
  }

  /** Waits for something that the stream does; rejects when the path is over before. */
  #unlessOver(happens: (done: () => void) => unknown): Promise<void> {
    return new Promise((resolve, reject) => {
      const over = () => reject(this.#error);
      const done = () => {
        this.#whenOver.delete(over);
        resolve();
      };
      this.#whenOver.add(over);
      happens(done);
      if (this.#error) over();
    });
  }

  /** The first reason stands. What was read before is still handed out. */
  #fail(error: Error): void {
    if (!this.#stream.writableEnded) this.#timer?.cancel();
    this.#error ??= error;
    for (const over of this.#whenOver) over();
    this.#whenOver.clear();
    this.#awaited?.();
    this.#roomAwaited?.();
  }
}

import { type Carrier, CarrierFrameKind, type Frame } from '../../../src/client/carrier/carrier.js';

/** What a pair of carriers is made of: how soon things arrive, and how much may be on its way. */
export interface Way {
  /** Resolves when the next frame arrives. Drawn anew for each. */
  delay(): Promise<void>;
  readonly framesMax: number;
}

/** One direction: frames in order, with room for some. */
class Line {
  readonly frames: (Frame | undefined)[] = [];
  error: Error | undefined;
  isEndTaken = false;
  #waiting: (() => void)[] = [];

  changed(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      if (this.error) throw this.error;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  fail(error: Error): void {
    this.error ??= error;
    this.changed();
  }
}

/** One end of a path in memory, which arrives in order, holds up its writer, and can be cut. */
export class MemoryCarrier implements Carrier {
  isOver = false;
  onTaken: ((bytes: number) => void) | undefined;
  /** How many frames the peer takes before it says so. */
  takenAfter = 1;
  #taken = { bytes: 0, frames: 0 };
  #handed: Frame | undefined;
  #peer: MemoryCarrier | undefined;
  readonly frameBytesMax = 65_535;

  private constructor(
    private readonly out: Line,
    private readonly into: Line,
    private readonly way: Way,
  ) {}

  /** Both ends of a path. */
  static pair(way: Way): [MemoryCarrier, MemoryCarrier] {
    const [there, back] = [new Line(), new Line()];
    const ends: [MemoryCarrier, MemoryCarrier] = [
      new MemoryCarrier(there, back, way),
      new MemoryCarrier(back, there, way),
    ];
    [ends[0].#peer, ends[1].#peer] = [ends[1], ends[0]];
    return ends;
  }

  async send(kind: CarrierFrameKind, bytes: Uint8Array): Promise<void> {
    if (kind !== CarrierFrameKind.DATA && kind !== CarrierFrameKind.MOVED) throw new Error('nobody sends these here');
    const copy = Buffer.from(bytes);
    await this.#put({ kind, bytes: copy });
  }

  async receive(): Promise<Frame | undefined> {
    this.#took();
    await this.way.delay();
    await this.into.until(() => this.into.frames.length > 0);
    if (this.into.error) throw this.into.error;
    const frame = this.into.frames[0];
    // The end is read again and again; it is never taken.
    if (frame) this.#handed = this.into.frames.shift();
    else this.into.isEndTaken = true;
    this.into.changed();
    return frame;
  }

  /** The frame that was handed out last, of a path that still stands. */
  #took(): void {
    const [frame, peer] = [this.#handed, this.#peer];
    this.#handed = undefined;
    if (peer === undefined || frame?.kind !== CarrierFrameKind.DATA || this.isOver) return;
    peer.#taken.bytes += frame.bytes.length;
    peer.#taken.frames += 1;
    if (peer.#taken.frames % peer.takenAfter === 0) peer.onTaken?.(peer.#taken.bytes);
  }

  /** Finished is what the peer has taken. */
  async finish(): Promise<void> {
    await this.#put(undefined);
    await this.out.until(() => this.out.isEndTaken);
  }

  async close(): Promise<void> {
    this.cut(new Error('the path was closed'));
  }

  /** What is on its way is lost. */
  cut(error: Error): void {
    this.isOver = true;
    for (const line of [this.out, this.into]) line.fail(error);
  }

  async #put(frame: Frame | undefined): Promise<void> {
    await this.way.delay();
    await this.out.until(() => this.out.frames.length < this.way.framesMax);
    if (this.out.error) throw this.out.error;
    this.out.frames.push(frame);
    this.out.changed();
  }
}

import type { Fault } from '../core/fault.js';
import type { Source } from './pump.js';

/**
 * What the watches of one connection have written and HTTP/2 has not let go of, held against one bound for all of them.
 *
 * A watch that finds it full waits, with nothing but its place in the history; so a thousand watches that nobody reads
 * hold no more than some dozens do. Whoever waits longest is next.
 */
export class Outflow {
  /** How many watches there are. */
  watches = 0;
  private bytes = 0;
  private readonly waiting = new Set<() => void>();

  constructor(
    private readonly bytesMax: number,
    /** Told of every change of the bytes. */
    private readonly changed: (byBytes: number) => void,
  ) {}

  /** One watch, so that the next message is only taken when there is room for it. */
  through(source: Source<Uint8Array>): Source<Uint8Array> {
    return new Outgoing(source, this);
  }

  /** Whether there is room. If there is none, `wake` is called when there may be. */
  hasRoom(wake: () => void): boolean {
    if (this.bytes < this.bytesMax) return true;
    this.waiting.add(wake);
    return false;
  }

  /** So many bytes are on their way, or (negative) have gone. */
  add(bytes: number): void {
    if (bytes === 0) return;
    this.bytes += bytes;
    this.changed(bytes);
    for (const wake of this.waiting) {
      if (this.bytes >= this.bytesMax) return;
      this.waiting.delete(wake);
      wake();
    }
  }

  /** Nobody is there to be woken any more. */
  forget(wake: () => void): void {
    this.waiting.delete(wake);
  }
}

/**
 * A source of messages, as long as its connection has room.
 *
 * A pump has one write in flight, so that it asks for the next message says that the last one has gone.
 */
class Outgoing implements Source<Uint8Array> {
  private bytes = 0;
  private wake: () => void = () => {};
  private readonly woken = () => this.wake();

  constructor(
    private readonly source: Source<Uint8Array>,
    private readonly outflow: Outflow,
  ) {}

  next(): Uint8Array | 'ended' | Fault | undefined {
    this.letGo();
    if (!this.outflow.hasRoom(this.woken)) return undefined;
    const message = this.source.next();
    if (message instanceof Uint8Array) {
      this.bytes = message.length;
      this.outflow.add(message.length);
    }
    return message;
  }

  onReady(wake: () => void): void {
    this.wake = wake;
    this.source.onReady(wake);
  }

  close(): void {
    this.wake = () => {};
    this.outflow.forget(this.woken);
    this.letGo();
    this.source.close();
  }

  private letGo(): void {
    const { bytes } = this;
    this.bytes = 0;
    this.outflow.add(-bytes);
  }
}

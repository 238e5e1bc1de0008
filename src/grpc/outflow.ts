import type { Charge } from '../base/shared-bytes.js';
import type { Fault } from '../core/model/fault.js';
import type { Source } from './pump.js';

/** Who looks on at all outflows. */
export interface OutflowWatch {
  /** So many bytes more are on their way, or (negative) have gone. */
  moved(bytes: number): void;
  /** Its last watch is over. */
  emptied(outflow: Outflow): void;
}

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
  /** Made when somebody has to wait: few connections are ever full. */
  private waiting: Set<Outgoing> | undefined;

  constructor(
    /** What the peer is called. */
    readonly peer: string,
    private readonly bytesMax: number,
    private readonly watch: OutflowWatch,
    /** Counts a message that is on its way, for all connections together; each message once. */
    readonly count?: ((message: Uint8Array) => Charge) | undefined,
  ) {}

  /** One watch more, until it is closed: its next message is only taken when there is room for it. */
  through(source: Source<Uint8Array>): Source<Uint8Array> {
    this.watches++;
    return new Outgoing(source, this);
  }

  /** Whether there is room. If there is none, this watch is woken when there may be. */
  hasRoom(watch: Outgoing): boolean {
    if (this.bytes < this.bytesMax) return true;
    this.waiting ??= new Set();
    this.waiting.add(watch);
    return false;
  }

  /** So many bytes are on their way, or (negative) have gone. */
  add(bytes: number): void {
    if (bytes === 0) return;
    this.bytes += bytes;
    this.watch.moved(bytes);
    if (this.waiting === undefined) return;
    for (const watch of this.waiting) {
      if (this.bytes >= this.bytesMax) return;
      this.waiting.delete(watch);
      watch.wake();
    }
  }

  /** A watch is over. */
  leave(watch: Outgoing): void {
    this.waiting?.delete(watch);
    if (--this.watches === 0) this.watch.emptied(this);
  }
}

/**
 * A source of messages, as long as its connection has room.
 *
 * A pump has one write in flight, so that it asks for the next message says that the last one has gone.
 */
class Outgoing implements Source<Uint8Array> {
  private bytes = 0;
  private charge: Charge | undefined;
  private woken: (() => void) | undefined;
  private closed = false;

  constructor(
    private readonly source: Source<Uint8Array>,
    private readonly outflow: Outflow,
  ) {}

  next(): Uint8Array | 'ended' | Fault | undefined {
    this.letGo();
    if (!this.outflow.hasRoom(this)) return undefined;
    const message = this.source.next();
    if (message instanceof Uint8Array) {
      this.bytes = message.length;
      this.outflow.add(message.length);
      this.charge = this.outflow.count?.(message);
    }
    return message;
  }

  onReady(wake: () => void): void {
    this.woken = wake;
    this.source.onReady(wake);
  }

  /** There may be room. */
  wake(): void {
    this.woken?.();
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.woken = undefined;
    this.letGo();
    this.outflow.leave(this);
    this.source.close();
  }

  private letGo(): void {
    const { bytes } = this;
    this.bytes = 0;
    this.charge?.drop();
    this.charge = undefined;
    this.outflow.add(-bytes);
  }
}

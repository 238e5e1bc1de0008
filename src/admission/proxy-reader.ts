import type { Socket } from 'node:net';
import { AttendedTime } from '../base/attended-time.js';
import type { Clock, Timer } from '../base/clock.js';
import type { Fence } from '../base/fence.js';
import type { Endpoint } from '../stun/address.js';
import type { AdmissionLimits } from './limits.js';
import { ProxyHeaderError, readProxyHeader } from './proxy-header.js';

/** What a reader of headers stands on. */
export interface ProxyReaderDeps {
  /** The code name of the port. */
  readonly door: string;
  /** Around what is done with a header. */
  readonly fence: Fence;
  readonly clock: Clock;
  readonly limits: Pick<AdmissionLimits, 'handshakeMs' | 'sweepMs' | 'headersWaitingMax'>;
  /** Told of a connection that brought no header, and was closed. */
  readonly refused: (socket: Socket, why: string) => void;
}

interface Waiting {
  readonly sinceMs: number;
  readonly stop: () => void;
}

/**
 * Reads the PROXY header of connections that must begin with one. A connection that does not is closed: what it brings
 * would otherwise count as the proxy's, past every bound per address.
 */
export class ProxyReader {
  readonly #deps: ProxyReaderDeps;
  /** Those whose header has not come, the oldest first. */
  readonly #waiting = new Map<Socket, Waiting>();
  readonly #time: AttendedTime;
  #timer: Timer | undefined;

  constructor(deps: ProxyReaderDeps) {
    this.#deps = deps;
    this.#time = new AttendedTime(deps.clock, 2 * deps.limits.sweepMs);
  }

  /** How many headers have not come yet. */
  get waitingCount(): number {
    return this.#waiting.size;
  }

  /** Calls `take` once the header has come, with whose connection it says that this is. What follows is still to be read. */
  read(socket: Socket, take: (source: Endpoint | undefined) => void): void {
    const { limits } = this.#deps;
    if (this.#waiting.size >= limits.headersWaitingMax) {
      const [oldest] = this.#waiting.keys();
      this.#refuse(oldest, 'too many connections of proxies wait for their PROXY header');
    }
    if (this.#timer === undefined) this.#schedule();
    this.#waiting.set(socket, { sinceMs: this.#time.nowMs(), stop: this.#listen(socket, take) });
  }

  /** Closes whoever has not brought a header. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const socket of this.#waiting.keys()) socket.destroy();
  }

  #listen(socket: Socket, take: (source: Endpoint | undefined) => void): () => void {
    const { door, fence } = this.#deps;
    const end = () => {
      this.#forget(socket);
      socket.destroy();
    };
    const fencedTake = fence.around(door, take, end);
    let held: Buffer = Buffer.alloc(0);
    const read = () => {
      const chunk = socket.read() as Buffer | null;
      if (chunk === null) return;
      held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      try {
        const header = readProxyHeader(held);
        if (header === undefined) return;
        this.#forget(socket);
        if (header.length < held.length) socket.unshift(held.subarray(header.length));
        // When the stream has noticed that nobody reads any more, so that the next reader finds it as it was at first.
        process.nextTick(fencedTake, header.source);
      } catch (error) {
        if (!(error instanceof ProxyHeaderError)) throw error;
        this.#refuse(socket, `a connection of a proxy without a sound PROXY header: ${error.message}`);
      }
    };
    const readable = fence.around(door, read, end);
    const ended = () => this.#refuse(socket, 'a connection of a proxy that ended before its PROXY header');
    const closed = () => this.#forget(socket);
    socket.on('readable', readable);
    socket.on('end', ended);
    socket.on('close', closed);
    return () => {
      socket.off('readable', readable);
      socket.off('end', ended);
      socket.off('close', closed);
    };
  }

  #forget(socket: Socket): void {
    this.#waiting.get(socket)?.stop();
    this.#waiting.delete(socket);
  }

  #refuse(socket: Socket, why: string): void {
    this.#forget(socket);
    this.#deps.refused(socket, why);
    socket.destroy();
  }

  /** There is one timer while a header is awaited. A look comes after what the kernel has got was read. */
  #schedule(): void {
    const { clock, limits } = this.#deps;
    this.#time.look();
    this.#timer = clock.after(limits.sweepMs, () => clock.soon(() => this.#sweep()));
  }

  #sweep(): void {
    if (this.#timer === undefined) return;
    const dueMs = this.#time.look() - this.#deps.limits.handshakeMs;
    for (const [socket, { sinceMs }] of this.#waiting) {
      if (sinceMs > dueMs) break;
      this.#refuse(socket, 'a connection of a proxy without a PROXY header in time');
    }
    this.#timer = undefined;
    if (this.#waiting.size > 0) this.#schedule();
  }
}

import { ORIGINS_MAX, ORIGINS_PER_SERVER_MAX, TAKEN_MAX } from './limits.js';
import type { CommandRefused } from './peers.js';

/** What is known of one process that forwards. */
export interface KnownForwarder {
  /** It waits for nothing lower. */
  floor: number;
  /** Commands that were taken in this term: what was refused of them, or undefined. */
  readonly taken: Map<number, CommandRefused | undefined>;
  /** The server whose process it is. */
  readonly server: string;
}

/** Who is asked for. */
export interface ForwardedBy {
  readonly server: string;
  readonly incarnation: number;
  readonly floor: number;
}

/** The processes that have forwarded in one term, and which commands were taken of each: so each is taken once. */
export class Origins {
  /** By incarnation, in the order in which they came. */
  readonly #known = new Map<number, KnownForwarder>();

  get size(): number {
    return this.#known.size;
  }

  /** The process that sends, and waits for nothing below `floor`. Undefined: it is one too many. */
  of({ server, incarnation, floor }: ForwardedBy): KnownForwarder | undefined {
    const origin = this.#known.get(incarnation) ?? this.#add(server, incarnation);
    if (origin === undefined || origin.server !== server) return undefined;
    if (floor > origin.floor) {
      origin.floor = floor;
      for (const count of origin.taken.keys()) if (count < floor) origin.taken.delete(count);
    }
    return origin;
  }

  #add(server: string, incarnation: number): KnownForwarder | undefined {
    const older = [...this.#known].filter(([, origin]) => origin.server === server);
    if (older.length >= ORIGINS_PER_SERVER_MAX) this.#known.delete(older[0][0]);
    else if (this.#known.size >= ORIGINS_MAX) return undefined;
    const origin = { floor: 0, taken: new Map(), server };
    this.#known.set(incarnation, origin);
    return origin;
  }
}

/** Whether a process may have one more command taken. */
export function hasRoom({ taken }: KnownForwarder): boolean {
  return taken.size < TAKEN_MAX;
}

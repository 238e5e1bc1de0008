import { ROSTER_MAX } from './limits.js';

/** A process of a server that the leader does not hear. */
export interface UnheardServer {
  readonly name: string;
  /** By which the process is known; 0: it has said nothing. */
  readonly incarnation: number;
}

/** The process of a server that has gone, and until when it may renew sessions. */
interface Gone {
  readonly incarnation: number;
  readonly untilMs: number;
}

/**
 * Until when servers that the leader does not hear may have renewed sessions that it knows nothing of: any session, wherever it is at home.
 *
 * A process that comes back tells what it has renewed. One that has begun anew does not know what the one before it has renewed, which was
 * until then at most: a name has one process at a time. Of {@link ROSTER_MAX} servers each is known by its name; what is known of more of
 * them is their latest time.
 */
export class UnheardRenewals {
  /** For how long a server that is not heard may renew sessions. */
  readonly #forMs: number;
  /** Until when servers may that cannot take it back by what they tell. */
  #untilMs = Number.NEGATIVE_INFINITY;
  readonly #gone = new Map<string, Gone>();
  /** Until when, at the latest. It is asked for with each lease that is due. */
  #latestMs = Number.NEGATIVE_INFINITY;

  constructor(forMs: number) {
    this.#forMs = forMs;
  }

  /** Until when, at the latest. */
  get untilMs(): number {
    return this.#latestMs;
  }

  /** Servers were followers of the leader before: which processes they are is not known here. */
  begun(nowMs: number): void {
    this.#untilMs = nowMs + this.#forMs;
    this.#reckon();
  }

  /** A server is not heard any more. */
  gone({ name, incarnation }: UnheardServer, nowMs: number): void {
    const before = this.#gone.get(name);
    if (before !== undefined && before.incarnation !== incarnation) this.#keep(name, before);
    const [first] = this.#gone;
    if (first !== undefined && this.#gone.size >= ROSTER_MAX && !this.#gone.has(name)) this.#keep(...first);
    this.#gone.set(name, { incarnation, untilMs: nowMs + this.#forMs });
    this.#reckon();
  }

  /** A server is heard, and has told what it has renewed. */
  back({ name, incarnation }: UnheardServer, nowMs: number): void {
    const gone = this.#gone.get(name);
    if (gone === undefined) return;
    if (gone.incarnation === incarnation) this.#gone.delete(name);
    else this.#keep(name, { ...gone, untilMs: Math.min(gone.untilMs, nowMs) });
    this.#reckon();
  }

  #keep(name: string, { untilMs }: Gone): void {
    this.#gone.delete(name);
    this.#untilMs = Math.max(this.#untilMs, untilMs);
  }

  #reckon(): void {
    this.#latestMs = Math.max(this.#untilMs, ...[...this.#gone.values()].map(({ untilMs }) => untilMs));
  }
}

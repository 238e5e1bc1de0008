import type { Clock } from '../../base/clock.js';

/** Identities that are remembered for one connection: more than a gateway of a fleet has, and 1 MiB. */
const PER_CONNECTION_MAX = 16_384;
/** The same on all connections: one for each session there may be by default, 100 MiB. */
const IN_ALL_MAX = 1_048_576;
/** Least time between two searches of one connection for what has ended: of all that may be, one takes 30 ms. */
const SEARCH_MS = 1_000;
/** Where it does not matter on which connection somebody has shown itself. No connection has this name. */
const ANY = '';

/** What identities that have shown themselves stand on. */
export interface ShownIdentitiesDeps {
  readonly clock: Pick<Clock, 'nowMs'>;
  /** False: whoever has shown itself on one connection has on all. */
  readonly isByConnection: boolean;
}

interface OnConnection {
  /** Until when each counts, by the monotonic clock. */
  readonly untilMs: Map<string, number>;
  /** No entry has ended before. */
  searchAtMs: number;
}

/**
 * Which identities have shown themselves on which connections: by a proof that was verified there, which has no end, or by the word of
 * an authority or an issuer, which has. In the mode `required` a session's token is good on these only, so that whoever has read a token
 * cannot use it, and whom an issuer lets in no more has nothing of it.
 */
export class ShownIdentities {
  readonly #byConnection = new Map<string, OnConnection>();
  readonly #deps: ShownIdentitiesDeps;
  #count = 0;

  constructor(deps: ShownIdentitiesDeps) {
    this.#deps = deps;
  }

  /** How many are remembered. */
  get count(): number {
    return this.#count;
  }

  /**
   * An identity has shown itself on an open connection, and counts there until a time; of two times the later holds. False: there is no
   * room to remember it.
   */
  add(connection: string, uuid: string, untilMs = Number.POSITIVE_INFINITY): boolean {
    const name = this.#nameOf(connection);
    const known = this.#byConnection.get(name) ?? { untilMs: new Map(), searchAtMs: Number.POSITIVE_INFINITY };
    const before = known.untilMs.get(uuid);
    if (before === undefined && !this.#hasRoom(name, known)) return false;
    if (before === undefined) this.#count++;
    known.untilMs.set(uuid, Math.max(before ?? untilMs, untilMs));
    known.searchAtMs = Math.min(known.searchAtMs, untilMs);
    this.#byConnection.set(name, known);
    return true;
  }

  /** Whether an identity has shown itself on a connection, and still counts there. */
  has(connection: string, uuid: string): boolean {
    const untilMs = this.untilMs(connection, uuid);
    return untilMs !== undefined && untilMs > this.#deps.clock.nowMs();
  }

  /** Until when an identity counts on a connection, or did; undefined for one that has not shown itself. */
  untilMs(connection: string, uuid: string): number | undefined {
    return this.#byConnection.get(this.#nameOf(connection))?.untilMs.get(uuid);
  }

  /** The connection is closed; another one may get its name. */
  forget(connection: string): void {
    this.#count -= this.#byConnection.get(connection)?.untilMs.size ?? 0;
    this.#byConnection.delete(connection);
  }

  #nameOf(connection: string): string {
    return this.#deps.isByConnection ? connection : ANY;
  }

  #hasRoom(name: string, known: OnConnection): boolean {
    const isFull = () => this.#count >= IN_ALL_MAX || (name !== ANY && known.untilMs.size >= PER_CONNECTION_MAX);
    if (isFull()) this.#forgetEnded(known);
    return !isFull();
  }

  #forgetEnded(known: OnConnection): void {
    const nowMs = this.#deps.clock.nowMs();
    if (nowMs < known.searchAtMs) return;
    known.searchAtMs = nowMs + SEARCH_MS;
    for (const [uuid, untilMs] of known.untilMs) {
      if (untilMs > nowMs) continue;
      known.untilMs.delete(uuid);
      this.#count--;
    }
  }
}

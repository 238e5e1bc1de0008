import type { Clock } from '../../base/clock.js';

/** Waiting calls of one address: above the first nothing more is read from it, down to the second it is read again. */
const WAITING_MAX = 64;
const WAITING_MIN = 16;

/** A connection, as far as it is read. */
export interface ReadConnection {
  stopReading(): void;
  goOnReading(): void;
}

/**
 * Decides which connections are read, by address.
 *
 * What has been read cannot be put off: node:http2 reads 64 KiB of a connection at once, and makes a stream of every call in
 * them, hundreds, before other connections are served. So while too many calls of an address wait, none of its connections is
 * read. Once they are worked off, one connection is read in each turn of the event loop, the one that has waited longest. Other
 * addresses are then delayed by one such read, and not by one of each connection.
 */
export class Readings {
  readonly #clock: Pick<Clock, 'soon'>;
  readonly #byKey = new Map<string, Reading>();

  constructor(clock: Pick<Clock, 'soon'>) {
    this.#clock = clock;
  }

  /** A connection that has its turns by this key is read from now on, or when it may be. */
  join(key: string, reader: ReadConnection): Reading {
    const reading = this.#byKey.get(key) ?? this.#make(key);
    reading.join(reader);
    return reading;
  }

  /** How many addresses are known. */
  get size(): number {
    return this.#byKey.size;
  }

  #make(key: string): Reading {
    const made: Reading = new Reading(this.#clock, () => {
      if (this.#byKey.get(key) === made) this.#byKey.delete(key);
    });
    this.#byKey.set(key, made);
    return made;
  }
}

/** The connections of one address. */
export class Reading {
  readonly #clock: Pick<Clock, 'soon'>;
  /** Called when there is no connection, and no call waits. */
  readonly #emptied: () => void;
  readonly #read = new Set<ReadConnection>();
  /** Those that are not read, the one that has waited longest first; new ones before all others, for their handshakes. */
  readonly #fresh = new Set<ReadConnection>();
  readonly #held = new Set<ReadConnection>();
  #waiting = 0;
  #isPlanned = false;

  constructor(clock: Pick<Clock, 'soon'>, emptied: () => void) {
    this.#clock = clock;
    this.#emptied = emptied;
  }

  /** A connection is read from now on, or when it is its turn. */
  join(reader: ReadConnection): void {
    if (this.#waiting <= WAITING_MAX && !this.#isAnyHeld) {
      this.#read.add(reader);
      return;
    }
    this.#fresh.add(reader);
    reader.stopReading();
    this.#plan();
  }

  /** A connection is over, or about to be. Its waiting calls still count. */
  leave(reader: ReadConnection): void {
    for (const some of [this.#read, this.#fresh, this.#held]) some.delete(reader);
    this.#tidy();
  }

  /** A connection has a new call, which waits. */
  waits(reader: ReadConnection): void {
    this.#waiting++;
    // node:http2 resumes reading after it has written.
    if (this.#fresh.has(reader) || this.#held.has(reader)) reader.stopReading();
    if (this.#waiting <= WAITING_MAX) return;
    for (const one of this.#read) this.#hold(one);
  }

  /** A call that has waited does not wait any more. */
  goesOn(): void {
    this.#waiting--;
    this.#plan();
    this.#tidy();
  }

  /** Whether a connection is not read because others of its address are in front of it, or too much of it waits. */
  isHeld(reader: ReadConnection): boolean {
    return this.#fresh.has(reader) || this.#held.has(reader);
  }

  /** Reads no more from a connection in this turn of the event loop, because it has brought much. */
  rest(reader: ReadConnection): void {
    if (this.#read.has(reader)) this.#hold(reader);
    this.#plan();
  }

  get #isAnyHeld(): boolean {
    return this.#fresh.size + this.#held.size > 0;
  }

  #hold(reader: ReadConnection): void {
    this.#read.delete(reader);
    this.#held.add(reader);
    reader.stopReading();
  }

  #plan(): void {
    if (this.#isPlanned || this.#waiting > WAITING_MIN || !this.#isAnyHeld) return;
    this.#isPlanned = true;
    this.#clock.soon(() => {
      this.#isPlanned = false;
      if (this.#waiting > WAITING_MIN) return;
      const [next] = this.#fresh.size > 0 ? this.#fresh : this.#held;
      if (next === undefined) return;
      this.#fresh.delete(next);
      this.#held.delete(next);
      this.#read.add(next);
      next.goOnReading();
      this.#plan();
    });
  }

  #tidy(): void {
    if (this.#waiting === 0 && this.#read.size === 0 && !this.#isAnyHeld) this.#emptied();
  }
}

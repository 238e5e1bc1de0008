/**
 * Time, as the composition root hands it in: the real one, or a simulation's.
 *
 * Leases, deadlines and timers use `nowMs` (monotonic, from an arbitrary zero). `wallMs` is for what outlives a process or is
 * compared with a time from outside: the times in commands, by which keys and tickets end, the deadlines that calls bring, codes
 * and logins of the console, certificates, and what people read.
 */
export interface Clock {
  /** Monotonic milliseconds. */
  nowMs(): number;
  /** Milliseconds since 1970. May jump. */
  wallMs(): number;
  /** Calls once after `delayMs`. The timer never keeps the process alive by itself. */
  after(delayMs: number, call: () => void): Timer;
  /** Calls once when what is ready in this turn of the event loop has been handled. */
  soon(call: () => void): void;
}

/** A timer that can be taken back. */
export interface Timer {
  cancel(): void;
}

/** Randomness, as the composition root hands it in. */
export interface Random {
  /** Bytes that nobody can guess. */
  bytes(count: number): Uint8Array;
  /** A fraction in [0, 1), for jitter. */
  fraction(): number;
}

import type { Clock, Timer } from '../base/clock.js';

/** Sources that wait for their quota are looked at no more often: all channels are looked through each time. */
const LOOK_MS = 50;
/** For how long a quota adds up that is not used. */
const BURST_SECONDS = 1;

/** How fast a session may send. */
export interface RelayRate {
  /** Those that have one quota together: the sessions of one identity. */
  readonly holder: string;
  readonly bytesPerSecond: number;
}

/** How fast the policy lets a session send; undefined: as fast as it can. */
export type RateOf = (sid: number) => RelayRate | undefined;

/** What a holder may send now: less than nothing after a block that was larger than what was left. */
interface Credit {
  bytes: number;
  atMs: number;
  bytesPerSecond: number;
}

/**
 * Counts the bytes of a relay, and says which sources have sent as much as the policy lets them. Such a source is not read until its quota has
 * grown again, so that nothing is lost. Only those are remembered that have sent within the last seconds.
 */
export class RelayMeter {
  /** Bytes that have come from sources. */
  taken = 0;
  /** Bytes that sinks were given. */
  given = 0;
  readonly #clock: Clock;
  readonly #rateOf: RateOf;
  readonly #wake: () => void;
  readonly #credits = new Map<string, Credit>();
  #timer: Timer | undefined;

  /** `wake` is called when a quota may have grown. */
  constructor(clock: Clock, rateOf: RateOf, wake: () => void) {
    this.#clock = clock;
    this.#rateOf = rateOf;
    this.#wake = wake;
  }

  /** A source of this session has sent so many bytes. */
  took(bytes: number, sid: number): void {
    this.taken += bytes;
    const rate = this.#rateOf(sid);
    if (rate === undefined) return;
    this.#credit(rate).bytes -= bytes;
    this.#timer ??= this.#clock.after(LOOK_MS, () => this.#look());
  }

  /** A sink was given so many bytes. */
  gave(bytes: number): void {
    this.given += bytes;
  }

  /** Whether a session has sent as much as it may for now. */
  isSpent(sid: number): boolean {
    const rate = this.#rateOf(sid);
    return rate !== undefined && this.#credits.has(rate.holder) && this.#credit(rate).bytes <= 0;
  }

  /** Nothing is sent any more. */
  close(): void {
    this.#timer?.cancel();
  }

  #credit({ holder, bytesPerSecond }: RelayRate): Credit {
    const nowMs = this.#clock.nowMs();
    const known = this.#credits.get(holder);
    if (known !== undefined) return grown(known, nowMs, bytesPerSecond);
    const credit = { bytes: bytesPerSecond * BURST_SECONDS, atMs: nowMs, bytesPerSecond };
    this.#credits.set(holder, credit);
    return credit;
  }

  #look(): void {
    const nowMs = this.#clock.nowMs();
    for (const [holder, credit] of this.#credits) {
      const { bytes, bytesPerSecond } = grown(credit, nowMs, credit.bytesPerSecond);
      if (bytes >= bytesPerSecond * BURST_SECONDS) this.#credits.delete(holder);
    }
    this.#timer = this.#credits.size === 0 ? undefined : this.#clock.after(LOOK_MS, () => this.#look());
    this.#wake();
  }
}

/** A credit as it stands now, from where on it grows at this rate. */
function grown(credit: Credit, nowMs: number, bytesPerSecond: number): Credit {
  const more = ((nowMs - credit.atMs) / 1_000) * credit.bytesPerSecond;
  credit.bytes = Math.min(credit.bytes + more, bytesPerSecond * BURST_SECONDS);
  credit.atMs = nowMs;
  credit.bytesPerSecond = bytesPerSecond;
  return credit;
}

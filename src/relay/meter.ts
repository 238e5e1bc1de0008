import type { Clock, Timer } from '../base/clock.js';
import type { Change } from '../core/model/change.js';

/** Quotas are looked at no more often while sources wait for them. */
const LOOK_MS = 50;
/** For how long a quota adds up that is not used. */
const BURST_SECONDS = 1;
/** Changes after which rates may be others: they come from the policy, and from the roles and keys of an identity. */
export const RATE_CHANGES: ReadonlySet<Change['kind']> = new Set(['PolicyPut', 'IdentityPut', 'IdentityForgotten']);

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
  /** Sources that have asked while nothing was left, the one that was served last at the end. One leaves when it is served. */
  readonly waiting: Set<MeteredSource>;
}

/** What a meter asks of the channel that a source is of. */
export interface MeteredOwner {
  /** The quota may have grown. */
  wakeSource(): void;
  /** Its source is not read, as its quota is used up. */
  held(): void;
}

/** The source of a channel, as a {@link RelayMeter} knows it. */
export class MeteredSource {
  /** Where it waits, if it does. */
  waitsIn: Set<MeteredSource> | undefined;
  #rate: RelayRate | undefined;
  #version: number | undefined;

  constructor(
    readonly sid: number,
    readonly owner: MeteredOwner,
  ) {}

  /** Its rate, asked for once for each version: that takes microseconds, and each block asks several times. */
  rate(rateOf: RateOf, version: number): RelayRate | undefined {
    if (this.#version !== version) {
      this.#version = version;
      this.#rate = rateOf(this.sid);
    }
    return this.#rate;
  }
}

/**
 * Counts the bytes of a relay, and says which sources have sent as much as the policy lets them. Such a source is not read until its quota has
 * grown again, so that nothing is lost. Sources that share a quota have it in turn. Only those holders are remembered that have sent within
 * the last seconds.
 */
export class RelayMeter {
  /** Bytes that have come from sources. */
  taken = 0;
  /** Bytes that sinks were given. */
  given = 0;
  readonly #clock: Clock;
  readonly #rateOf: RateOf;
  /** Another one as soon as rates may be others. */
  #version = 0;
  readonly #credits = new Map<string, Credit>();
  #timer: Timer | undefined;

  constructor(clock: Clock, rateOf: RateOf) {
    this.#clock = clock;
    this.#rateOf = rateOf;
  }

  /** A source has sent so many bytes. */
  took(bytes: number, source: MeteredSource): void {
    this.taken += bytes;
    const rate = source.rate(this.#rateOf, this.#version);
    if (rate === undefined) return;
    const credit = this.#credit(rate);
    credit.bytes -= bytes;
    this.forget(source);
    this.#timer ??= this.#clock.after(LOOK_MS, () => this.#look());
  }

  /** A sink was given so many bytes. */
  gave(bytes: number): void {
    this.given += bytes;
  }

  /** Whether a source has sent as much as it may for now. Then its owner is woken when that is over. */
  isSpent(source: MeteredSource): boolean {
    if (this.#credits.size === 0) return false;
    const rate = source.rate(this.#rateOf, this.#version);
    if (rate === undefined || !this.#credits.has(rate.holder)) return false;
    const credit = this.#credit(rate);
    if (credit.bytes > 0) return false;
    source.waitsIn = credit.waiting.add(source);
    return true;
  }

  /** A source does not wait any more: it was served, or its channel is gone. */
  forget(source: MeteredSource): void {
    source.waitsIn?.delete(source);
    source.waitsIn = undefined;
  }

  /** Asks for all rates anew, after one of {@link RATE_CHANGES}. */
  renewRates(): void {
    this.#version++;
    if (this.#credits.size === 0) return;
    this.#clock.soon(() => {
      for (const { waiting } of this.#credits.values()) for (const { owner } of [...waiting]) owner.wakeSource();
    });
  }

  /** Nothing is sent any more. */
  close(): void {
    this.#timer?.cancel();
  }

  #credit({ holder, bytesPerSecond }: RelayRate): Credit {
    const nowMs = this.#clock.nowMs();
    const known = this.#credits.get(holder);
    if (known !== undefined) return grown(known, nowMs, bytesPerSecond);
    const credit = {
      bytes: bytesPerSecond * BURST_SECONDS,
      atMs: nowMs,
      bytesPerSecond,
      waiting: new Set<MeteredSource>(),
    };
    this.#credits.set(holder, credit);
    return credit;
  }

  #look(): void {
    const nowMs = this.#clock.nowMs();
    for (const [holder, credit] of this.#credits) {
      const { bytes, bytesPerSecond, waiting } = grown(credit, nowMs, credit.bytesPerSecond);
      if (bytes >= bytesPerSecond * BURST_SECONDS) this.#credits.delete(holder);
      for (const { owner } of [...waiting]) {
        owner.held();
        if (bytes > 0) owner.wakeSource();
      }
    }
    this.#timer = this.#credits.size === 0 ? undefined : this.#clock.after(LOOK_MS, () => this.#look());
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

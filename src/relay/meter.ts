import type { Clock, Timer } from '../base/clock.js';
import type { Change } from '../core/model/change.js';
import type { Fault } from '../core/model/fault.js';

/** Quotas are looked at no more often while sources wait for them. */
const LOOK_MS = 50;
/** For how long a quota adds up that is not used. */
const BURST_SECONDS = 1;
/** Changes after which rates may be others: they come from the policy, and from the roles and keys of an identity. */
export const RATE_CHANGES: ReadonlySet<Change['kind']> = new Set(['PolicyPut', 'IdentityPut', 'IdentityForgotten']);

/** What a session may send. */
export interface RelayQuota {
  /** Those that have one quota together: the sessions of one identity. */
  readonly holder: string;
  /** Undefined: as fast as it can. */
  readonly bytesPerSecond: number | undefined;
  /** Absent where a month has no bound. */
  readonly month?: MonthOfRelay;
}

/** What a holder sends in a month. */
export interface MonthOfRelay {
  /** Counts bytes. */
  add(bytes: number): void;
  /** Why it may send no more; undefined while it may. */
  refuse(): Fault | undefined;
}

/** What the policy lets a session send; undefined: all, and as fast as it can. */
export type QuotaOf = (sid: number) => RelayQuota | undefined;

/** What a holder may send now: less than nothing after a block that was larger than what was left. */
interface Credit {
  bytes: number;
  atMs: number;
  bytesPerSecond: number;
  /** Sources that have asked while nothing was left, the one that was served last at the end. One leaves when it is served. */
  readonly waiting: Set<MeteredRelaySource>;
}

/** What a meter asks of the channel that a source is of. */
export interface MeteredOwner {
  /** The quota may have grown. */
  wakeSource(): void;
  /** Its source is not read, as its quota is used up. */
  held(): void;
}

/** The source of a channel, as a {@link RelayMeter} knows it. */
export class MeteredRelaySource {
  /** Where it waits, if it does. */
  waitsIn: Set<MeteredRelaySource> | undefined;
  #quota: RelayQuota | undefined;
  #version: number | undefined;

  constructor(
    readonly sid: number,
    readonly owner: MeteredOwner,
  ) {}

  /** Its quota, asked for once for each version: that takes microseconds, and each block asks several times. */
  quota(quotaOf: QuotaOf, version: number): RelayQuota | undefined {
    if (this.#version !== version) {
      this.#version = version;
      this.#quota = quotaOf(this.sid);
    }
    return this.#quota;
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
  readonly #quotaOf: QuotaOf;
  /** Another one as soon as rates may be others. */
  #version = 0;
  readonly #credits = new Map<string, Credit>();
  #timer: Timer | undefined;

  constructor(clock: Clock, quotaOf: QuotaOf) {
    this.#clock = clock;
    this.#quotaOf = quotaOf;
  }

  /** A source has sent so many bytes. `ofMonth`: so many of them were not counted for its month before. */
  took(bytes: number, source: MeteredRelaySource, ofMonth: number): void {
    this.taken += bytes;
    const quota = source.quota(this.#quotaOf, this.#version);
    if (ofMonth > 0) quota?.month?.add(ofMonth);
    if (quota?.bytesPerSecond === undefined) return;
    const credit = this.#credit(quota.holder, quota.bytesPerSecond);
    credit.bytes -= bytes;
    this.forget(source);
    this.#timer ??= this.#clock.after(LOOK_MS, () => this.#look());
  }

  /** A sink was given so many bytes. */
  gave(bytes: number): void {
    this.given += bytes;
  }

  /** Whether a source has sent as much as it may for now. Then its owner is woken when that is over. */
  isSpent(source: MeteredRelaySource): boolean {
    if (this.#credits.size === 0) return false;
    const { holder = '', bytesPerSecond } = source.quota(this.#quotaOf, this.#version) ?? {};
    if (bytesPerSecond === undefined || !this.#credits.has(holder)) return false;
    const credit = this.#credit(holder, bytesPerSecond);
    if (credit.bytes > 0) return false;
    source.waitsIn = credit.waiting.add(source);
    return true;
  }

  /** Whether the month of a source has a bound. */
  hasMonth(source: MeteredRelaySource): boolean {
    return source.quota(this.#quotaOf, this.#version)?.month !== undefined;
  }

  /** Why a source may send no more in this month; undefined while it may. */
  refuse(source: MeteredRelaySource): Fault | undefined {
    return source.quota(this.#quotaOf, this.#version)?.month?.refuse();
  }

  /** A source does not wait any more: it was served, or its channel is gone. */
  forget(source: MeteredRelaySource): void {
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

  #credit(holder: string, bytesPerSecond: number): Credit {
    const nowMs = this.#clock.nowMs();
    const known = this.#credits.get(holder);
    if (known !== undefined) return grown(known, nowMs, bytesPerSecond);
    const credit = {
      bytes: bytesPerSecond * BURST_SECONDS,
      atMs: nowMs,
      bytesPerSecond,
      waiting: new Set<MeteredRelaySource>(),
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

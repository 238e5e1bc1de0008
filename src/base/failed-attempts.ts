import { addressKey } from './address.js';
import type { Clock } from './clock.js';

const MINUTE_MS = 60_000;

/** How many guesses an address has. */
export interface FailedAttemptsLimits {
  /** Of one address, in a minute. */
  readonly perMinuteMax: number;
  /** Addresses that are remembered; the one whose minute began first is forgotten first. */
  readonly addressesMax: number;
}

/** Counts the failed attempts of each address since its minute began, so that secrets cannot be guessed at speed. */
export class FailedAttempts {
  readonly #clock: Pick<Clock, 'nowMs'>;
  readonly #limits: FailedAttemptsLimits;
  readonly #byAddress = new Map<string, { readonly sinceMs: number; count: number }>();

  constructor(clock: Pick<Clock, 'nowMs'>, limits: FailedAttemptsLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Whether an address has failed too often to try again now. */
  isBarred(address: string): boolean {
    const key = addressKey(address);
    const tries = this.#byAddress.get(key);
    if (tries === undefined) return false;
    if (this.#clock.nowMs() - tries.sinceMs < MINUTE_MS) return tries.count >= this.#limits.perMinuteMax;
    this.#byAddress.delete(key);
    return false;
  }

  /** An address has failed. */
  count(address: string): void {
    const key = addressKey(address);
    const tries = this.#byAddress.get(key);
    if (tries !== undefined) {
      tries.count++;
      return;
    }
    if (this.#byAddress.size >= this.#limits.addressesMax) {
      const [oldest] = this.#byAddress.keys();
      this.#byAddress.delete(oldest);
    }
    this.#byAddress.set(key, { sinceMs: this.#clock.nowMs(), count: 1 });
  }
}

import type { Clock } from '../base/clock.js';
import { RENDEZVOUS_LIMITS, type RendezvousLimits } from './limits.js';

/**
 * The addresses from which somebody has lately completed a TCP connection to the rendezvous, so that nobody can have
 * made them up. What a datagram comes from proves nothing.
 *
 * Bounded by count and by age: the oldest is forgotten first.
 */
export class ObservedAddresses {
  /** When each was last seen, the one that was seen longest ago first. */
  readonly #seenMs = new Map<string, number>();

  constructor(
    private readonly clock: Clock,
    private readonly limits: Pick<RendezvousLimits, 'observedMs' | 'addressesMax'> = RENDEZVOUS_LIMITS,
  ) {}

  /** Somebody is at this address, in the spelling of `addressText`. */
  saw(host: string): void {
    this.#seenMs.delete(host);
    this.#seenMs.set(host, this.clock.nowMs());
    if (this.#seenMs.size <= this.limits.addressesMax) return;
    const [oldest] = this.#seenMs.keys();
    this.#seenMs.delete(oldest);
  }

  has(host: string): boolean {
    const seenMs = this.#seenMs.get(host);
    return seenMs !== undefined && this.clock.nowMs() - seenMs <= this.limits.observedMs;
  }
}

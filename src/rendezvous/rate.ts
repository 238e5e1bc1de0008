import { addressKey } from '../base/address.js';
import type { RendezvousLimits } from './limits.js';

/** What a bucket holds, and as of when. */
interface Bucket {
  tokens: number;
  atMs: number;
}

/**
 * How often an address, and everybody together, may ask.
 *
 * Token buckets in a table of bounded size: the address that was quiet for longest goes first, and by then its bucket
 * is full again unless the table is being flooded. A flood that pushes others out only makes them look new; what it
 * can have answered in all is bounded by the bucket of everybody.
 */
export class AddressRate {
  readonly #limits: RendezvousLimits;
  readonly #buckets = new Map<string, Bucket>();
  readonly #total: Bucket;

  constructor(limits: RendezvousLimits, nowMs: number) {
    this.#limits = limits;
    this.#total = { tokens: limits.totalBurst, atMs: nowMs };
  }

  /** How many addresses are remembered. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Takes one request of this address; false when it is one too many. */
  take(host: string, nowMs: number): boolean {
    const { addressRate, addressBurst, addressesMax, totalRate, totalBurst } = this.#limits;
    const key = addressKey(host);
    const bucket = this.#buckets.get(key) ?? { tokens: addressBurst, atMs: nowMs };
    // Set anew, so that the order of the map is the order of the last request.
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > addressesMax) this.#buckets.delete(this.#buckets.keys().next().value!);
    refill(bucket, addressRate, addressBurst, nowMs);
    refill(this.#total, totalRate, totalBurst, nowMs);
    if (bucket.tokens < 1 || this.#total.tokens < 1) return false;
    bucket.tokens -= 1;
    this.#total.tokens -= 1;
    return true;
  }
}

function refill(bucket: Bucket, ratePerSecond: number, burst: number, nowMs: number): void {
  bucket.tokens = Math.min(burst, bucket.tokens + ((nowMs - bucket.atMs) * ratePerSecond) / 1_000);
  bucket.atMs = nowMs;
}

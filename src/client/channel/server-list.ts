import { parseGrpcAddress } from '../../base/address.js';
import type { Random } from '../../base/clock.js';
import { LIMITS } from '../limits.js';

/**
 * The addresses at which a client may find its network, those that it was given and those that servers told it.
 *
 * What servers tell now comes first. Other addresses are asked last and stay: where all servers have moved at once, what was told is
 * stale, and one of the given addresses may be the only way back.
 */
export class ServerList {
  readonly #given: readonly string[];
  #told: readonly string[] = [];
  /** Told earlier, the latest last. */
  readonly #earlier = new Set<string>();

  constructor(given: readonly string[]) {
    this.#given = [...new Set(given)];
  }

  /** How many addresses are known. */
  get size(): number {
    return new Set([...this.#given, ...this.#told, ...this.#earlier]).size;
  }

  /**
   * Takes what a server has told, as far as it is HOST:PORT. Nothing: it knows of no addresses, and those that are known stay as they
   * are.
   */
  learn(servers: readonly string[]): void {
    const addresses = servers.filter(isHostAndPort);
    if (addresses.length === 0) return;
    for (const address of this.#told) {
      this.#earlier.delete(address);
      this.#earlier.add(address);
    }
    this.#told = [...new Set(addresses)].slice(0, LIMITS.serversMax);
    for (const address of this.#earlier) {
      if (this.#earlier.size <= LIMITS.serversMax) break;
      this.#earlier.delete(address);
    }
  }

  /** An address to go to, any of the best that were not tried; undefined: all were. */
  pick(tried: ReadonlySet<string>, random: Random): string | undefined {
    for (const addresses of [this.#told, this.#given, [...this.#earlier]]) {
      const fresh = addresses.filter((address) => !tried.has(address));
      if (fresh.length > 0) return fresh[Math.floor(random.fraction() * fresh.length)];
    }
    return undefined;
  }
}

function isHostAndPort(address: string): boolean {
  try {
    parseGrpcAddress(address);
    return true;
  } catch {
    return false;
  }
}

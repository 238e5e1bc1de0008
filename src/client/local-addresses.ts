import { networkInterfaces } from 'node:os';
import type { Clock, Timer } from '../base/clock.js';

/** How often the addresses are looked at while somebody waits for one to go: it takes some 50 µs, and a second is soon enough. */
const LOOK_MS = 1_000;

/** The addresses of this machine at the moment. */
export function machineAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((entries = []) => entries.map(({ address }) => address));
}

/**
 * Says when this machine has lost an address: what was connected from there is dead, and no kernel says so. Looks only while somebody
 * waits.
 */
export class LocalAddresses {
  readonly #waiting = new Map<() => void, string>();
  #timer: Timer | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly list: () => readonly string[] = machineAddresses,
  ) {}

  /** Calls once when the address is gone. One that this machine does not have now, such as any address, is not waited for. */
  whenGone(address: string, gone: () => void): () => void {
    if (!this.list().includes(address)) return () => {};
    this.#waiting.set(gone, address);
    this.#timer ??= this.clock.after(LOOK_MS, () => this.#look());
    return () => {
      this.#waiting.delete(gone);
      if (this.#waiting.size > 0) return;
      this.#timer?.cancel();
      this.#timer = undefined;
    };
  }

  #look(): void {
    this.#timer = undefined;
    const there = new Set(this.list());
    const lost = [...this.#waiting].filter(([, address]) => !there.has(address));
    for (const [gone] of lost) this.#waiting.delete(gone);
    if (this.#waiting.size > 0) this.#timer = this.clock.after(LOOK_MS, () => this.#look());
    for (const [gone] of lost) gone();
  }
}

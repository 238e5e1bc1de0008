import type { Carrier } from './carrier.js';

/**
 * Paths that the peer may yet move to: that of the attempt under way, and of three before it. The peer may have taken one whose MOVED is
 * still on its way as the next attempt is ordered. One that it has not taken it closes, and this end's closes with it; a hostile peer may
 * keep all open instead, and fill the window of each.
 */
export const OFFERS_MAX = 4;

/** The direct paths of attempts, found or still looked for, until the peer has moved to one of them. */
export class Offers {
  readonly #paths = new Map<number, Promise<Carrier | undefined>>();
  /** The attempt whose path this end writes on already. */
  #used: number | undefined;

  /**
   * An attempt is under way. Another path of the same one takes the place of that before. Of more than {@link OFFERS_MAX} the oldest is
   * closed that is not in use.
   */
  add(attempt: number, path: Promise<Carrier | undefined>): void {
    if (attempt === this.#used) {
      closeFound(path);
      return;
    }
    if (this.#paths.get(attempt) !== path) this.#close(attempt);
    this.#paths.set(attempt, path);
    const oldest = [...this.#paths.keys()].find((number) => number !== this.#used);
    if (this.#paths.size > OFFERS_MAX && oldest !== undefined) this.#close(oldest);
  }

  /** This end's way goes over the path of an attempt, which the peer may yet move to. */
  use(attempt: number): void {
    this.#used = attempt;
  }

  /** The path of an attempt; undefined when it has found none, or is not known. */
  async of(attempt: number): Promise<Carrier | undefined> {
    return this.#paths.get(attempt);
  }

  /** The peer has moved to the path of an attempt, which is in use from here on. It moves once, so that all others are closed. */
  settle(attempt: number): void {
    this.#paths.delete(attempt);
    this.closeAll();
  }

  /** All paths, which are their taker's to close. */
  takeAll(): Promise<Carrier | undefined>[] {
    const all = [...this.#paths.values()];
    this.#paths.clear();
    this.#used = undefined;
    return all;
  }

  closeAll(): void {
    for (const attempt of [...this.#paths.keys()]) this.#close(attempt);
  }

  #close(attempt: number): void {
    const path = this.#paths.get(attempt);
    if (path !== undefined) closeFound(path);
    this.#paths.delete(attempt);
  }
}

function closeFound(path: Promise<Carrier | undefined>): void {
  void path.then((found) => found?.close());
}

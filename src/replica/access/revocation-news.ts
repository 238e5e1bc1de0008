import type { Clock, Timer } from '../../base/clock.js';

/**
 * For how long after it knows that it cannot read the log a server goes on with those who had to prove who they are, but for a last look. It
 * knows that after 8.5 s at most, so that an identity that was revoked meanwhile is served for 30 s at most.
 */
export const UNHEARD_MS_MAX = 20_000;

/** How long a last look at the log may take: of a process that was stopped the time is over before it has read what came meanwhile. */
const LAST_LOOK_MS = 1_000;

/**
 * Says when a server has not heard for so long what was revoked that it must not serve anybody any more, and when it hears of it again.
 * Revocations come by the log alone: a server that reads it and hears of none that leads has heard of all that there are.
 */
export class RevocationNews {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #changed: (isHeard: boolean) => void;
  #isHeard = true;
  #timer: Timer | undefined;

  constructor(clock: Pick<Clock, 'after'>, changed: (isHeard: boolean) => void) {
    this.#clock = clock;
    this.#changed = changed;
  }

  /** Whether it has heard lately what was revoked. */
  get isHeard(): boolean {
    return this.#isHeard;
  }

  /** The server reads the log to its end, or cannot. The same may be said again. */
  current(isCurrent: boolean): void {
    if (!isCurrent) {
      this.#timer ??= this.#clock.after(UNHEARD_MS_MAX, () => this.#lookOnceMore());
      return;
    }
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#set(true);
  }

  #lookOnceMore(): void {
    this.#timer = this.#clock.after(LAST_LOOK_MS, () => this.#set(false));
  }

  #set(isHeard: boolean): void {
    if (isHeard === this.#isHeard) return;
    this.#isHeard = isHeard;
    this.#changed(isHeard);
  }
}

import type { Clock, Timer } from '../../base/clock.js';

/**
 * For how long after it knows that it is cut off a server goes on with those who had to prove who they are. It knows that after 8 s at most,
 * so that nobody who was revoked meanwhile is served for longer than 30 s.
 */
export const UNHEARD_MS_MAX = 22_000;

/** Says when a server has not heard for so long what was revoked that it must not serve anybody any more, and when it hears of it again. */
export class RevocationNews {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #changed: (isHeard: boolean) => void;
  #isHeard = true;
  #timer: Timer | undefined;

  constructor(clock: Pick<Clock, 'after'>, changed: (isHeard: boolean) => void) {
    this.#clock = clock;
    this.#changed = changed;
  }

  /** The server can be told of revocations, or cannot. The same may be said again. */
  inTouch(isInTouch: boolean): void {
    if (!isInTouch) {
      this.#timer ??= this.#clock.after(UNHEARD_MS_MAX, () => this.#set(false));
      return;
    }
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#set(true);
  }

  #set(isHeard: boolean): void {
    if (isHeard === this.#isHeard) return;
    this.#isHeard = isHeard;
    this.#changed(isHeard);
  }
}

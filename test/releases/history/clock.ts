import { ManualClock } from '../../../harness/manual-clock.js';

/**
 * A clock whose timers fire when the history says so, while the server's turns are those of the real event loop.
 *
 * Sessions, orders and idle streams then expire at the same command in every run of one seed.
 */
export class HistoryClock extends ManualClock {
  #isHeld = false;

  override soon(call: () => void): void {
    if (this.#isHeld) super.soon(call);
    else setImmediate(call);
  }

  /** Puts off the end of the turn, so that all commands that arrive before {@link release} are one batch. */
  hold(): void {
    this.#isHeld = true;
  }

  /** Ends the turn that {@link hold} put off. */
  release(): void {
    this.#isHeld = false;
    this.turn();
  }
}

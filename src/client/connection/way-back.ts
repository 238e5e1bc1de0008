import type { Clock, Timer } from '../../base/clock.js';
import { asError } from '../../base/errors.js';
import { CONNECTION_TIMES } from '../../core/model/connection-times.js';
import type { CarriedDuplex } from '../carrier/carried-duplex.js';

/** The way of one end's stream back to the relay, after its direct path has died. */
export class WayBack {
  /** Runs from the loss until the relay is ordered. */
  #waiting: Timer | undefined;
  #opening = new AbortController();

  constructor(private readonly clock: Clock) {}

  /** This end has found the path dead. True: `ask` has asked the server for the relay, and `giveUp` is called unless it is ordered in time. */
  askFor(ask: () => Promise<unknown> | undefined, giveUp: () => void): boolean {
    const asked = ask();
    if (asked === undefined) return false;
    const giveUpWaiting = () => this.#waiting === waiting && giveUp();
    const waiting = this.clock.after(CONNECTION_TIMES.returnMs, giveUpWaiting);
    this.#waiting = waiting;
    asked.catch(giveUpWaiting);
    return true;
  }

  /**
   * Opens the relay that is ordered, instead of one that was ordered before. False: another order came meanwhile, or the stream has closed.
   * Destroys the stream when the relay cannot be opened.
   */
  async open(duplex: CarriedDuplex, open: (signal: AbortSignal) => Promise<void>): Promise<boolean> {
    this.stop('the relay was ordered once more');
    const opening = new AbortController();
    this.#opening = opening;
    try {
      await open(opening.signal);
      return !opening.signal.aborted;
    } catch (error) {
      if (opening.signal.aborted) return false;
      duplex.destroy(asError(error));
      throw error;
    }
  }

  /** Neither the order to relay nor its opening is waited for any more. */
  stop(why: string): void {
    this.#waiting?.cancel();
    this.#waiting = undefined;
    this.#opening.abort(new Error(why));
  }
}

import type { Clock, Timer } from '../../base/clock.js';
import { CONNECTION_TIMES } from '../../core/model/connection-times.js';
import type { CarriedDuplex } from '../carrier/carried-duplex.js';

/** The way of one end's stream back to the relay, after its direct path has died. */
export class WayBack {
  /** Runs from the loss until another path, or the relay, is ordered. */
  #waiting: Timer | undefined;
  #opening = new AbortController();
  /** What this end's path died of, until the relay is open. */
  #loss: Error | undefined;

  constructor(private readonly clock: Clock) {}

  /** This end has lost the path. True: `ask` has asked the server for the relay, and `giveUp` is called unless it is ordered in time. */
  askFor(loss: Error, ask: () => Promise<unknown> | undefined, giveUp: () => void): boolean {
    const asked = ask();
    if (asked === undefined) return false;
    this.#loss = loss;
    asked.catch(this.#waitFor(CONNECTION_TIMES.returnMs, giveUp));
    return true;
  }

  /** Leaves a path that the peer does not have. The stream waits for another one, or for the relay, while the server may still order it. */
  leave(duplex: CarriedDuplex): void {
    const read = duplex.leave({ isPeers: false });
    if (read > 0) duplex.destroy(new Error('the peer has sent on a path that it says it does not have'));
    else this.#waitFor(CONNECTION_TIMES.pendingMs, () => duplex.destroy(new Error('no other path has come in time')));
  }

  /** Calls `late` after so long, or once what this returns is called, unless the wait is over by then. */
  #waitFor(ms: number, late: () => void): () => void {
    this.#waiting?.cancel();
    const end = () => {
      if (this.#waiting !== waiting) return;
      waiting.cancel();
      this.#waiting = undefined;
      late();
    };
    const waiting = this.clock.after(ms, end);
    this.#waiting = waiting;
    return end;
  }

  /**
   * Opens the relay that is ordered, instead of one that was ordered before. False: another order came meanwhile, or the stream has closed.
   * Destroys the stream when the relay cannot be opened: with what the path died of, as the stream has failed of that.
   */
  async open(duplex: CarriedDuplex, open: (signal: AbortSignal) => Promise<void>): Promise<boolean> {
    this.stop('the relay was ordered once more');
    const opening = new AbortController();
    this.#opening = opening;
    try {
      await open(opening.signal);
      if (opening.signal.aborted) return false;
      this.#loss = undefined;
      return true;
    } catch (cause) {
      if (opening.signal.aborted) return false;
      const peers = 'the peer has lost the direct path, and the way through the server could not be opened again';
      duplex.destroy(this.#loss ?? new Error(peers, { cause }));
      throw cause;
    }
  }

  /** Neither the order to relay nor its opening is waited for any more. */
  stop(why: string): void {
    this.#waiting?.cancel();
    this.#waiting = undefined;
    this.#opening.abort(new Error(why));
  }
}

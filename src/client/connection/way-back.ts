import type { Timer } from '../../base/clock.js';
import { CONNECTION_TIMES } from '../../core/model/connection-times.js';
import type { CarriedDuplex } from '../carrier/carried-duplex.js';
import type { BrokeredDesk, NamedConnection } from './brokered-desk.js';

type WayBackDesk = Pick<BrokeredDesk, 'clock' | 'isPunching' | 'askToReturn'>;

/** What this end knows of a path that it has lost. */
interface LostPath {
  /** Whether the server gives the relay again. */
  readonly mayReturn: boolean;
  /** Whether the peer may never have had it. */
  readonly mayBeAlone: boolean;
}

/** The way of one end's stream back to the relay, after its direct path has died. */
export class WayBack {
  /** Runs from the loss until another path, or the relay, is ordered. */
  #waiting: Timer | undefined;
  #opening = new AbortController();
  /** What this end's path died of, until the relay is open. */
  #loss: Error | undefined;

  constructor(
    private readonly desk: WayBackDesk,
    private readonly connection: NamedConnection,
  ) {}

  /**
   * This end has lost the path. True: something else is waited for, and `giveUp` is called unless it is ordered in time. That is the relay,
   * for which the server is asked; or another attempt, where the server has not heard of the path from both ends: a report of the loss would
   * end the connection then.
   */
  lost(loss: Error, { mayReturn, mayBeAlone }: LostPath, giveUp: () => void): boolean {
    const ask = () => mayReturn && this.#askToReturn(loss, giveUp);
    return mayBeAlone ? this.#whenDecided(() => ask() || giveUp()) : ask();
  }

  #askToReturn(loss: Error, giveUp: () => void): boolean {
    const asked = this.desk.askToReturn(this.connection);
    if (asked === undefined) return false;
    this.#loss = loss;
    asked.catch(this.#waitFor(CONNECTION_TIMES.returnMs, giveUp));
    return true;
  }

  /** Calls `decided` once no other attempt is ordered: both ends have had the path, the server cannot say, or it is late. False: there is no session. */
  #whenDecided(decided: () => void): boolean {
    const first = this.desk.isPunching(this.connection);
    if (first === undefined) return false;
    const end = this.#waitFor(CONNECTION_TIMES.decidedMs, decided);
    const waiting = this.#waiting;
    const askAgain = () => this.#waiting === waiting && hear(this.desk.isPunching(this.connection));
    const hear = async (asked: Promise<boolean> | undefined): Promise<void> => {
      if (await asked?.catch(() => false)) this.desk.clock.after(CONNECTION_TIMES.decidedRetryMs, askAgain);
      else end();
    };
    void hear(first);
    return true;
  }

  /** Leaves a path that the peer does not have. The stream waits for another one, or for the relay, while the server may still order it. */
  leave(duplex: CarriedDuplex): void {
    const used = duplex.leave({ isPeers: false });
    if (used > 0) duplex.destroy(new Error('the peer has used a path that it says it does not have'));
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
    const waiting = this.desk.clock.after(ms, end);
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

import type { Caller } from '../channel/caller.js';
import { LIMITS } from '../limits.js';
import { askForChallenge } from './proof.js';

/**
 * Asks the server every hour for the pins of its authorities, as long as the caller lives: a client that stays connected for months would
 * not hear of the next authority before it is used.
 */
export function askForPins(caller: Caller): void {
  const { clock, life } = caller;
  const ask = () =>
    void askForChallenge(caller, life)
      .catch(() => undefined) // It is asked again in an hour.
      .then(() => {
        if (!life.aborted) timer = clock.after(LIMITS.pinsMs, ask);
      });
  let timer = clock.after(LIMITS.pinsMs, ask);
  life.addEventListener('abort', () => timer.cancel(), { once: true });
}

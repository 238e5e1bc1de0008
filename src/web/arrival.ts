import type { Clock, Timer } from '../base/clock.js';

/** What bounds how long the body of a request may take to arrive. */
export interface ArrivalDeps {
  readonly clock: Pick<Clock, 'after' | 'soon'>;
  readonly arrivalMs: number;
  /** Whether the client waits for the server: what it has sent is not read, or not parsed. */
  readonly isHeld: () => boolean;
}

/** How often it is looked in that time whether the server waits for the client. */
const LOOKS = 10;

/**
 * Calls `late` when the server has waited for the client so long. Time in which the client waits for the server does not count:
 * the answers before this one are not over or not taken, or it is another address's turn. Nor does time in which the
 * process stood still: a look that comes late counts as one, and comes after what the kernel has got meanwhile was read.
 */
export function boundArrival({ clock, arrivalMs, isHeld }: ArrivalDeps, late: () => void): Timer {
  let looksLeft = LOOKS;
  let isOver = false;
  const wait = () => clock.after(arrivalMs / LOOKS, () => clock.soon(look));
  const look = () => {
    if (isOver) return;
    if (!isHeld()) looksLeft--;
    if (looksLeft === 0) late();
    else timer = wait();
  };
  let timer = wait();
  return {
    cancel: () => {
      isOver = true;
      timer.cancel();
    },
  };
}

import type { Clock, Timer } from './clock.js';

/**
 * Does `work` within `ms`: its signal fires when they have passed, or when `signal` fires. Settles as `work` does, which has to
 * heed the signal. The timer is gone when the work is: `AbortSignal.timeout` would take time from the machine.
 */
export async function within<Result>(
  clock: Clock,
  ms: number,
  work: (signal: AbortSignal) => Promise<Result>,
  signal?: AbortSignal,
): Promise<Result> {
  const late = new AbortController();
  const timer = clock.after(ms, () => late.abort(new DOMException(`not done in ${ms} ms`, 'TimeoutError')));
  try {
    return await work(signal === undefined ? late.signal : AbortSignal.any([late.signal, signal]));
  } finally {
    timer.cancel();
  }
}

/** Calls every `ms` until it is cancelled, which the call itself may do. */
export function every(clock: Clock, ms: number, call: () => void): Timer {
  let timer: Timer;
  const again = (): void => {
    timer = clock.after(ms, () => {
      // Before the call, so that the call can cancel the next one.
      again();
      call();
    });
  };
  again();
  return { cancel: () => timer.cancel() };
}

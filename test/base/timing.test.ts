import { describe, expect, it, jest } from '@jest/globals';
import { ManualClock } from '../../harness/manual-clock.js';
import { every, within } from '../../src/base/timing.js';

/** Rejects with the reason of a signal once it fires. */
const heeds = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
  });

describe('work within a time', () => {
  it('is given up when the time of the clock has passed, and not before', async () => {
    const clock = new ManualClock();
    const late = jest.fn();
    const doing = within(clock, 1_000, heeds).catch(late);
    clock.advance(999);
    await Promise.resolve();
    expect(late).not.toHaveBeenCalled();
    clock.advance(1);
    await doing;
    expect(late).toHaveBeenCalledWith(
      expect.objectContaining({ name: 'TimeoutError', message: 'not done in 1000 ms' }),
    );
  });

  it('is given up for the reason of a signal, and is over when the signal has fired before', async () => {
    const clock = new ManualClock();
    const giveUp = new AbortController();
    const doing = within(clock, 1_000, heeds, giveUp.signal);
    giveUp.abort(new Error('not wanted any more'));
    await expect(doing).rejects.toThrow('not wanted any more');
    await within(clock, 1_000, async ({ aborted }) => expect(aborted).toBe(true), giveUp.signal);
  });

  it('leaves no timer, whether it was done or failed', async () => {
    const cancel = jest.fn();
    const clock = Object.assign(new ManualClock(), { after: () => ({ cancel }) });
    expect(await within(clock, 1_000, async () => 7)).toBe(7);
    await expect(within(clock, 1_000, () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
    expect(cancel).toHaveBeenCalledTimes(2);
  });
});

describe('a call that is repeated', () => {
  it('comes once for each time that has passed, until it is cancelled, also from within', () => {
    const clock = new ManualClock();
    const call = jest.fn();
    const ticks = every(clock, 100, call);
    clock.advance(99);
    expect(call).toHaveBeenCalledTimes(0);
    clock.advance(251);
    expect(call).toHaveBeenCalledTimes(3);
    ticks.cancel();
    clock.advance(1_000);
    expect(call).toHaveBeenCalledTimes(3);
    const once = jest.fn(() => stop.cancel());
    const stop = every(clock, 100, once);
    clock.advance(1_000);
    expect(once).toHaveBeenCalledTimes(1);
  });
});

import { getEventListeners } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../../harness/manual-clock.js';
import { Scope, wait } from '../../../src/client/instance/scope.js';

const listenersOf = (signal: AbortSignal) => getEventListeners(signal, 'abort').length;

describe('a scope', () => {
  it('ends with the first of its parents, for that one’s reason', () => {
    const [a, b] = [new AbortController(), new AbortController()];
    const scope = new Scope(a.signal, undefined, b.signal);
    b.abort('b');
    a.abort('a');
    expect(scope.signal.reason).toBe('b');
  });

  it('is aborted from the start under a parent that is', () => {
    const live = new AbortController();
    const scope = new Scope(live.signal, AbortSignal.abort('before'));
    expect(scope.signal.reason).toBe('before');
    expect(listenersOf(live.signal)).toBe(0);
  });

  it('leaves nothing on its parents once it is released or aborted', () => {
    const parent = new AbortController();
    const [released, aborted] = [new Scope(parent.signal), new Scope(parent.signal)];
    expect(listenersOf(parent.signal)).toBe(2);
    released.release();
    aborted.abort('mine');
    expect(listenersOf(parent.signal)).toBe(0);
    parent.abort('parent');
    expect(released.signal.aborted).toBe(false);
    expect(aborted.signal.reason).toBe('mine');
  });

  it('may be followed by thousands without a warning of a leak', async () => {
    const warnings: Error[] = [];
    const warn = (warning: Error) => void warnings.push(warning);
    process.on('warning', warn);
    const program = new AbortController();
    const scope = new Scope(program.signal);
    const calls = Array.from({ length: 2_000 }, () => new Scope(program.signal, scope.signal));
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', warn);
    expect(warnings).toEqual([]);
    program.abort('over');
    expect(calls.every((call) => call.signal.reason === 'over')).toBe(true);
  });
});

describe('waiting', () => {
  it('lasts as long as the clock says, and leaves nothing on the signal', async () => {
    const clock = new ManualClock();
    const { signal } = new AbortController();
    let over = false;
    const waiting = wait(clock, 100, signal).then(() => (over = true));
    await clock.pass(99);
    expect(over).toBe(false);
    await clock.pass(1);
    await waiting;
    expect(listenersOf(signal)).toBe(0);
  });

  it('ends at once with its signal, and takes its timer back', async () => {
    const clock = new ManualClock();
    const controller = new AbortController();
    const waiting = wait(clock, 100, controller.signal);
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await expect(wait(clock, 100, controller.signal)).rejects.toThrow('enough');
    expect(clock.pending).toBe(0);
  });
});

import { setMaxListeners } from 'node:events';
import type { Clock } from '../../base/clock.js';

/**
 * An AbortController that also follows other signals, and lets go of them when it is released.
 *
 * `AbortSignal.any` would keep a listener on a long-lived parent for as long as the parent lives; a client that makes
 * a call a second for a year cannot afford that.
 */
export class Scope {
  readonly #controller = new AbortController();
  readonly #parents: AbortSignal[] = [];

  constructor(...parents: readonly (AbortSignal | undefined)[]) {
    // As many listeners as there are calls under way: more than ten are no leak here, because each is taken back.
    setMaxListeners(0, this.signal);
    for (const parent of parents) {
      if (!parent) continue;
      if (parent.aborted) {
        this.abort(parent.reason);
        return;
      }
      setMaxListeners(0, parent);
      parent.addEventListener('abort', this.#follow);
      this.#parents.push(parent);
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Aborts what runs under this scope. The first reason stands. */
  abort(reason: unknown): void {
    this.release();
    this.#controller.abort(reason);
  }

  /** Stops following the parents. What runs under this scope goes on. */
  release(): void {
    for (const parent of this.#parents.splice(0)) parent.removeEventListener('abort', this.#follow);
  }

  readonly #follow = (event: Event): void => this.abort((event.target as AbortSignal).reason);
}

/** What a promise comes to that others wait for, too. Rejects with the signal's reason, at once: they wait on. */
export function unlessAborted<Result>(shared: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const aborted = () => reject(signal.reason);
    const release = () => signal.removeEventListener('abort', aborted);
    if (signal.aborted) aborted();
    else signal.addEventListener('abort', aborted, { once: true });
    shared.then(resolve, reject).finally(release);
  });
}

/** Waits on the clock. Rejects with the signal's reason, at once. */
export function wait(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const aborted = () => {
      timer.cancel();
      reject(signal.reason);
    };
    const timer = clock.after(delayMs, () => {
      signal.removeEventListener('abort', aborted);
      resolve();
    });
    signal.addEventListener('abort', aborted, { once: true });
  });
}

import { randomBytes } from 'node:crypto';
import type { Clock, Random } from '../clock.js';

/** The machine's own time. Its timers keep nothing alive: what must go on holds the channel. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(delayMs, call) {
    const timer = setTimeout(call, delayMs).unref();
    return { cancel: () => clearTimeout(timer) };
  },
  soon: (call) => void setImmediate(call),
};

/** The machine's own randomness. */
export const systemRandom: Random = {
  bytes: (count) => randomBytes(count),
  fraction: () => Math.random(),
};

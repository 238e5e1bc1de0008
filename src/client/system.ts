import { randomBytes, randomFillSync } from 'node:crypto';
import type { Clock, Random } from '../base/clock.js';

/** The longest delay that Node's timers know: one that is longer fires at once. Longer ones are counted in steps. */
const TIMER_MS_MAX = 2_147_483_647;

/** The machine's own time. Its timers keep nothing alive: what must go on holds the channel. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(delayMs, call) {
    let timer: NodeJS.Timeout;
    const wait = (leftMs: number) => {
      const stepMs = Math.min(leftMs, TIMER_MS_MAX);
      timer = setTimeout(leftMs > stepMs ? () => wait(leftMs - stepMs) : call, stepMs).unref();
    };
    wait(delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
  soon: (call) => void setImmediate(call),
};

/** Asking the system for random bytes costs the same for 24 as for thousands; a session's token takes 24. */
const POOL_BYTES = 4_096;

/**
 * Random bytes, drawn from the system many at a time. What was handed out is wiped from the pool, so that it does not hold
 * secrets longer than their owners do.
 */
function pooledBytes(): Random['bytes'] {
  const pool = Buffer.alloc(POOL_BYTES);
  let used = POOL_BYTES;
  return (count) => {
    if (count > POOL_BYTES) return randomBytes(count);
    if (used + count > POOL_BYTES) {
      randomFillSync(pool);
      used = 0;
    }
    const bytes = Buffer.from(pool.subarray(used, used + count));
    pool.fill(0, used, used + count);
    used += count;
    return bytes;
  };
}

/** The machine's own randomness. */
export const systemRandom: Random = {
  bytes: pooledBytes(),
  fraction: () => Math.random(),
};

// Loaded into a server before it (node --expose-gc --import probe.mjs), so that a bench can ask what only the process
// itself knows. The same for every server that is measured with it.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

/** What the event loop is looked at with: a timer that should fire once in so many milliseconds. */
const RESOLUTION_MS = 1;
const PERCENTILES = [50, 75, 90, 95, 99, 99.5, 99.9, 99.95, 99.99, 100];

let delays;

const ANSWERS = {
  /** Memory once everything is collected that can be, in bytes. */
  async memory() {
    for (let round = 0; round < 4; round++) {
      globalThis.gc();
      await sleep(50);
    }
    const { rss, heapUsed, external } = process.memoryUsage();
    return { residentBytes: rss, heldBytes: heapUsed + external };
  },
  beginStalls() {
    delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    delays.enable();
  },
  /** How late the loop came since then, in ms: percentiles of its turns, the timer's own span taken off. */
  endStalls() {
    delays.disable();
    return PERCENTILES.map((percent) => [percent, Math.max(0, delays.percentile(percent) / 1e6 - RESOLUTION_MS)]);
  },
};

process.on('message', async ({ id, question }) => process.send({ id, answer: await ANSWERS[question]() }));

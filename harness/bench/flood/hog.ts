/*
 * Uses as much of one core as it is told, and nothing else: what a flood is compared with.
 *
 *   node --import ./harness/typescript.mjs harness/bench/flood/hog.ts
 *
 * It works and rests as orders.ts says.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { obey } from './orders.js';

/** It lets orders in so often at least. */
const BURN_MS_MAX = 20;

/** The order under way; undefined while it rests. */
let current: { readonly cpuShare: number } | undefined;

/** Uses CPU whenever it has used less than its share since it began. */
async function burn(order: { readonly cpuShare: number }): Promise<void> {
  const fromMs = performance.now();
  const before = process.cpuUsage();
  while (current === order) {
    const isBehind = () => {
      const { user, system } = process.cpuUsage(before);
      return (user + system) / 1_000 < order.cpuShare * (performance.now() - fromMs);
    };
    const untilMs = performance.now() + BURN_MS_MAX;
    while (performance.now() < untilMs && isBehind());
    await sleep(1);
  }
}

obey({
  go(cpuShare) {
    current = { cpuShare };
    void burn(current);
  },
  rest() {
    current = undefined;
    return {};
  },
});

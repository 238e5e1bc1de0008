/*
 * Uses one core and nothing else, at least not for longer than a bench could take: what a flood is compared with.
 *
 *   node --import ./harness/typescript.mjs harness/bench/flood/hog.ts
 */
const LONGEST_MS = 600_000;

console.log('begun');
// Lets a signal end it.
const turn = () => {
  const untilMs = performance.now() + 20;
  while (performance.now() < untilMs);
  if (performance.now() < LONGEST_MS) setImmediate(turn);
};
turn();

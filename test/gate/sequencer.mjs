import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { default as jestSequencer } from '@jest/test-sequencer';

// Under Node's own loader a CommonJS module's default is the whole of its exports.
const Sequencer = jestSequencer.default ?? jestSequencer;

/** How long each slow test file took in some run of the gate, in s. What is not in it is quick. Figures that are out of date only cost time. */
const SECONDS = JSON.parse(readFileSync(new URL('./seconds.json', import.meta.url), 'utf8'));
const QUICK_S = 2;

/**
 * Deals the test files out to the parts of a run, so that all take the same time, and begins each part with its slowest: else one of two
 * workers waits at the end of a part for the other, a minute at worst. Jest knows durations only from runs before, which a clean
 * checkout has not.
 */
export default class LongestFirst extends Sequencer {
  shard(tests, { shardIndex, shardCount }) {
    const parts = Array.from({ length: shardCount }, () => ({ seconds: 0, tests: [] }));
    for (const test of this.sort(tests)) {
      const least = parts.reduce((one, other) => (other.seconds < one.seconds ? other : one));
      least.tests.push(test);
      least.seconds += secondsOf(test);
    }
    return parts[shardIndex - 1].tests;
  }

  sort(tests) {
    return [...tests].sort((a, b) => secondsOf(b) - secondsOf(a) || (a.path < b.path ? -1 : 1));
  }
}

function secondsOf(test) {
  return SECONDS[relative(test.context.config.rootDir, test.path)] ?? QUICK_S;
}

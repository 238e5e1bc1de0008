import { describe, expect, it } from '@jest/globals';
import { readinessOf } from '../../src/cluster/readiness.js';

describe('whether clients should come to a follower', () => {
  it.each([
    ['ready', 'hears the leader and reads the log', true, true, true],
    ['behind', 'hears the leader and cannot read the log', true, false, true],
    ['behind', 'reads who leads in the log and does not hear of that server', false, true, true],
    ['leaderless', 'reads in the log that nobody leads', false, true, false],
    ['leaderless', 'hears neither of a leader nor of the log', false, false, true],
  ] as const)('%s: it %s', (readiness, _what, isHeard, isCurrent, isLed) => {
    expect(readinessOf({ isHeard, isCurrent, isLed })).toBe(readiness);
  });
});

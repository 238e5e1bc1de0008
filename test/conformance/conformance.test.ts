import { describe, expect, it } from '@jest/globals';
import { readCases } from '../../conformance/runner/case.js';
import { play } from '../../conformance/runner/player.js';
import { TESTEES } from '../../conformance/testees/plans.js';
import { IS_LONG } from '../long.js';

const CASES = readCases().filter(({ smoke = false }) => IS_LONG || smoke);

describe.each(TESTEES)('the $name client', (plan) => {
  it.each(CASES)('$name', async (one) => {
    const missing = await plan.missing();
    if (missing !== undefined) {
      console.log(`${plan.name}: not run: ${missing}`);
      return;
    }
    const outcome = await play(one, plan);
    if (outcome.kind === 'skipped')
      console.log(`${plan.name}: skipped: ${one.name}: it cannot ${outcome.lacks.join(', ')}`);
    expect(outcome.kind === 'failed' ? outcome.problem : '').toBe('');
  });
});

import { describe, it } from '@jest/globals';

/** Whether this run has an hour: `npm run test:all` sets it. `npm test` has fifteen minutes on two slow cores. */
export const IS_LONG = process.env.GATE_LONG_TESTS === '1';

const nothing = () => {};
/** `it` and `describe` in a run that has an hour. Otherwise they leave nothing behind: what is left out on purpose is not skipped. */
export const itLong = (IS_LONG ? it : nothing) as typeof it;
export const describeLong = (IS_LONG ? describe : nothing) as typeof describe;

/** All cases in a run that has an hour. Otherwise the first of each `oneOf`, so that each family of a list is tried. */
export function sampleOf<Case>(cases: readonly Case[], oneOf: number): readonly Case[] {
  return IS_LONG ? cases : cases.filter((_, at) => at % oneOf === 0);
}

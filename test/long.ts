/** Whether this run has an hour: `npm run test:all` sets it. `npm test` has fifteen minutes on two slow cores. */
export const IS_LONG = process.env.GATE_LONG_TESTS === '1';

/** All cases in a run that has an hour. Otherwise the first of each `oneOf`, so that each family of a list is tried. */
export function sampleOf<Case>(cases: readonly Case[], oneOf: number): readonly Case[] {
  return IS_LONG ? cases : cases.filter((_, at) => at % oneOf === 0);
}

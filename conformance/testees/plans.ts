import type { TesteePlan } from '../runner/testee.js';

const TYPESCRIPT: TesteePlan = {
  name: 'TypeScript',
  command: [
    process.execPath,
    '--no-warnings',
    '--import',
    './harness/typescript.mjs',
    'conformance/testees/typescript.ts',
  ],
  missing: async () => undefined,
};

/** Every testee, in the order of the columns. */
export const TESTEES: readonly TesteePlan[] = [TYPESCRIPT];

/** @type {import('jest').Config} */
export default {
  // Node's own, which also tells the gate what memory it took.
  testEnvironment: './test/gate/environment.mjs',
  testSequencer: './test/gate/sequencer.mjs',
  // The program that tests run as a process.
  globalSetup: './test/gate/program.mjs',
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1', '^switchyard/client$': '<rootDir>/src/client/index.ts' },
  transform: { '\\.ts$': ['@swc/jest', { jsc: { target: 'es2022', parser: { syntax: 'typescript' } } }] },
  // Enough for a machine that does other things at the same time; what takes longer hangs.
  testTimeout: 240_000,
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  testPathIgnorePatterns: [
    // Too long for every run: `npm run test:all` has them (test/gate/steps.mjs).
    ...(process.env.GATE_LONG_TESTS === '1'
      ? []
      : ['<rootDir>/test/console/views/', '<rootDir>/test/web/browser.test.ts', '<rootDir>/test/sdk/go-peers.test.ts']),
    // They need programs that only `npm run test:all` installs.
    ...(process.env.GATE_EXTRA_PROGRAMS === '1'
      ? []
      : ['<rootDir>/test/deploy/prometheus.test.ts', '<rootDir>/test/cli/words/completion-shells.test.ts']),
  ],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.nodes/'],
};

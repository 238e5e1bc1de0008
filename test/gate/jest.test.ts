import { describe, expect, it } from '@jest/globals';
import { countTests } from './jest.mjs';

const clean = {
  numFailedTests: 0,
  numPassedTests: 7,
  numPendingTests: 0,
  numRuntimeErrorTestSuites: 0,
  numTodoTests: 0,
  numTotalTests: 7,
};

describe('what the gate makes of a run of jest', () => {
  it('counts what passed and what failed', () => {
    expect(countTests(clean, undefined)).toMatchObject({ passed: 7, failed: 0 });
    const mixed = { ...clean, numFailedTests: 2, numPassedTests: 5 };
    expect(countTests(mixed, 'jest ended with status 1')).toMatchObject({ passed: 5, failed: 2 });
  });

  it('counts a file that did not load as a failure', () => {
    const broken = { ...clean, numRuntimeErrorTestSuites: 1 };
    expect(countTests(broken, 'jest ended with status 1')).toMatchObject({ passed: 7, failed: 1 });
  });

  it('counts a crash as a failure, with or without a report', () => {
    expect(countTests(undefined, 'jest was ended by SIGSEGV')).toMatchObject({ passed: 0, failed: 1 });
    expect(countTests(clean, 'jest ended with status 1')).toMatchObject({ passed: 7, failed: 1 });
  });

  it('counts skipped tests neither way, and says how many there were', () => {
    expect(countTests({ ...clean, numPendingTests: 2, numTotalTests: 9 }, undefined)).toEqual({
      passed: 7,
      failed: 0,
      said: expect.stringMatching(/^2 tests were skipped: /),
    });
  });

  it('counts having no tests, or none that ran, as a failure', () => {
    const skipped = { ...clean, numPassedTests: 0, numPendingTests: 7 };
    expect(countTests(skipped, undefined)).toMatchObject({ passed: 0, failed: 1 });
    const none = { ...clean, numPassedTests: 0, numTotalTests: 0 };
    expect(countTests(none, undefined)).toMatchObject({ passed: 0, failed: 1 });
  });
});

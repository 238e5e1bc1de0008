import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './command.mjs';

/** A run that takes longer than this hangs: with two cores to itself it needs some minutes. */
const JEST_LIMIT_MS = 40 * 60_000;

/** Runs every test, with jest's own progress on the screen, and counts from its report. */
export async function runJest() {
  const folder = await mkdtemp(join(tmpdir(), 'switchyard-jest-'));
  const reportFile = join(folder, 'report.json');
  try {
    const ending = await jestEnding(reportFile);
    const report = await readFile(reportFile, 'utf8').then(JSON.parse, () => undefined);
    return countTests(report, ending);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** How jest ended, in words; undefined when it ended well. */
function jestEnding(reportFile) {
  const args = ['--experimental-vm-modules', '--no-warnings', join(ROOT, 'node_modules/jest/bin/jest.js')];
  // Standard output gets the report once more with --json; the progress goes to standard error.
  const child = spawn(process.execPath, [...args, '--json', '--maxWorkers=100%', `--outputFile=${reportFile}`], {
    cwd: ROOT,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const limit = setTimeout(() => child.kill('SIGKILL'), JEST_LIMIT_MS);
  return new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) => {
      clearTimeout(limit);
      if (signal) resolve(`jest was ended by ${signal} (its limit is ${JEST_LIMIT_MS / 60_000} min)`);
      else resolve(code === 0 ? undefined : `jest ended with status ${code}`);
    });
  });
}

/**
 * What a report of jest amounts to. A file that did not even load counts as one failure, and so do a test that is yet to
 * be written and a bad ending that no failure explains. Tests that this machine cannot run count neither way, and are never passed over in silence.
 */
export function countTests(report, ending) {
  if (report === undefined) return { passed: 0, failed: 1, said: `jest left no report: ${ending ?? 'for no reason'}` };
  const skipped = report.numPendingTests;
  const counted = report.numFailedTests + report.numRuntimeErrorTestSuites + report.numTodoTests;
  const said = [];
  if (skipped > 0) said.push(`${skipped} tests were skipped: see the lines "not checked" above for what is missing`);
  const isEmpty = report.numTotalTests - skipped === 0;
  if (isEmpty) said.push('there are no tests');
  if (ending !== undefined && counted === 0) said.push(ending);
  const unexplained = counted === 0 && (ending !== undefined || isEmpty) ? 1 : 0;
  return { passed: report.numPassedTests, failed: counted + unexplained, said: said.join('\n') };
}

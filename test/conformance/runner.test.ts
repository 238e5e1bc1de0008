import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { readCases } from '../../conformance/runner/case.js';
import { difference, resolve } from '../../conformance/runner/match.js';
import { select } from '../../conformance/runner/select.js';
import { countOf, markdownTable, replaceTable } from '../../conformance/runner/table.js';
import { type TesteePlan, TesteeProcess } from '../../conformance/runner/testee.js';
import { TESTEES } from '../../conformance/testees/plans.js';

/** More than the runner takes to begin on a busy machine. */
const END_MS = 60_000;
const KEPT = new Map([['cvid', 7]]);

/** A testee that is a few lines of JavaScript. */
function testee(script: string): TesteeProcess {
  const plan: TesteePlan = { name: 'fake', command: [process.execPath, '-e', script], missing: async () => undefined };
  return new TesteeProcess(plan, '127.0.0.1:1');
}

const SAYS = `const say = (message) => process.stdout.write(JSON.stringify(message) + '\\n');
  say({ testee: 'fake', can: ['join'] });
  require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
    const { seq, do: command } = JSON.parse(line);
    if (command === 'tell') for (const event of ['x', 'y', 'x']) say({ event, as: 'a', seen: true });
    if (command === 'die') process.exit(3);
    say(command === 'fail' ? { seq, error: { reason: 'NO' } } : { seq, ok: { done: command } });
  });`;

describe('a case', () => {
  it('has steps that are known, and needs that a testee of the suite can meet', () => {
    const kinds = ['do', 'event', 'never', 'server', 'path', 'visitor'];
    const needs = [
      ...['join', 'orders', 'replica', 'streams', 'calls', 'proof', 'relayed', 'direct', 'network'],
      ...['closed', 'moves', 'servers'],
    ];
    for (const { name, needs: wanted, steps } of readCases()) {
      for (const step of steps)
        expect([name, kinds.filter((kind) => kind in step)]).toEqual([name, [expect.anything()]]);
      expect([name, wanted.filter((need) => !needs.includes(need))]).toEqual([name, []]);
    }
  });

  it('has a row in the table of the README, which has a column for each testee', () => {
    const readme = readFileSync('conformance/README.md', 'utf8');
    const rows = readme.split('\n').map((line) => line.split('|').map((cell) => cell.trim()));
    const columns = rows.find(([, first]) => first === 'case');
    expect(columns).toEqual(['', 'case', ...TESTEES.map(({ name }) => name), '']);
    const marked = rows.filter(([, , mark = '']) => ['✓', '–', '✗'].includes(mark)).map(([, name]) => name);
    expect(marked).toEqual(readCases().map(({ name }) => name));
  });

  it('finds what was kept, and refuses a name under which nothing was', () => {
    expect(resolve({ a: ['$cvid', 'x'] }, KEPT)).toEqual({ a: [7, 'x'] });
    expect(() => resolve('$sid', KEPT)).toThrow('nothing was kept as $sid');
  });

  it.each([
    [{ a: 1, b: 2 }, { a: 1 }, undefined],
    [{ a: 1 }, { a: 2 }, 'it.a is 1, not 2'],
    [{}, { a: 2 }, 'it.a is undefined, not 2'],
    [{ a: 7 }, { a: { $not: 7 } }, 'it.a is 7, and should not be'],
    [{ a: 8 }, { a: { $not: 7 } }, undefined],
    [{ a: [1, 2] }, { a: [1] }, 'it.a is [1,2], not [1]'],
    [{ a: [1, 2] }, { a: { $count: 2 } }, undefined],
    [{ a: [1, 2] }, { a: { $count: 3 } }, 'how many it.a has is 2, not 3'],
    [{ a: 2 }, { a: { $count: 2 } }, 'how many it.a has is undefined, not 2'],
    [{ a: 5 }, { a: { $between: [5, 6] } }, undefined],
    [{ a: 4.9 }, { a: { $between: [5, 6] } }, 'it.a is 4.9, not from 5 to 6'],
    [{ a: 7 }, { a: { $between: [5, 6] } }, 'it.a is 7, not from 5 to 6'],
    [{}, { a: { $between: [5, 6] } }, 'it.a is undefined, not from 5 to 6'],
    [{ a: [1, 2] }, { a: [1, 3] }, 'it.a[1] is 2, not 3'],
  ])('holds %j against %j', (actual, wanted, problem) => {
    expect(difference(actual, wanted)).toBe(problem);
  });
});

describe('the options of the runner', () => {
  const plans = ['TypeScript', 'Python'].map((name) => ({ name, command: [], missing: async () => undefined }));
  const cases = ['joins late', 'leaves'].map((name) => ({ name, needs: [], steps: [] }));
  const chosen = (wanted: Parameters<typeof select>[2]) => {
    const { plans: testees, cases: played } = select(plans, cases, wanted);
    return [testees.map(({ name }) => name), played.map(({ name }) => name)];
  };

  it('choose testees and cases by a part of the name, in either case of letters, and all without one', () => {
    expect(chosen({})).toEqual([
      ['TypeScript', 'Python'],
      ['joins late', 'leaves'],
    ]);
    expect(chosen({ testee: 'python', case: 'JOINS' })).toEqual([['Python'], ['joins late']]);
  });

  it('are refused with the names that there are when they choose nothing', () => {
    expect(() => chosen({ testee: 'rust' })).toThrow(
      '--testee rust: there is no such testee, only:\n  TypeScript\n  Python',
    );
    expect(() => chosen({ case: 'flies' })).toThrow(
      '--case flies: there is no such case, only:\n  joins late\n  leaves',
    );
  });
});

it(
  'ends when its counts are printed, whatever is still open then',
  async () => {
    const isOpen = 'data:text/javascript,setInterval(() => {}, 1_000)';
    const imports = [isOpen, './harness/typescript.mjs'].flatMap((one) => ['--import', one]);
    const args = [...imports, 'conformance/run.ts', '--testee', 'go', '--case', 'joins and is seen', '--markdown'];
    // Without a PATH there is no Go, so that nothing is played.
    const ended = promisify(execFile)(process.execPath, args, { env: { PATH: '' }, timeout: END_MS });
    expect((await ended).stdout).toBe('| case |\n| --- |\n| joins and is seen by others |\n');
  },
  2 * END_MS,
);

describe('a testee', () => {
  it('says what it can do, carries out commands and refuses them', async () => {
    const process = testee(SAYS);
    expect(await process.can).toEqual(['join']);
    expect(await process.command({ do: 'this' })).toEqual({ done: 'this' });
    await expect(process.command({ do: 'fail' })).rejects.toMatchObject({ fields: { reason: 'NO' } });
    expect(await process.close()).toBeUndefined();
  });

  it('says why it lacks what a case needs, where it knows', async () => {
    const process = testee(`console.log('{"testee":"fake","can":["join"],"cannot":{"fly":"it has no wings"}}')`);
    expect(await process.lacks(['join', 'fly', 'swim'])).toEqual(['fly (it has no wings)', 'swim']);
    await process.close();
  });

  it('is asked for its events in the order in which it told them', async () => {
    const process = testee(SAYS);
    await process.can;
    await process.command({ do: 'tell' });
    expect(await process.event('y', 'a', 1_000)).toMatchObject({ seen: true });
    expect(await process.event('x', 'b', 50)).toBeUndefined();
    expect(await process.event('x', 'a', 1_000)).toBeDefined();
    expect(await process.event('x', 'a', 50)).toBeUndefined();
    await process.close();
  });

  it('that dies leaves its commands without an answer, and is told of', async () => {
    const process = testee(SAYS);
    await process.can;
    await expect(process.command({ do: 'die' })).rejects.toThrow('it ended');
    expect(await process.close()).toContain('ended with 3');
    await expect(testee('process.exit(4)').can).rejects.toThrow('the testee ended');
  });
});

it('tells what came of cases as a table and as counts', () => {
  const cases = [
    { name: 'one', needs: [], steps: [] },
    { name: 'two', needs: [], steps: [] },
  ];
  const outcomes = [{ kind: 'passed' }, { kind: 'skipped', lacks: ['join'] }] as const;
  expect(markdownTable(cases, new Map([['TypeScript', outcomes]]))).toBe(
    ['| case | TypeScript |', '| --- | --- |', '| one | ✓ |', '| two | – |'].join('\n'),
  );
  expect(countOf(outcomes)).toBe('1 passed, 1 skipped, 0 failed');
});

it('writes the table and the counts of a run into a document that has others, and into no document without one', () => {
  const cases = [{ name: 'one', needs: [], steps: [] }];
  const results = new Map([['TypeScript', [{ kind: 'passed' }] as const]]);
  const written =
    'a\n\n| case | TypeScript |\n| --- | --- |\n| one | ✓ |\n\nTypeScript: 1 passed, 0 skipped, 0 failed.\n\nb\n';
  for (const before of ['', '\nTypeScript: 0 passed, 0 skipped, 1 failed.\n'])
    expect(replaceTable(`a\n\n| case | X |\n|---|---|\n| one | ✗ |\n${before}\nb\n`, cases, results)).toBe(written);
  expect(() => replaceTable('a\n', cases, results)).toThrow('there is no table of cases');
});

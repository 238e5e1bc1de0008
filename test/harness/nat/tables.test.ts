import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Result, type Round, RoundFile } from '../../../harness/nat/round.js';
import { cellText, quantile, tablesOf, wilson } from '../../../harness/nat/tables.js';

const direct = (tookMs: number): Result => ({ path: 'direct', tookMs });
const relayed = (tookMs: number): Result => ({ path: 'relayed', tookMs });

function round(number: number, tcp: Result, udp: Result, b: 'none' | 'edm' = 'none'): Round {
  return { a: 'edm', b, condition: 'no loss', round: number, tcp, udp };
}

describe('the rounds of a matrix', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'switchyard-rounds-'));
    path = join(folder, 'rounds.jsonl');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('are there again when a run is continued, but for a line that was not written to its end', () => {
    const rounds = [round(1, direct(1), direct(2)), round(2, direct(3), { path: 'failed', error: 'no' })];
    new RoundFile(path).add(rounds[0]!);
    appendFileSync(path, '{"a":"edm","b":"no');
    const continued = new RoundFile(path);
    expect(continued.rounds).toEqual([rounds[0]]);
    continued.add(rounds[1]!);
    expect(new RoundFile(path).rounds).toEqual(rounds);
  });
});

describe('the tables of a matrix', () => {
  it('say of each cell how often which way it went, and the median and p95 of the times', () => {
    const times = Array.from({ length: 20 }, (_, at) => direct(at + 1));
    expect(cellText(times)).toBe('direct 20: 10 / 19');
    expect(cellText([direct(5), relayed(7), { path: 'failed', error: 'no' }])).toBe(
      'direct 1, relayed 1, failed 1: 5 / 7',
    );
    expect(cellText([{ path: 'failed', error: 'no' }])).toBe('failed 1');
    expect(cellText([])).toBe('');
  });

  it('count as success what is direct where theory allows it, and no other cell', () => {
    const allowed = [round(1, direct(1), direct(1)), round(2, direct(1), relayed(1))];
    const text = tablesOf([...allowed, round(1, relayed(9), relayed(9), 'edm')], ['no loss']);
    expect(text).toContain('3 of 4 connections were direct:\n75.0 ± 25.0 %');
    expect(text).toContain('Where it does not, 2 of 2 were relayed.');
    expect(text).toContain('| **edm** | direct 2: 1 / 1 |  |  | relayed 1: 9 / 9 |');
  });

  it('give quantiles that were measured', () => {
    expect([0, 0.5, 0.95, 1].map((part) => quantile([30, 10, 20, 40], part))).toEqual([10, 20, 40, 40]);
  });

  // 81 of 263: the example of E. B. Wilson's interval in Newcombe (1998), table I.
  it("give Wilson's interval of a rate, also where nothing failed", () => {
    expect(wilson(81, 263).map((rate) => rate.toFixed(4))).toEqual(['0.2553', '0.3662']);
    const [low, high] = wilson(20, 20);
    expect(low).toBeCloseTo(0.8389, 4);
    expect(high).toBeCloseTo(1, 9);
  });
});

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { drawn } from '../../../harness/bench/report/drawn.js';
import { GOALS } from '../../../harness/bench/report/goals.js';
import { findResult, performancePage } from '../../../harness/bench/report/page.js';
import { refreshedReadme } from '../../../harness/bench/report/readme.js';
import { linear, logarithmic, plain, steps } from '../../../harness/bench/report/scale.js';
import { readResults } from '../../../harness/bench/results.js';

const FOLDER = fileURLToPath(new URL('../../../docs/performance', import.meta.url));

describe('docs/performance.md', () => {
  const parts = readResults(join(FOLDER, 'results.json'));
  const plots = drawn(parts);

  it('and its plots are what npm run bench:report makes of the results', () => {
    expect(readFileSync(`${FOLDER}.md`, 'utf8')).toBe(performancePage(parts, plots));
    for (const { file, svg } of plots) expect(readFileSync(join(FOLDER, file), 'utf8')).toBe(svg);
    const readme = readFileSync(join(FOLDER, '../../README.md'), 'utf8');
    expect(readme).toBe(refreshedReadme(readme, parts));
    const drawings = readdirSync(FOLDER).filter((file) => file.endsWith('.svg'));
    expect(drawings.sort()).toEqual(plots.map(({ file }) => file).sort());
  });

  it.each(GOALS)('finds the figure of $bench for "$what"', (goal) => {
    const part = parts.find(({ bench }) => bench === goal.bench);
    if (part !== undefined && part.failed === undefined) expect(findResult(goal, parts)).toBeDefined();
  });
});

describe('a scale', () => {
  it('begins at 0 and ends at a round number above the greatest', () => {
    const { at, ticks } = linear([3, 874]);
    expect(ticks.map(({ label }) => label)).toEqual(['0', '200', '400', '600', '800', '1000']);
    expect(at(500)).toBe(0.5);
  });

  it('by powers of ten holds all values, and what has no logarithm at its begin', () => {
    const { at, ticks } = logarithmic([0, 0.02, 30]);
    expect(ticks.map(({ label }) => label)).toEqual(['0.01', '0.1', '1', '10', '100']);
    expect([at(0), at(0.01), at(1), at(100)]).toEqual([0, 0, 0.5, 1]);
  });

  it('by steps gives the last percentiles as much room as the first', () => {
    const { at } = steps([50, 90, 99, 99.9, 100]);
    expect([at(50), at(99), at(100)]).toEqual([0, 0.5, 1]);
  });

  it('is labelled without exponents and without digits that say nothing', () => {
    expect([0, 0.000123, 0.05, 1.5, 12.34, 345.6, 1_234_567].map(plain)).toEqual([
      '0',
      '0.00012',
      '0.05',
      '1.5',
      '12.3',
      '346',
      '1,234,567',
    ]);
  });
});

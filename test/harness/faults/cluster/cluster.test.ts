import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { ClusterGround } from '../../../../harness/faults/cluster/ground.js';
import { tableOf } from '../../../../harness/faults/cluster/report.js';
import { STRIKES } from '../../../../harness/faults/cluster/strikes.js';
import { emptyResult, longestGap } from '../../../../harness/faults/cluster/trial.js';
import { itLong } from '../../../long.js';

const LIMIT_MS = 900_000;
const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

const lacks = ClusterGround.lacks();
if (lacks) process.stderr.write(`not checked: ${lacks}\n`);

(lacks ? describe.skip : describe)('three servers over three members of etcd', () => {
  const strikes = STRIKES.map(({ name }) => name);

  // Minutes: what several servers do is tried in every run by test/server/several-servers.test.ts.
  itLong(
    `keep their word while these go wrong: ${strikes.join(', ')}`,
    async () => {
      const args = ['--no-warnings', '--import', './harness/typescript.mjs', 'harness/faults/run.ts', 'cluster'];
      const child = spawn(process.execPath, [...args, ...strikes, '--rounds', '1', '--seed', '7', '--json'], {
        cwd: ROOT,
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      let said = '';
      child.stdout.on('data', (bytes) => (said += bytes));
      await once(child, 'close');
      const { found, commands, results } = JSON.parse(said);
      expect(found).toEqual([]);
      expect(commands).toBeGreaterThan(20);
      expect(results).toHaveLength(strikes.length);
    },
    LIMIT_MS,
  );
});

describe('the report of strikes', () => {
  it('fits a terminal of 80 columns, also with large figures', () => {
    const findings = { lost: 12_345, doubled: 12_345, disordered: 12_345, expired: 12_345 };
    const large = { times: 99_999, answered: 9_999_999, unknown: 999_999, silenceMs: 119_999, backMs: 119_999 };
    const lines = tableOf([{ ...emptyResult('member'), ...large, findings }]).split('\n');
    expect(lines.every(({ length }) => length <= 80)).toBe(true);
    expect(lines[1]).toContain('120.0');
  });

  it('finds the longest silence, also before the first answer and after the last', () => {
    expect(longestGap(0, [10, 15, 45], 60)).toBe(30);
    expect(longestGap(0, [50], 60)).toBe(50);
    expect(longestGap(0, [10], 100)).toBe(90);
  });
});

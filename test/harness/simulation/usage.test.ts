import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const at = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));

describe('npm run simulate', () => {
  it.each([
    ['--seeds 3 --hours 1', /^--seeds and --hours both say how many worlds/],
    ['--hours 0', /^--hours 0 is no number above 0/],
    ['--hours 1 --servers 3', /^--servers does not go with --hours$/m],
    ['--servers 3 --follow', /^--servers does not go with --follow$/m],
    ['--servers 3 --minutes 1 --shrink --etcd', /^--servers does not go with --shrink, --etcd$/m],
    ['--networks --shrink', /^--networks does not go with --shrink$/m],
    ['--networks --servers 3', /^--networks does not go with --servers$/m],
    ['--plan seed-7.json --seed 7', /^--plan does not go with --seed$/m],
    ['--mutations --faults flags', /^--mutations does not go with --faults$/m],
    ['--servers many', /^--servers many is no whole number from 1 on$/m],
    ['--servers 2.5', /^--servers 2.5 is no whole number from 1 on$/m],
    ['--seed abc', /^--seed abc is no whole number from 0 on$/m],
    ['--seed 1.5 --servers 3', /^--seed 1.5 is no whole number from 0 on$/m],
    ['--seed= --networks', /^--seed {2}is no whole number from 0 on$/m],
    ['--seeds 1.5', /^--seeds 1.5 is no whole number from 1 on$/m],
    ['--minutes 1e', /^--minutes 1e is no number above 0$/m],
  ])(
    'runs nothing where options contradict each other: %s',
    (words, why) => {
      const args = ['--no-warnings', '--import', at('harness/typescript.mjs'), at('harness/simulation/simulate.ts')];
      const run = spawnSync(process.execPath, [...args, ...words.split(' ')], { encoding: 'utf8', timeout: 60_000 });
      expect([run.status, run.stdout]).toEqual([2, '']);
      expect(run.stderr).toMatch(why);
    },
    90_000,
  );
});

import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { Started } from '../../../harness/bench/parts/process.js';
import { benchRelayed } from '../../../harness/bench/paths/relayed.js';
import { programArguments } from '../../../harness/program.js';

const PROBE = fileURLToPath(new URL('../../../harness/bench/parts/probe.mjs', import.meta.url));
const MIB = 1_048_576;
const TEST_MS = 120_000;

/** The program of these sources in place of the one that is built. */
function start(): Promise<Started> {
  const program = ['--expose-gc', '--import', PROBE, ...programArguments()];
  const places = ['--listen', '127.0.0.1:0', '--rendezvous-listen', '127.0.0.1:0', '--data', ':memory:'];
  return Started.announcing(process.execPath, [...program, 'serve', ...places, '--log-level', 'error', '--json']);
}

describe('the bench of relayed connections', () => {
  it(
    'tells what idle ones take, and what busy ones carry beside one',
    async () => {
      const scale = { pairs: 2, first: 2, idle: 4, busy: 2, bytes: 2 * MIB, start };
      const results = await benchRelayed(1, () => {}, scale);
      expect(results).toEqual([
        expect.objectContaining({ what: '4 relayed connections idle, each: resident memory', goal: '<= 40' }),
        expect.objectContaining({ what: '4 relayed connections idle, each: heap and buffers', unit: 'KiB' }),
        expect.objectContaining({ what: '2 relayed copies at once, in all', rivalName: 'one', goal: 0.9 }),
      ]);
      const figures = results.flatMap((result) =>
        'value' in result ? [result.value] : 'ratio' in result ? [result.ours, result.rival] : [],
      );
      expect(figures.every(Number.isFinite)).toBe(true);
      expect(figures.slice(-2).every((rate) => rate > 0)).toBe(true);
    },
    TEST_MS,
  );
});

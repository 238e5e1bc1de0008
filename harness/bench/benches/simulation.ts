import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Figure, figureOf } from '../figure.js';

const SEEDS = 4;
const MINUTES = 60;
const FIRST_SEED = 424_200;
const root = fileURLToPath(new URL('../../..', import.meta.url));

async function simulate(...args: string[]): Promise<string> {
  const program = ['--import', './harness/typescript.mjs', 'harness/simulation/simulate.ts', ...args];
  const running = promisify(execFile)(process.execPath, program, { cwd: root, maxBuffer: 64 * 1_048_576 });
  // It ends with 1 when something was found or missed, and says what all the same.
  const { stdout } = await running.catch((error: { stdout: string }) => error);
  return stdout;
}

/** How fast worlds are simulated, and whether each deliberate fault is found. */
export async function benchSimulation(rounds: number, progress: (line: string) => void): Promise<Figure[]> {
  const ratios: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const seed = FIRST_SEED + round * SEEDS;
    const said = await simulate('--seed', String(seed), '--seeds', String(SEEDS), '--minutes', String(MINUTES));
    ratios.push(Number(/([\d.]+) × real time/.exec(said)![1]));
    progress(`round ${round + 1} of ${rounds}: ${said.trim().split('\n').at(-1)}`);
  }
  const [, found, all] = /(\d+) of (\d+) found/.exec(await simulate('--mutations'))!;
  progress(`${found} of ${all} mutations caught`);
  const bench = 'simulation';
  return [
    figureOf({ bench, what: 'simulated worlds', unit: '× real time', goal: '>= 500' }, ratios),
    { bench, what: 'mutations that were missed', unit: `of ${all}`, value: Number(all) - Number(found), goal: '<= 0' },
  ];
}

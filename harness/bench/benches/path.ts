import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { median, type Round, type Row, rowOf } from '../row.js';

const NODES = 1_000_000;
const LINKS = 1_000_000;
const SEARCHES = 201;
const MIB = 1_048_576;
const root = fileURLToPath(new URL('../../..', import.meta.url));

/** What search.ts prints. */
interface Searched {
  readonly heldBytes: number;
  readonly searchMs: number[];
  /** Nodes of all paths together: every contender has to come to the same. */
  readonly steps: number;
}

async function search(contender: 'switchyard' | 'graphology'): Promise<Searched> {
  const program = ['--expose-gc', '--import', './harness/typescript.mjs', 'harness/bench/parts/search.ts', contender];
  const args = ['--max-old-space-size=8192', ...program, ...[NODES, LINKS, SEARCHES].map(String)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root });
  return JSON.parse(stdout) as Searched;
}

/** Shortest paths over a million nodes and a million random links, and what the graph takes, beside graphology. */
export async function benchPath(rounds: number, progress: (line: string) => void): Promise<Row[]> {
  const times: Round[] = [];
  const sizes: Round[] = [];
  for (let round = 0; round < rounds; round++) {
    const [ours, rival] = [await search('switchyard'), await search('graphology')];
    if (ours.steps !== rival.steps) throw new Error(`paths of ${ours.steps} and of ${rival.steps} nodes`);
    times.push({ ours: median(ours.searchMs), rival: median(rival.searchMs) });
    sizes.push({ ours: ours.heldBytes / MIB, rival: rival.heldBytes / MIB });
    const said = (one: Searched) => `${median(one.searchMs).toFixed(2)} ms, ${(one.heldBytes / MIB).toFixed(0)} MiB`;
    progress(`round ${round + 1} of ${rounds}: ${said(ours)}; graphology ${said(rival)}`);
  }
  const about = { bench: 'path', rivalName: 'graphology' };
  return [
    rowOf({ ...about, what: 'shortest path over 1 M nodes', unit: 'ms', goal: 2 }, times, true),
    rowOf({ ...about, what: 'graph of 1 M nodes and 1 M links', unit: 'MiB', goal: 8 }, sizes, true),
  ];
}

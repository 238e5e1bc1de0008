// `npm run conformance -- [--testee NAME] [--case TEXT] [--markdown] [--update]`: every case with every testee, as a table.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { readCases } from './runner/case.js';
import { type Outcome, play } from './runner/player.js';
import { select } from './runner/select.js';
import { countOf, markdownTable, replaceTable } from './runner/table.js';
import { TESTEES } from './testees/plans.js';

const INTERRUPTED = 130;
// Server processes are ended as this one exits.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(INTERRUPTED));

const { values } = parseArgs({
  options: {
    testee: { type: 'string' },
    case: { type: 'string' },
    markdown: { type: 'boolean' },
    update: { type: 'boolean' },
  },
});
const README = new URL('./README.md', import.meta.url);
const { plans, cases } = selected();

const results = new Map<string, readonly Outcome[]>();
for (const plan of plans) {
  const missing = await plan.missing();
  if (missing !== undefined) {
    console.error(`${plan.name}: not run: ${missing}`);
    continue;
  }
  const outcomes: Outcome[] = [];
  for (const one of cases) {
    const beganMs = performance.now();
    const outcome = await play(one, plan);
    outcomes.push(outcome);
    const tookS = ((performance.now() - beganMs) / 1_000).toFixed(1);
    const why = outcome.kind === 'failed' ? `: ${outcome.problem}` : '';
    const lacks = outcome.kind === 'skipped' ? `: it cannot ${outcome.lacks.join(', ')}` : '';
    console.error(`${plan.name}: ${outcome.kind} in ${tookS} s: ${one.name}${why}${lacks}`);
  }
  results.set(plan.name, outcomes);
}
if (values.update) update();
if (values.markdown) console.log(markdownTable(cases, results));
for (const [name, outcomes] of results) console.log(`${name}: ${countOf(outcomes)}`);
await Promise.all([process.stdout, process.stderr].map(flushed));
// Nothing is open by now: Node names no active resource here. Still, 20.20.2 has been seen to stay for ever in its own end, where it waits for
// its handles to be closed (Environment::CleanupHandles), which an explicit exit leaves out.
process.exit([...results.values()].flat().some(({ kind }) => kind === 'failed') ? 1 : 0);

/** Resolves when what was written is out. */
function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    stream.write('', () => resolve());
  });
}

/** Writes the table of a whole run into the README; one of a part would leave out what others pass. */
function update(): void {
  if (results.size < TESTEES.length) refuseUpdate();
  writeFileSync(README, replaceTable(readFileSync(README, 'utf8'), cases, results));
}

function refuseUpdate(): never {
  console.error('--update: the README has the table of a run with every testee and every case');
  process.exit(2);
}

/** What the options ask for. A name that there is not ends the run with status 2. */
function selected() {
  if (values.update && (values.case ?? values.testee) !== undefined) refuseUpdate();
  try {
    return select(TESTEES, readCases(), values);
  } catch (error) {
    console.error((error as Error).message);
    process.exit(2);
  }
}

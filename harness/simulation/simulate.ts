// `npm run simulate`: runs whole worlds, each made of one number. See HELP.
import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { version } from '../../src/base/version.js';
import { numberAboveZero, wholeNumber } from '../number-option.js';
import { mutateClusters, simulateClusters } from './cluster/run.js';
import { type FaultName, faultNames, withFaults } from './faults.js';
import { worldOf } from './mutations/mutation.js';
import { MUTATIONS } from './mutations.js';
import { mutateNetworks, simulateNetworks } from './networks/run.js';
import { ignoredOf } from './options-read.js';
import { type Plan, planOf, writtenPlan } from './plan.js';
import { failureLines, replayCommand } from './replay.js';
import { type Result, simulate } from './run.js';
import { shrink } from './shrink.js';
import { commitOfSources } from './sources.js';

const HOUR_MS = 3_600_000;

const HELP = `npm run simulate -- [--seed N] [--seeds K | --hours H] [--minutes M] [--faults NAME,…] [--follow] [--shrink] [--plan FILE] [--etcd] [--servers N] [--networks] [--mutations]

Runs whole worlds, each made of one number. A seed that fails is printed with what went wrong, the end of its trace and
the command that replays it; the same seed and minutes are the same run, to the byte. An option that the chosen worlds do not
read is refused. Exit status 1 when one failed, or when a mutation was missed.

  --seed       the first world (drawn from the time)
  --seeds      how many worlds, each of the next number (1)
  --hours      worlds until so many hours were simulated, instead of a number of worlds; what a world needs to settle counts
  --minutes    simulated time of each (60)
  --faults     what each world has for certain: flags (others at each start), cancelled (callers that give up),
               half-closed (clients that end their side as soon as they have asked)
  --follow     print everything that happens
  --shrink     look for the fewest steps that still fail, and write them to seed-N.json
  --plan       a file with the steps of one world, as --shrink writes it, instead of a seed
  --etcd       the journal in an etcd that is slow, silent or full now and then, instead of on a disk
  --servers    so many servers of one network, without doors: they follow, forward, lead and are cut off from each other;
               with --seed, --seeds and --minutes, and not --follow or --shrink: these worlds have neither trace nor steps
  --networks   one server with several networks: nothing of one is heard in another, whatever is brought there;
               with --seed, --seeds, --minutes and --follow
  --mutations  put each deliberate fault into a world that meets it, and look whether it is found
`;

const { values } = parseArgs({
  options: {
    help: { type: 'boolean', default: false },
    seed: { type: 'string' },
    seeds: { type: 'string' },
    hours: { type: 'string' },
    faults: { type: 'string' },
    minutes: { type: 'string' },
    follow: { type: 'boolean', default: false },
    shrink: { type: 'boolean', default: false },
    mutations: { type: 'boolean', default: false },
    plan: { type: 'string' },
    etcd: { type: 'boolean', default: false },
    servers: { type: 'string' },
    networks: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit();
}
// An error of the client's is made for every call that fails here, and nobody looks at where.
Error.stackTraceLimit = values.follow || values.shrink ? 10 : 0;
const seed = values.seed === undefined ? Date.now() % 1_000_000_000 : asked('seed', wholeNumber);
const hours = values.hours === undefined ? undefined : asked('hours', numberAboveZero);
const minutes = values.minutes === undefined ? 60 : asked('minutes', numberAboveZero);
if (hours !== undefined && values.seeds !== undefined)
  misused('--seeds and --hours both say how many worlds: give one of them');
const count = values.seeds === undefined ? 1 : asked('seeds', countOf);
const faults = faultsAsked();
const ignored = ignoredOf(values);
if (ignored !== undefined) misused(ignored);
process.exitCode = (await run()) ? 0 : 1;

function asked(name: 'seed' | 'hours' | 'minutes' | 'seeds' | 'servers', read: (name: string, text: string) => number) {
  return readOption(() => read(`--${name}`, values[name] ?? ''));
}

function countOf(name: string, text: string): number {
  return wholeNumber(name, text, 1);
}

function faultsAsked(): FaultName[] {
  return readOption(() => (values.faults === undefined ? [] : faultNames(values.faults)));
}

function readOption<Value>(read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    return misused(error instanceof Error ? error.message : String(error));
  }
}

function misused(why: string): never {
  console.error(`${why}\n\n${HELP}`);
  process.exit(2);
}

function run(): Promise<boolean> {
  if (values.networks) return values.mutations ? mutateNetworks() : simulateNetworks(networksSeeds());
  if (values.servers === undefined) return values.mutations ? mutations() : seeds();
  const servers = asked('servers', countOf);
  if (values.mutations) return mutateClusters(servers);
  return simulateClusters({ seed, seeds: count, minutes, servers });
}

function networksSeeds() {
  const follow = values.follow ? (line: string) => console.log(line) : undefined;
  return { seed, seeds: count, minutes, follow };
}

/** Runs one plan, or so many seeds from the first on. True: nothing was wrong. */
async function seeds(): Promise<boolean> {
  const from = performance.now();
  let [simulatedMs, failed] = [0, 0];
  console.log(`the build: ${version()}, ${await commitOfSources()}, Node ${process.version}`);
  for await (const plan of plans(() => simulatedMs)) {
    const result = await simulate(plan, {}, values.follow ? (line) => console.log(line) : undefined);
    simulatedMs += result.simulatedMs;
    if (result.violation !== undefined) failed += 1;
    console.log(lineOf(result));
    if (result.violation !== undefined) await report(result);
  }
  const ratio = simulatedMs / (performance.now() - from);
  console.log(
    `${(simulatedMs / HOUR_MS).toFixed(1)} simulated hours, ${ratio.toFixed(0)} × real time, ${failed} failed`,
  );
  return failed === 0;
}

/** Each is made when its turn has come: those of a long run would not fit into memory together. */
async function* plans(simulatedMs: () => number): AsyncGenerator<Plan> {
  if (values.plan !== undefined) yield writtenPlan(await readFile(values.plan, 'utf8'));
  else {
    const goesOn = (at: number) => (hours === undefined ? at < count : simulatedMs() < hours * HOUR_MS);
    for (let at = 0; goesOn(at); at++) {
      const plan = withFaults(planOf(seed + at, minutes), faults);
      yield values.etcd ? { ...plan, isOnEtcd: true } : plan;
    }
  }
}

function lineOf({ plan, violation, hash, events, revisions }: Result): string {
  const { steps } = plan;
  const went = violation === undefined ? 'ok' : `FAILED ${violation.check}`;
  return `seed ${plan.seed}, ${plan.minutes} min: ${went}, ${steps.length} steps, ${events} events, ${revisions} revisions, ${hash}`;
}

/**
 * Prints what went wrong, the trace before it, and the command that replays it; with --shrink also a smaller plan, as a file, and
 * the command for that.
 */
async function report(failed: Result): Promise<void> {
  const result = values.shrink ? await shrink(failed) : failed;
  // The trace was printed as it came.
  const lines = failureLines(values.follow ? { ...result, tail: [] } : result, values.plan);
  if (!values.shrink) return console.log(lines.join('\n'));
  console.log(lines.slice(0, -1).join('\n'));
  const file = `seed-${result.plan.seed}.json`;
  const why = result.violation!.text;
  await writeFile(file, `${JSON.stringify({ name: '', why, plan: result.plan }, undefined, 1)}\n`);
  console.log(`${result.plan.steps.length} of ${failed.plan.steps.length} steps are enough: ${file}`);
  console.log(`again: ${replayCommand(result.plan, file)}`);
}

/** Puts each deliberate fault in and looks whether it is found as it should be. True: all were. */
async function mutations(): Promise<boolean> {
  let missed = 0;
  for (const mutation of MUTATIONS) {
    const from = performance.now();
    const { violation } = await simulate(worldOf(mutation), mutation);
    const tookS = ((performance.now() - from) / 1_000).toFixed(1);
    const isFound = violation?.check === mutation.finds;
    if (!isFound) missed++;
    const found = isFound ? violation.check : `MISSED: ${violation?.check ?? 'nothing'} instead of ${mutation.finds}`;
    console.log(`${mutation.name.padEnd(52)} ${found.padEnd(12)} seed ${mutation.seed} ${tookS} s`);
  }
  console.log(`${MUTATIONS.length - missed} of ${MUTATIONS.length} found`);
  return missed === 0;
}

// Counts through how many functions and files of src one call goes: node --import ./harness/typescript.mjs test/gate/trip.ts
//
// Starts a server in this process, opens sessions so that everything is made that is made once, and looks with V8's own
// counters at what runs each time while three others are opened. `--list` prints the functions, file by file.
import { Session } from 'node:inspector/promises';
import { relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SessionServiceService } from '../../gen/switchyard/v1/session_service.js';
import { ask, run } from '../grpc/running.js';

/** The functions of `src` that ran, by file, and how often each. */
export type Trip = ReadonlyMap<string, ReadonlyMap<string, number>>;

const ROOT = resolve(fileURLToPath(import.meta.url), '../../..');
/** How long is watched for what runs by itself, and for what a call leaves behind. */
const QUIET_MS = 200;

/** What runs while one Session call is answered, over gRPC. */
export async function sessionTrip(): Promise<Trip> {
  const inspector = new Session();
  inspector.connect();
  await inspector.post('Profiler.enable');
  await inspector.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
  const running = await run();
  const open = (number: number) =>
    ask(running, SessionServiceService.session, {
      instanceUuid: `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`,
      instanceType: 2,
      instanceFlavor: 0,
      ttl: undefined,
      name: 'trip',
      labels: {},
    });
  const during = async (work: () => Promise<unknown>): Promise<Trip> => {
    await inspector.post('Profiler.takePreciseCoverage');
    await work();
    await new Promise((done) => setTimeout(done, QUIET_MS));
    return tripOf((await inspector.post('Profiler.takePreciseCoverage')).result);
  };
  try {
    for (let number = 1; number <= 3; number++) await open(number);
    const idle = await during(async () => {});
    const trips = [await during(() => open(4)), await during(() => open(5)), await during(() => open(6))];
    return without(trips.reduce(common), idle);
  } finally {
    await running.stop();
    await inspector.post('Profiler.disable');
    inspector.disconnect();
  }
}

/** How many files and functions a trip has. */
export function sizeOf(trip: Trip): { readonly files: number; readonly functions: number } {
  return { files: trip.size, functions: [...trip.values()].reduce((sum, { size }) => sum + size, 0) };
}

interface Script {
  readonly url: string;
  readonly functions: readonly {
    readonly functionName: string;
    readonly ranges: readonly { readonly startOffset: number; readonly count: number }[];
  }[];
}

function tripOf(scripts: readonly Script[]): Trip {
  const trip = new Map<string, Map<string, number>>();
  for (const { url, functions } of scripts) {
    const path = url.startsWith('file:') ? relative(ROOT, fileURLToPath(url)).split(sep).join('/') : '';
    // The client of this process is another's program.
    if (!path.startsWith('src/') || path.startsWith('src/client/')) continue;
    for (const { functionName, ranges } of functions) {
      const [{ startOffset, count }] = ranges;
      // Of offset 0 is the module itself.
      if (count === 0 || startOffset === 0) continue;
      const ran = trip.get(path) ?? new Map<string, number>();
      ran.set(`${functionName === '' ? '(anonymous)' : functionName} ${startOffset}`, count);
      trip.set(path, ran);
    }
  }
  return trip;
}

/** What is in both: a timer that falls due now and then is not in each of several trips. */
export function common(trip: Trip, other: Trip): Trip {
  return only(trip, (path, name) => other.get(path)?.has(name) === true);
}

/** What is in the first and not in the second. */
function without(trip: Trip, idle: Trip): Trip {
  return only(trip, (path, name) => !idle.get(path)?.has(name));
}

function only(trip: Trip, keeps: (path: string, name: string) => boolean): Trip {
  const left = [...trip].map(([path, ran]) => {
    return [path, new Map([...ran].filter(([name]) => keeps(path, name)))] as const;
  });
  return new Map(left.filter(([, ran]) => ran.size > 0));
}

/** The trip as text. */
function listed(trip: Trip): string {
  return [...trip]
    .sort(([x], [y]) => (x < y ? -1 : 1))
    .map(([path, ran]) => `${path}\n${[...ran.keys()].map((name) => `  ${name.replace(/ \d+$/, '')}`).join('\n')}`)
    .join('\n');
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const trip = await sessionTrip();
  const { files, functions } = sizeOf(trip);
  if (process.argv.includes('--list')) console.log(listed(trip));
  console.log(`a Session call goes through ${functions} functions in ${files} files of src`);
  process.exit(0);
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Figure, figureOf } from '../figure.js';
import { bound } from '../parts/children.js';
import { dataFolder, startProbedSwitchyard } from '../parts/servers.js';

const INSTANCES = 2_000;
/** Instances that are there before anything is measured: what the first ones cost is code and pools, and not theirs. */
const FIRST = 500;
/** Two heartbeats of each attachment: what it costs to be there. */
const REST_MS = 30_000;
/** What arrivals leave behind is done by then. */
const SETTLE_MS = 2_000;
const KIB = 1_024;
const root = fileURLToPath(new URL('../../..', import.meta.url));

/** How the instances are there, with what that is called. */
const MODES = {
  opened: 'sessions that are not attached',
  shared: 'instances attached over one connection',
  own: 'instances attached, each over a connection of its own',
} as const;
type Mode = keyof typeof MODES;

interface Measured {
  /** Of 1,000 instances, once everything is collected. */
  readonly heldKiB: number;
  readonly residentKiB: number;
  /** CPU that 1,000 of them took to come, and in a second of rest. */
  readonly arrivalMs: number;
  readonly restMs: number;
}

/** A server on disk, before and after a fleet has come. */
async function measure(mode: Mode): Promise<Measured> {
  const data = dataFolder();
  // History is bounded by an option and not by who is there: it is kept as small as may be.
  const places = ['--connections-max', '10000', '--connections-per-address', '10000', '--history-bytes', '64KiB'];
  const server = await startProbedSwitchyard(data.path, ...places);
  const thousands = INSTANCES / 1_000;
  const fleets: ChildProcess[] = [];
  try {
    fleets.push(await arrived(server.port, FIRST, mode));
    await sleep(SETTLE_MS);
    const empty = await server.ask('memory');
    const cpuEmpty = server.cpuSeconds();
    fleets.push(await arrived(server.port, INSTANCES, mode));
    const cpuFull = server.cpuSeconds();
    await sleep(SETTLE_MS);
    const full = await server.ask('memory');
    const cpuRest = server.cpuSeconds();
    await sleep(REST_MS);
    // Those who were there before rest, too.
    const resting = (INSTANCES + FIRST) / 1_000;
    return {
      heldKiB: (full.heldBytes - empty.heldBytes) / KIB / thousands,
      residentKiB: (full.residentBytes - empty.residentBytes) / KIB / thousands,
      arrivalMs: ((cpuFull - cpuEmpty) * 1_000) / thousands,
      restMs: ((server.cpuSeconds() - cpuRest) * 1_000) / (REST_MS / 1_000) / resting,
    };
  } finally {
    for (const fleet of fleets) fleet.kill('SIGKILL');
    await server.stop();
    data.remove();
  }
}

/** A fleet in a process of its own, once all of it is there. */
async function arrived(port: number, count: number, mode: Mode): Promise<ChildProcess> {
  const program = ['--import', `${root}harness/typescript.mjs`, `${root}harness/bench/parts/capacity-fleet.ts`];
  const args = [...program, String(port), String(count), mode];
  const fleet = bound(spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] }));
  const first = await Promise.race([once(createInterface({ input: fleet.stdout! }), 'line'), once(fleet, 'exit')]);
  if (first[0] === 'ready') return fleet;
  fleet.kill('SIGKILL');
  throw new Error('the fleet ended before all of it was there');
}

/** What 1,000 instances take of a server: memory, CPU until they are there, and CPU at rest. */
export async function benchCapacity(rounds: number, progress: (line: string) => void): Promise<Figure[]> {
  const taken = new Map<Mode, Measured[]>();
  for (let round = 0; round < rounds; round++) {
    for (const mode of Object.keys(MODES) as Mode[]) {
      const one = await measure(mode);
      taken.set(mode, [...(taken.get(mode) ?? []), one]);
      const { heldKiB, residentKiB, arrivalMs, restMs } = one;
      const memory = `${heldKiB.toFixed(0)} KiB held, ${residentKiB.toFixed(0)} KiB resident`;
      progress(
        `round ${round + 1}: 1,000 ${MODES[mode]}: ${memory}, ${arrivalMs.toFixed(0)} ms to come, ${restMs.toFixed(2)} ms/s`,
      );
    }
  }
  return [...taken].flatMap(([mode, all]) => {
    const figure = (what: string, unit: string, value: (one: Measured) => number) =>
      figureOf({ bench: 'capacity', what: `1,000 ${MODES[mode]}: ${what}`, unit }, all.map(value));
    return [
      figure('heap and buffers', 'KiB', ({ heldKiB }) => heldKiB),
      figure('resident memory', 'KiB', ({ residentKiB }) => residentKiB),
      figure('CPU until they are there', 'ms', ({ arrivalMs }) => arrivalMs),
      figure('CPU at rest', 'ms a second', ({ restMs }) => restMs),
    ];
  });
}

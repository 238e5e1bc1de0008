import { status } from '@grpc/grpc-js';
import { systemClock } from '../../../src/client/system.js';
import { onCallEnd } from '../../../src/grpc/call-end.js';
import { CallTimes } from '../../../src/grpc/call-times.js';
import { figureOf } from '../figure.js';
import { load } from '../parts/h2load.js';
import type { Started } from '../parts/process.js';
import { dataFolder, startSwitchyard } from '../parts/servers.js';
import type { Result } from '../results.js';
import { rowOf } from '../row.js';
import { SESSION_PATH, sessionRequest } from './session.js';

/** What the metrics may cost of a Session: so much more CPU, at the median of the rounds. */
const GOAL = 0.99;
/** Calls of each server in a round: a round is over before the machine has become another one. */
const CALLS = 2_000;
/** How often a call is counted with nothing around it: on a machine that others use, this says what the rounds cannot. */
const COUNTED = 300_000;
/** When no more rounds are begun. With what starts and ends the servers all of it takes two minutes at most. */
const ROUNDS_MS = 90_000;

/** Session calls with metrics beside the same without, in alternating rounds that begin with the one and the other in turn. */
export async function benchMetrics(rounds: number, progress: (line: string) => void): Promise<Result[]> {
  const [data, plainData] = [dataFolder(), dataFolder()];
  const metered = await startSwitchyard(data.path, '--metrics-listen', '127.0.0.1:0');
  const plain = await startSwitchyard(plainData.path).catch(async (error) => {
    await metered.stop();
    throw error;
  });
  const endMs = performance.now() + ROUNDS_MS;
  try {
    const all: { ours: number; rival: number }[] = [];
    for (let round = -1; round < rounds; round++) {
      if (round > 0 && performance.now() > endMs) break;
      const order = round % 2 === 0 ? ([metered, plain] as const) : ([plain, metered] as const);
      const taken = new Map<unknown, number>();
      for (const server of order) {
        taken.set(server, await cpuMicrosOf(server));
      }
      progress(round < 0 ? 'warmed up' : `round ${round + 1} of ${rounds}`);
      if (round >= 0) all.push({ ours: taken.get(metered)!, rival: taken.get(plain)! });
    }
    const what = 'Session, durable, with metrics';
    const row = rowOf(
      { bench: 'metrics', what, rivalName: 'without', unit: 'µs of CPU a call', goal: GOAL },
      all,
      true,
    );
    const counting = all.map(() => countingMicros());
    const share = counting.map((micros, at) => (100 * micros) / all[at].rival);
    return [
      row,
      figureOf({ bench: 'metrics', what: 'counting one call, alone', unit: 'µs of CPU' }, counting),
      figureOf({ bench: 'metrics', what: 'the same of a Session', unit: '%', goal: '<= 1' }, share),
    ];
  } finally {
    for (const server of [metered, plain]) await server.stop();
    data.remove();
    plainData.remove();
  }
}

/** What a Session call takes of a server's CPU. */
async function cpuMicrosOf(server: Started): Promise<number> {
  const from = server.cpuNanos();
  await load({
    port: server.port,
    path: SESSION_PATH,
    message: sessionRequest,
    calls: CALLS,
    connections: 4,
    atOnce: 32,
  });
  return (server.cpuNanos() - from) / 1_000 / CALLS;
}

/** What it takes to count a call, in microseconds of this process's CPU: all that metrics add to the way of a call. */
function countingMicros(): number {
  const times = new CallTimes();
  times.add(SESSION_PATH, true);
  const work = (isCounted: boolean) => {
    const from = process.cpuUsage();
    for (let call = 0; call < COUNTED; call++) {
      const counted = { sendStatus: () => {}, start: () => {} } as unknown as Parameters<typeof onCallEnd>[0];
      if (isCounted) onCallEnd(counted, systemClock, (code, ms) => times.record(SESSION_PATH, code, ms));
      counted.start({ onCancel: () => {} } as never);
      counted.sendStatus({ code: status.OK, details: '' });
    }
    const { user, system } = process.cpuUsage(from);
    return (user + system) / COUNTED;
  };
  // Warmed up by the first of them.
  work(true);
  return work(true) - work(false);
}

import { type Row, rowOf } from './row.js';
import { dataFolder, startSwitchyard } from './servers.js';
import { measure, SESSION_PATH, sessionRequest } from './session.js';

/** What the metrics may cost of a Session: so much more CPU, at the median of the rounds. */
const GOAL = 0.99;

/** Session calls with metrics beside the same without, in alternating rounds that begin with the one and the other in turn. */
export async function benchMetrics(rounds: number, progress: (line: string) => void): Promise<Row[]> {
  const [data, plainData] = [dataFolder(), dataFolder()];
  const metered = await startSwitchyard(data.path, '--metrics-listen', '127.0.0.1:0');
  const plain = await startSwitchyard(plainData.path).catch(async (error) => {
    await metered.stop();
    throw error;
  });
  try {
    const all: { ours: number; rival: number }[] = [];
    for (let round = -1; round < rounds; round++) {
      const order = round % 2 === 0 ? ([metered, plain] as const) : ([plain, metered] as const);
      const taken = new Map<unknown, number>();
      for (const server of order) {
        taken.set(server, (await measure(server, SESSION_PATH, sessionRequest)).cpuMicros);
      }
      progress(round < 0 ? 'warmed up' : `round ${round + 1} of ${rounds}`);
      if (round >= 0) all.push({ ours: taken.get(metered)!, rival: taken.get(plain)! });
    }
    const what = 'Session, durable, with metrics';
    return [rowOf({ bench: 'metrics', what, rivalName: 'without', unit: 'µs of CPU a call', goal: GOAL }, all, true)];
  } finally {
    for (const server of [metered, plain]) await server.stop();
    data.remove();
    plainData.remove();
  }
}

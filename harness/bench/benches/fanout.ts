import { setTimeout as sleep } from 'node:timers/promises';
import { WatchNetworkDeltaRequest } from '../../../gen/switchyard/v1/network_service.js';
import { SessionRequest } from '../../../gen/switchyard/v1/session_service.js';
import { load, loaded, startLoad } from '../parts/h2load.js';
import type { Started } from '../parts/process.js';
import { dataFolder, startBare, startSwitchyard } from '../parts/servers.js';
import { type Round, type Row, rowOf } from '../row.js';
import { etcdMicros, natsMicros } from './brokers.js';

const SESSION = '/switchyard.v1.SessionService/Session';
const WATCH = '/switchyard.v1.NetworkService/WatchNetworkDelta';
const request = SessionRequest.encode(
  SessionRequest.create({ instanceUuid: '5f1c9a20-7d3e-4b8a-9c41-2e6f0d8b7a13', instanceType: 2, name: 'bench' }),
).finish();
const watch = WatchNetworkDeltaRequest.encode(WatchNetworkDeltaRequest.create()).finish();

/** No change of a superseded session takes less on the wire: a UUID, two SIDs and two links. */
const CHANGE_BYTES_MIN = 80;

/** How a publisher drives a server: as fast as it takes, or one change after the other. */
export interface Pace {
  readonly connections: number;
  readonly atOnce: number;
}

/** As fast as a server takes them. */
export const FULL: Pace = { connections: 4, atOnce: 32 };
const ONE_BY_ONE: Pace = { connections: 1, atOnce: 1 };

/**
 * CPU of a server, in µs, for each change that reaches each watcher. What the calls cost that make the changes is measured
 * without watchers and taken off.
 */
export async function deliveryMicros(
  start: () => Promise<Started>,
  watchers: number,
  changes: number,
  pace: Pace,
): Promise<number> {
  const publish = async (server: Started, calls: number): Promise<number> => {
    const from = server.cpuSeconds();
    await load({ port: server.port, path: SESSION, message: request, calls, ...pace });
    await server.quiet();
    return server.cpuSeconds() - from;
  };
  const server = await start();
  try {
    await publish(server, Math.min(changes, 2_000));
    const callsSeconds = await publish(server, changes);
    const connections = Math.min(watchers, 100);
    const watching = startLoad({
      port: server.port,
      path: WATCH,
      message: watch,
      calls: watchers,
      connections,
      atOnce: watchers / connections,
    });
    const received = loaded(watching);
    await sleep(1_000);
    await server.quiet();
    const allSeconds = await publish(server, changes);
    await server.stop();
    const { dataBytes } = await received;
    const least = changes * watchers * CHANGE_BYTES_MIN;
    if (dataBytes < least)
      throw new Error(`the watchers got ${dataBytes} bytes; ${least} are the least that all changes take`);
    return ((allSeconds - callsSeconds) * 1e6) / (changes * watchers);
  } finally {
    await server.stop();
  }
}

/** The same full load beside servers that others have written for it: etcd's watch, and NATS, which stores nothing. */
export async function benchBrokers(rounds: number, progress: (line: string) => void): Promise<Row[]> {
  const data = dataFolder();
  try {
    const rivals = [
      { rivalName: 'etcd watch', goal: 20, micros: () => etcdMicros(1_000), taken: [] as Round[] },
      { rivalName: 'nats-server', goal: 1, micros: () => natsMicros(4_000), taken: [] as Round[] },
    ];
    for (let round = 0; round < rounds; round++) {
      const ours = await deliveryMicros(() => startSwitchyard(data.path), 1_000, 20_000, FULL);
      progress(`round ${round + 1} of ${rounds}: ${ours.toFixed(2)} µs`);
      for (const { rivalName, micros, taken } of rivals) {
        const rival = await micros().catch((error: Error) => void progress(`without ${rivalName}: ${error.message}`));
        if (rival !== undefined) taken.push({ ours, rival });
        if (rival !== undefined) progress(`${rivalName} ${rival.toFixed(2)} µs`);
      }
    }
    const about = { bench: 'brokers', what: '1,000 watchers, full load', unit: 'µs of CPU a delivered change' };
    return rivals.flatMap(({ rivalName, goal, taken }) =>
      taken.length === 0 ? [] : [rowOf({ ...about, rivalName, goal }, taken, true)],
    );
  } finally {
    data.remove();
  }
}

/** Changes delivered to many watchers, beside a bare grpc-js server that serializes each for each of them. */
export async function benchFanout(rounds: number, progress: (line: string) => void): Promise<Row[]> {
  const data = dataFolder();
  const cases = [
    { what: '100 watchers, full load', watchers: 100, pace: FULL, ours: 20_000, rival: 2_000, goal: undefined },
    { what: '1,000 watchers, full load', watchers: 1_000, pace: FULL, ours: 20_000, rival: 400, goal: 60 },
    {
      what: '1,000 watchers, one message a change',
      watchers: 1_000,
      pace: ONE_BY_ONE,
      ours: 400,
      rival: 400,
      goal: 1.3,
    },
  ];
  try {
    const rows: Row[] = [];
    for (const { what, watchers, pace, goal, ...changes } of cases) {
      const taken: Round[] = [];
      for (let round = 0; round < rounds; round++) {
        const ours = await deliveryMicros(() => startSwitchyard(data.path), watchers, changes.ours, pace);
        const rival = await deliveryMicros(startBare, watchers, changes.rival, pace);
        taken.push({ ours, rival });
        progress(
          `${what}: round ${round + 1} of ${rounds}: ${ours.toFixed(2)} µs, bare grpc-js ${rival.toFixed(2)} µs`,
        );
      }
      const about = { bench: 'fanout', what, rivalName: 'bare grpc-js', unit: 'µs of CPU a delivered change', goal };
      rows.push(rowOf(about, taken, true));
    }
    return rows;
  } finally {
    data.remove();
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import { WatchNetworkDeltaRequest } from '../../../gen/switchyard/v1/network_service.js';
import { SESSION_PATH, sessionRequest } from '../benches/session.js';
import { load, startLoad } from '../parts/h2load.js';
import type { Started } from '../parts/process.js';

const WATCH = '/switchyard.v1.NetworkService/WatchNetworkDelta';
const WATCHERS = 900;
const WATCHERS_PER_CONNECTION = 10;
const CHANGES = 4_000;
/** For what is still under way. Servers of a network are never quite still: they hear of each other and of etcd. */
const SETTLE_MS = 3_000;
const PACE = { connections: 4, atOnce: 32 };

/** CPU of the busiest server for each change that reaches each of 900 watchers in all, in µs; what the changes cost is taken off. */
export async function spreadMicros(servers: readonly Started[]): Promise<number> {
  const publish = async () => {
    const from = servers.map((server) => server.cpuNanos());
    await load({ port: servers[0].port, path: SESSION_PATH, message: sessionRequest, calls: CHANGES, ...PACE });
    await sleep(SETTLE_MS);
    return servers.map((server, at) => server.cpuNanos() - from[at]);
  };
  await publish();
  const alone = await publish();
  const message = WatchNetworkDeltaRequest.encode(WatchNetworkDeltaRequest.create()).finish();
  const calls = WATCHERS / servers.length;
  const about = { path: WATCH, message, calls, connections: calls / WATCHERS_PER_CONNECTION };
  const watching = servers.map(({ port }) => startLoad({ port, ...about, atOnce: WATCHERS_PER_CONNECTION }));
  try {
    await sleep(SETTLE_MS);
    const watched = await publish();
    return Math.max(...watched.map((nanos, at) => nanos - alone[at])) / 1_000 / (CHANGES * WATCHERS);
  } finally {
    for (const one of watching) one.kill('SIGKILL');
  }
}

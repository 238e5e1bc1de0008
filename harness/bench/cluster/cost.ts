import { SessionRequest } from '../../../gen/switchyard/v1/session_service.js';
import { SESSION_PATH } from '../benches/session.js';
import { load } from '../parts/h2load.js';
import type { Started } from '../parts/process.js';

/** In all, whatever the number of servers: it divides by one, three and five. */
export const COST_CALLS = 6_000;
/** Calls under way in all, as in the bench of one server: four connections to each server share them. */
const AT_ONCE = 128;
const CONNECTIONS = 4;

/** What acknowledged Session calls took of each server, while every one of them was asked for the same share. */
export interface Cost {
  /** All of them together, on the cores that this machine has. */
  readonly callsPerSecond: number;
  /** CPU of each server for one call of any client, its own or another's, in µs; in the order of the servers. */
  readonly micros: readonly number[];
}

/** Each server is asked by clients of instances of its own; each call opens a session and ends the one before. */
export async function sessionCost(servers: readonly Started[]): Promise<Cost> {
  const from = servers.map((server) => server.cpuNanos());
  const calls = COST_CALLS / servers.length;
  const pace = { connections: CONNECTIONS, atOnce: Math.ceil(AT_ONCE / CONNECTIONS / servers.length) };
  const startMs = performance.now();
  await Promise.all(
    servers.map(({ port }, at) => load({ port, path: SESSION_PATH, message: requestOf(at), calls, ...pace })),
  );
  const seconds = (performance.now() - startMs) / 1_000;
  const micros = servers.map((server, at) => (server.cpuNanos() - from[at]) / 1_000 / COST_CALLS);
  return { callsPerSecond: COST_CALLS / seconds, micros };
}

/** How many calls a second the servers take when each has a core: as many as the busiest of them. */
export function projectedRate({ micros }: Cost): number {
  return 1e6 / Math.max(...micros);
}

function requestOf(server: number): Uint8Array {
  const instanceUuid = `5f1c9a20-7d3e-4b8a-9c41-2e6f0d8b7a${String(10 + server)}`;
  return SessionRequest.encode(SessionRequest.create({ instanceUuid, instanceType: 2, name: 'bench' })).finish();
}

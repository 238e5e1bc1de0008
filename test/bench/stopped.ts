import { connect } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { WatchNetworkDeltaRequest } from '../../gen/switchyard/v1/network_service.js';
import { SessionRequest } from '../../gen/switchyard/v1/session_service.js';
import { type Figure, figureOf } from './figure.js';
import { load, startLoad } from './h2load.js';
import type { Started } from './process.js';
import { dataFolder, startProbedSwitchyard } from './servers.js';

const CHANGES = 100_000;
const WATCHERS = 20;
const MIB = 1_048_576;
const SESSION = '/switchyard.v1.SessionService/Session';
const WATCH = '/switchyard.v1.NetworkService/WatchNetworkDelta';
const session = SessionRequest.encode(
  SessionRequest.create({ instanceUuid: '5f1c9a20-7d3e-4b8a-9c41-2e6f0d8b7a13', instanceType: 2, name: 'bench' }),
).finish();
const watch = WatchNetworkDeltaRequest.encode(WatchNetworkDeltaRequest.create()).finish();

/** A watcher whose window stays shut: it opens the call and never reads. */
function stopWatching(port: number): { close(): void } {
  const client = connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 0 } });
  client.on('error', () => {});
  const headers = { ':method': 'POST', ':path': WATCH, 'content-type': 'application/grpc', te: 'trailers' };
  const stream = client.request(headers);
  stream.on('error', () => {});
  const head = Buffer.alloc(5);
  head.writeUInt32BE(watch.length, 1);
  stream.end(Buffer.concat([head, watch]));
  return { close: () => client.destroy() };
}

/** Makes all changes, and looks at what is left when everything is collected that can be. */
async function flood(server: Started): Promise<{ callsPerSecond: number; heldMiB: number; residentMiB: number }> {
  const flooding = { port: server.port, path: SESSION, message: session, calls: CHANGES, connections: 4, atOnce: 32 };
  const { callsPerSecond } = await load(flooding);
  const { heldBytes, residentBytes } = await server.ask('memory');
  return { callsPerSecond, heldMiB: heldBytes / MIB, residentMiB: residentBytes / MIB };
}

/**
 * One watcher that has stopped reading while 100,000 changes pass: what it adds to the server's memory, and what it takes
 * from the others' pace. Rounds with and without it alternate; memory is compared between neighbours.
 */
export async function benchStopped(rounds: number, progress: (line: string) => void): Promise<Figure[]> {
  const data = dataFolder();
  const server = await startProbedSwitchyard(data.path, '--history-bytes', '16777216');
  try {
    const atOnce = 1;
    const watchers = startLoad({
      port: server.port,
      path: WATCH,
      message: watch,
      calls: WATCHERS,
      connections: WATCHERS,
      atOnce,
    });
    await sleep(1_000);
    await flood(server);
    const grownMiB: number[] = [];
    const residentMiB: number[] = [];
    const lost: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const without = await flood(server);
      const stopped = stopWatching(server.port);
      await sleep(500);
      const beside = await flood(server);
      stopped.close();
      grownMiB.push(beside.heldMiB - without.heldMiB);
      residentMiB.push(beside.residentMiB - without.residentMiB);
      lost.push((1 - beside.callsPerSecond / without.callsPerSecond) * 100);
      progress(
        `round ${round + 1} of ${rounds}: ${grownMiB.at(-1)!.toFixed(1)} MiB, ${lost.at(-1)!.toFixed(1)} % slower`,
      );
    }
    watchers.kill('SIGKILL');
    const what = 'one stopped watcher while 100,000 changes pass';
    return [
      figureOf({ bench: 'stopped', what: `${what}: memory`, unit: 'MiB', goal: '<= 32' }, grownMiB),
      figureOf({ bench: 'stopped', what: `${what}: resident memory`, unit: 'MiB' }, residentMiB),
      figureOf({ bench: 'stopped', what: `${what}: the others' loss`, unit: '%', goal: '<= 5' }, lost),
    ];
  } finally {
    await server.stop();
    data.remove();
  }
}

import { connect } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { WatchNetworkDeltaRequest } from '../../../gen/switchyard/v1/network_service.js';
import { SessionRequest } from '../../../gen/switchyard/v1/session_service.js';
import { type Figure, figureOf } from '../figure.js';
import { load, startLoad } from '../parts/h2load.js';
import type { Started } from '../parts/process.js';
import { dataFolder, startProbedSwitchyard } from '../parts/servers.js';

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

interface Flood {
  readonly callsPerSecond: number;
  /** Of the server, for each change. */
  readonly cpuMicros: number;
}

async function flood(server: Started): Promise<Flood> {
  const from = server.cpuSeconds();
  const flooding = { port: server.port, path: SESSION, message: session, calls: CHANGES, connections: 4, atOnce: 32 };
  const { callsPerSecond } = await load(flooding);
  return { callsPerSecond, cpuMicros: ((server.cpuSeconds() - from) * 1e6) / CHANGES };
}

/** Bytes that are held once everything is collected that can be. */
async function heldBytes(server: Started): Promise<number> {
  await server.quiet();
  return (await server.ask('memory')).heldBytes;
}

/**
 * One watcher that has stopped reading while 100,000 changes pass: what the server holds for it at the end, which is what
 * it lets go of when the watcher goes; and what it takes from the others' pace, beside the floods before and after it.
 */
export async function benchStopped(rounds: number, progress: (line: string) => void): Promise<Figure[]> {
  const data = dataFolder();
  const server = await startProbedSwitchyard(data.path, '--history-bytes', '16777216');
  try {
    const all = { calls: WATCHERS, connections: WATCHERS, atOnce: 1 };
    const watchers = startLoad({ port: server.port, path: WATCH, message: watch, ...all });
    await sleep(1_000);
    await flood(server);
    const heldMiB: number[] = [];
    const lostPercent: number[] = [];
    const dearerPercent: number[] = [];
    let before = await flood(server);
    for (let round = 0; round < rounds; round++) {
      const stopped = stopWatching(server.port);
      await sleep(500);
      const beside = await flood(server);
      const withIt = await heldBytes(server);
      stopped.close();
      heldMiB.push((withIt - (await heldBytes(server))) / MIB);
      const after = await flood(server);
      lostPercent.push(100 - (200 * beside.callsPerSecond) / (before.callsPerSecond + after.callsPerSecond));
      dearerPercent.push((200 * beside.cpuMicros) / (before.cpuMicros + after.cpuMicros) - 100);
      before = after;
      const [held, lost, dearer] = [heldMiB, lostPercent, dearerPercent].map((values) => values.at(-1)!.toFixed(1));
      progress(`round ${round + 1} of ${rounds}: ${held} MiB held, ${lost} % slower, ${dearer} % more CPU`);
    }
    watchers.kill('SIGKILL');
    const bench = 'stopped';
    const what = 'one stopped watcher while 100,000 changes pass';
    return [
      figureOf({ bench, what: `${what}: memory`, unit: 'MiB', goal: '<= 32' }, heldMiB),
      figureOf({ bench, what: `${what}: the others' loss`, unit: '%', goal: '<= 5' }, lostPercent),
      figureOf({ bench, what: `${what}: more CPU a change`, unit: '%' }, dearerPercent),
    ];
  } finally {
    await server.stop();
    data.remove();
  }
}

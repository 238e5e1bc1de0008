import { setTimeout as sleep } from 'node:timers/promises';
import { credentials } from '@grpc/grpc-js';
import { NetworkServiceClient } from '../../../gen/switchyard/v1/network_service.js';
import { SessionRequest, SessionServiceClient } from '../../../gen/switchyard/v1/session_service.js';
import type { Started } from '../parts/process.js';
import { dataFolder, startBare, startSwitchyard } from '../parts/servers.js';
import { type Round, type Row, rowOf } from '../row.js';

const WATCHERS = 100;
const CONNECTIONS = 10;
const CHANGES = 1_000;
const EVERY_MS = 10;
const request = SessionRequest.create({ instanceUuid: '5f1c9a20-7d3e-4b8a-9c41-2e6f0d8b7a13', instanceType: 2 });

/** The time from before the call that makes a change until a watcher has it, in ms: the 99th percentile of them all. */
async function p99(server: Started): Promise<number> {
  const target = `127.0.0.1:${server.port}`;
  const sessions = new SessionServiceClient(target, credentials.createInsecure());
  const publish = (): Promise<void> =>
    new Promise((resolve, reject) => {
      sessions.session(request, (error) => (error === null ? resolve() : reject(error)));
    });
  await publish();
  const sentMs: number[] = [];
  const tookMs: number[] = [];
  const networks = Array.from(
    { length: CONNECTIONS },
    () => new NetworkServiceClient(target, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 }),
  );
  const calls = Array.from({ length: WATCHERS }, (_, at) => {
    const call = networks[at % CONNECTIONS].watchNetworkDelta({ after: undefined, coalesce: false, cvids: [] });
    let seen = 0;
    call.on('data', ({ kind, deltas }) => {
      if (kind !== 3) return;
      for (let delta = 0; delta < deltas.length; delta++) tookMs.push(performance.now() - sentMs[seen++]);
    });
    call.on('error', () => {});
    return call;
  });
  await sleep(1_000);
  for (let change = 0; change < CHANGES; change++) {
    sentMs.push(performance.now());
    void publish();
    await sleep(EVERY_MS);
  }
  await sleep(1_000);
  for (const call of calls) call.cancel();
  for (const client of [sessions, ...networks]) client.close();
  if (tookMs.length !== WATCHERS * CHANGES)
    throw new Error(`${tookMs.length} of ${WATCHERS * CHANGES} changes arrived`);
  return tookMs.sort((x, y) => x - y)[Math.floor(tookMs.length * 0.99)];
}

/** Publish to deliver at 100 changes a second to 100 watchers; ours is durable before it is told, the rival's is not. */
export async function benchLatency(rounds: number, progress: (line: string) => void): Promise<Row[]> {
  const data = dataFolder();
  const [server, bare] = [await startSwitchyard(data.path), await startBare()];
  try {
    const taken: Round[] = [];
    for (let round = 0; round < rounds; round++) {
      taken.push({ ours: await p99(server), rival: await p99(bare) });
      progress(`round ${round + 1} of ${rounds}`);
    }
    const what = 'publish to deliver, 100 changes/s to 100 watchers';
    return [rowOf({ bench: 'latency', what, rivalName: 'bare grpc-js', unit: 'ms, p99', goal: 0.5 }, taken, true)];
  } finally {
    for (const one of [server, bare]) await one.stop();
    data.remove();
  }
}

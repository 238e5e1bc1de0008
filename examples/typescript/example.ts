// Opens a session, watches the network over a restart of the server, and reads a refusal, with stubs of ts-proto and
// @grpc/grpc-js alone. (With the package `switchyard/client` all of this is one object: see docs/client.md.)
//
//   example.ts HOST:PORT
import { setTimeout as sleep } from 'node:timers/promises';
import { credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { ErrorInfo, RetryInfo } from './google/rpc/error_details.js';
import { Status } from './google/rpc/status.js';
import { InstanceType } from './switchyard/v1/instance.js';
import { WatchKind } from './switchyard/v1/network.js';
import { NetworkServiceClient, type WatchNetworkDeltaResponse } from './switchyard/v1/network_service.js';
import type { Position } from './switchyard/v1/position.js';
import { type SessionResponse, SessionServiceClient } from './switchyard/v1/session_service.js';

/** How long to wait before a watch is opened again when the server does not say. */
const DEFAULT_RETRY_MS = 500;

const address = process.argv[2]!;
const sessions = new SessionServiceClient(address, credentials.createInsecure());
const network = new NetworkServiceClient(address, credentials.createInsecure());

const request = {
  instanceUuid: '6f1d2c3b-0000-4000-8000-000000009011',
  instanceType: InstanceType.AGENT,
  instanceFlavor: 0,
  name: 'an example in TypeScript',
  labels: { language: 'typescript' },
};
const session = await call<SessionResponse>((done) => sessions.session(request as never, done));
console.log('session', session.instanceSid);
await watchOverRestart();
await call((done) => network.getNode({ cvid: 1 }, done)).catch((refusal: ServiceError) => {
  const info = findDetail(refusal, 'google.rpc.ErrorInfo', ErrorInfo);
  console.log(`refused ${status[refusal.code]} ${info?.reason}: ${refusal.details}`);
});
const asSession = new Metadata();
asSession.set('switchyard-session', session.sessionToken);
await call((done) => sessions.terminateSession({ cvid: 0, reason: '' }, asSession, done));
sessions.close();
network.close();

/** Watches until the server has gone away and come back, and the watch has gone on from where it was. */
async function watchOverRestart(): Promise<void> {
  let after: Position | undefined;
  for (;;) {
    const resumes = after !== undefined;
    let nodes = 0;
    const watch = network.watchNetworkDelta({ after, coalesce: false, cvids: [] });
    try {
      for await (const message of watch as AsyncIterable<WatchNetworkDeltaResponse>) {
        if (message.kind === WatchKind.SNAPSHOT) {
          for (const { nodeAdded } of message.deltas) nodes += nodeAdded.length;
          continue;
        }
        if (message.kind === WatchKind.RESET) throw new Error('the server does not know our position');
        if (message.kind === WatchKind.SNAPSHOT_END) console.log('watching', nodes, 'nodes');
        else if (resumes) {
          console.log(`resumed after revision ${after?.revision}`);
          return;
        }
        // Where to go on: only a message that completes something moves it.
        after = message.position;
      }
    } catch (refusal) {
      if ((refusal as ServiceError).code !== status.UNAVAILABLE) throw refusal;
      await sleep(retryDelay(refusal as ServiceError));
    } finally {
      watch.cancel();
    }
  }
}

/** A unary call as a promise. */
function call<T>(start: (done: (error: ServiceError | null, answer: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => start((error, answer) => (error ? reject(error) : resolve(answer))));
}

/** A detail of a refusal; undefined when it has none of the kind. */
function findDetail<T>(refusal: ServiceError, name: string, kind: { decode(bytes: Uint8Array): T }): T | undefined {
  const [packed] = refusal.metadata.get('grpc-status-details-bin');
  if (packed === undefined) return undefined;
  const detail = Status.decode(packed as Buffer).details.find(({ typeUrl }) => typeUrl.endsWith(`/${name}`));
  return detail && kind.decode(detail.value);
}

/** How long the server asks to wait. */
function retryDelay(refusal: ServiceError): number {
  const delay = findDetail(refusal, 'google.rpc.RetryInfo', RetryInfo)?.retryDelay;
  return delay === undefined ? DEFAULT_RETRY_MS : Number(delay.seconds) * 1_000 + delay.nanos / 1e6;
}

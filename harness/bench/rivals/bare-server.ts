import { randomBytes } from 'node:crypto';
import { Server, ServerCredentials, type ServerWritableStream } from '@grpc/grpc-js';
import { WatchKind } from '../../../gen/switchyard/v1/network.js';
import {
  NetworkServiceService,
  type WatchNetworkDeltaRequest,
  type WatchNetworkDeltaResponse,
} from '../../../gen/switchyard/v1/network_service.js';
import { type SessionResponse, SessionServiceService } from '../../../gen/switchyard/v1/session_service.js';

/*
 * What anybody would write first: grpc-js with ts-proto's stubs and nothing behind them. Session answers a constant, and
 * each call is told to every watcher by a `write` of the message object, which grpc-js serializes for each of them.
 */

const answer: SessionResponse = {
  instanceSid: 514,
  serverSid: 257,
  serverUuid: '00000000-0000-4000-8000-000000000001',
  sessionToken: `sy1_${randomBytes(28).toString('base64url')}`,
  ttl: { seconds: 60n, nanos: 0 },
  streamId: 1,
  position: { epoch: 'AAAAAAAAAAA', revision: 1n },
  rendezvous: [],
  servers: [],
  relayVersion: 0,
};

const watchers = new Set<ServerWritableStream<WatchNetworkDeltaRequest, WatchNetworkDeltaResponse>>();
let revision = 1n;

/** The change that superseding a session makes, as Switchyard says it: one node goes, one comes, with their links. */
function change(): WatchNetworkDeltaResponse {
  revision++;
  const cvid = 514 + Number(revision % 1_000_000n) * 256;
  const delta = {
    nodeAdded: [{ cvid, parent: 257, instanceUuid: '5f1c9a20-7d3e-4b8a-9c41-2e6f0d8b7a13', name: 'bench', labels: {} }],
    nodeRemoved: [{ cvid: cvid - 256 }],
    linkAdded: [{ cvid1: 257, cvid2: cvid, link: 0 }],
    linkRemoved: [{ cvid1: 257, cvid2: cvid - 256, link: 0 }],
  };
  return {
    position: { epoch: 'AAAAAAAAAAA', revision },
    kind: WatchKind.DELTA,
    deltas: [delta],
    committedAt: undefined,
  };
}

const server = new Server();
server.addService(SessionServiceService, {
  session: (_call: unknown, callback: (error: null, answer: SessionResponse) => void) => {
    if (watchers.size > 0) {
      const message = change();
      for (const watcher of watchers) watcher.write(message);
    }
    callback(null, answer);
  },
});
server.addService(NetworkServiceService, {
  watchNetworkDelta: (call: ServerWritableStream<WatchNetworkDeltaRequest, WatchNetworkDeltaResponse>) => {
    watchers.add(call);
    call.on('cancelled', () => watchers.delete(call));
  },
});
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  console.log(port);
});

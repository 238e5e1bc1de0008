import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js';
import { WatchKind } from '../../../gen/switchyard/v1/network.js';
import { NetworkServiceService } from '../../../gen/switchyard/v1/network_service.js';
import { type ListSessionsRequest, SessionServiceService } from '../../../gen/switchyard/v1/session_service.js';
import type { Watch } from '../../client/worlds/fake-server.js';

/** Nodes in a message of a snapshot: some 64 KiB, as a real server sends them. */
const NODES_PER_MESSAGE = 500;
const POSITION = { epoch: 'e', revision: 7n };

interface MillionServer {
  readonly address: string;
  /** How many rows it has sent, or given to be sent, since it was asked for the first ones. */
  sent(): number;
  stop(): void;
}

/** A server with as many sessions and nodes as are wanted, made as they are sent: it holds none of them. It says when it is asked. */
export async function startMillionServer(count: number, asked: () => void): Promise<MillionServer> {
  const server = new Server();
  let sent = 0;
  const listSessions = (call: ServerUnaryCall<ListSessionsRequest, object>, tell: sendUnaryData<object>) => {
    asked();
    const { pageSize, pageToken } = call.request;
    const from = Number(pageToken || '0');
    const sids = Array.from({ length: Math.min(pageSize, count - from) }, (_, at) => from + at);
    const next = from + sids.length;
    sent = next;
    tell(null, { sessions: sids.map(sessionOf), position: POSITION, nextPageToken: next < count ? String(next) : '' });
  };
  const watchNetworkDelta = async (watch: Watch) => {
    asked();
    for (let from = 0; from < count && !watch.cancelled; from += NODES_PER_MESSAGE) {
      const nodeAdded = Array.from({ length: NODES_PER_MESSAGE }, (_, at) => ({ ...nodeOf(from + at), parent: 1 }));
      const delta = { nodeAdded, nodeRemoved: [], linkAdded: [], linkRemoved: [] };
      sent = from + NODES_PER_MESSAGE;
      const message = { kind: WatchKind.SNAPSHOT, position: POSITION, deltas: [delta], committedAt: undefined };
      if (!watch.write(message)) await new Promise((resolve) => watch.once('drain', resolve));
    }
    watch.write({ kind: WatchKind.SNAPSHOT_END, position: POSITION, deltas: [], committedAt: undefined });
  };
  // biome-ignore lint/suspicious/noExplicitAny: the other methods answer UNIMPLEMENTED by themselves
  const some = (methods: object) => methods as any;
  server.addService(SessionServiceService, some({ listSessions }));
  server.addService(NetworkServiceService, some({ watchNetworkDelta }));
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return { address: `127.0.0.1:${port}`, sent: () => sent, stop: () => server.forceShutdown() };
}

function nodeOf(cvid: number) {
  const instanceUuid = `00000000-0000-4000-8000-${String(cvid).padStart(12, '0')}`;
  return { cvid, instanceUuid, name: `node-${cvid}`, labels: { site: `site-${cvid % 100}` } };
}

function sessionOf(cvid: number) {
  const times = { ttl: { seconds: 30n, nanos: 0 }, openedAt: new Date(0), openedPosition: POSITION };
  return { ...nodeOf(cvid), ...times, instanceType: 2, instanceFlavor: 0, attached: true };
}

import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type StatusObject,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { ErrorInfo, RetryInfo } from '../../../gen/google/rpc/error_details.js';
import { Status } from '../../../gen/google/rpc/status.js';
import {
  type GetNodeRequest,
  type GetNodeResponse,
  NetworkServiceService,
  type WatchNetworkDeltaRequest,
  type WatchNetworkDeltaResponse,
} from '../../../gen/switchyard/v1/network_service.js';

/** What a test makes of a watch on a real connection. */
export type Watch = ServerWritableStream<WatchNetworkDeltaRequest, WatchNetworkDeltaResponse>;

/**
 * A gRPC server for what only a real connection shows: GetNode answers with the node asked for, node 404 is not found,
 * node 503 is to be asked for later, of what came of node 565 the first time nothing is known, node 408 is never answered; WatchNetworkDelta is the test's.
 */
export class FakeServer {
  #server = new Server();
  /** The metadata of every call, in order. */
  readonly seen: Metadata[] = [];
  /** How many unary calls were given up by the client. */
  cancelled = 0;
  /** What every node calls itself. */
  name = '';
  onWatch: (watch: Watch) => void = () => {};

  /** Listens on `port`, or on a free one; answers with the port. */
  async start(port = 0, credentials = ServerCredentials.createInsecure()): Promise<number> {
    this.#server.addService(NetworkServiceService, {
      getNode: (call: ServerUnaryCall<GetNodeRequest, GetNodeResponse>, answer: sendUnaryData<GetNodeResponse>) => {
        this.seen.push(call.metadata);
        call.on('cancelled', () => {
          this.cancelled += 1;
        });
        const { cvid } = call.request;
        if (cvid === 404) return answer(status(5, 'no node 404', 'NODE_NOT_FOUND'));
        if (cvid === 565 && this.seen.length === 1)
          return answer(status(14, 'it may be stored, or not', 'OUTCOME_UNKNOWN'));
        if (cvid === 503) return answer(status(14, 'the server is draining', 'DRAINING', 1));
        if (cvid === 408) return;
        const node = { cvid, parent: 9, instanceUuid: 'u', name: this.name, labels: {}, links: [] };
        answer(null, { node, position: { epoch: 'e', revision: 7n } });
      },
      watchNetworkDelta: (call: Watch) => {
        this.seen.push(call.metadata);
        this.onWatch(call);
      },
      // biome-ignore lint/suspicious/noExplicitAny: the other methods answer UNIMPLEMENTED by themselves
    } as any);
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(`127.0.0.1:${port}`, credentials, (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
  }

  /** Goes away as a killed process does. Can be started again. */
  stop(): void {
    this.#server.forceShutdown();
    this.#server = new Server();
  }
}

/** A status with details as the server's own. */
export function status(code: number, message: string, reason: string, retryAfterSeconds?: number): StatusObject {
  const details = [
    {
      typeUrl: 'type.googleapis.com/google.rpc.ErrorInfo',
      value: Buffer.from(ErrorInfo.encode({ reason, domain: 'switchyard', metadata: {} }).finish()),
    },
  ];
  if (retryAfterSeconds !== undefined) {
    const retryDelay = { seconds: BigInt(retryAfterSeconds), nanos: 0 };
    const value = Buffer.from(RetryInfo.encode({ retryDelay }).finish());
    details.push({ typeUrl: 'type.googleapis.com/google.rpc.RetryInfo', value });
  }
  const metadata = new Metadata();
  metadata.set('grpc-status-details-bin', Buffer.from(Status.encode({ code, message, details }).finish()));
  return { code, details: message, metadata };
}

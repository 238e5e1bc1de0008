import { ErrorInfo } from '../../../gen/google/rpc/error_details.js';
import { Status } from '../../../gen/google/rpc/status.js';
import type { LocalStatus } from '../../../src/grpc/local-calls.js';
import type { Process } from '../machine/process.js';
import type { NetworksServer, NetworksTampering } from './server.js';

/** A method as the generated services have it. */
export interface Method<Request, Response> {
  readonly path: string;
  readonly requestSerialize: (request: Request) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Response;
}

/** As whom a call is made, and about which network. */
export interface CallAs {
  readonly network?: string | undefined;
  readonly token?: string | undefined;
  readonly admin?: string | undefined;
  /** The token of a login. */
  readonly access?: string | undefined;
  /** ADDRESS:PORT of the connection. Absent: the same as of all others without one. */
  readonly peer?: string | undefined;
}

/** Who hears what comes of a call. */
export interface Hearing<Response> {
  readonly told: (response: Response) => void;
  /** The reason of a refusal; empty when it ended well. Not called where the server dies. */
  readonly ended?: (reason: string) => void;
}

const LATENCY_MS = 2;
/** gRPC's number of an error of the server's own. */
const INTERNAL = 13;
const PEER = '192.0.2.7:7';

/** What a caller needs. */
export interface NetworksCallerDeps {
  readonly server: NetworksServer;
  readonly process: Process;
  readonly tamper: NetworksTampering;
  /** Told of an answer that no call may get: an error of the server's own. */
  readonly unsound: (what: string) => void;
  /** Told of each message and each end of a call, as the bytes came. */
  readonly heard?: ((path: string, bytes: Uint8Array) => void) | undefined;
}

/** Calls one server process, until that dies. */
export class NetworksCaller {
  readonly #deps: NetworksCallerDeps;

  constructor(deps: NetworksCallerDeps) {
    this.#deps = deps;
  }

  /** Begins a call. Answers with the way to give it up. */
  call<Request, Response>(
    { path, requestSerialize, responseDeserialize }: Method<Request, Response>,
    request: Request,
    as: CallAs,
    { told, ended = () => {} }: Hearing<Response>,
  ): () => void {
    const { process, server, tamper, unsound, heard } = this.#deps;
    const metadata = metadataOf(as);
    return server.local.open(
      {
        ...{ path, peer: as.peer ?? PEER, door: 'web', request: requestSerialize(request) },
        metadata: tamper.metadata?.(metadata) ?? metadata,
      },
      {
        message: (bytes, taken) => {
          if (!process.isAlive) return;
          heard?.(path, bytes);
          told(responseDeserialize(Buffer.from(bytes)));
          process.clock.after(LATENCY_MS, taken);
        },
        end: (status) => {
          if (!process.isAlive) return;
          heard?.(path, Buffer.from(`ended with ${status.code}: ${status.message}`));
          if (status.code === INTERNAL) unsound(`${path} answered: ${status.message}`);
          ended(reasonOf(status));
        },
      },
    );
  }
}

function metadataOf({ network, token, admin, access }: CallAs): Record<string, string> {
  return {
    ...(network !== undefined && { 'switchyard-network': network }),
    ...(token !== undefined && { 'switchyard-session': token }),
    ...(admin !== undefined && { 'switchyard-admin': admin }),
    ...(access !== undefined && { 'switchyard-access': access }),
  };
}

function reasonOf({ code, message, details }: LocalStatus): string {
  if (code === 0) return '';
  const info = Status.decode(details).details.find(({ typeUrl }) => typeUrl.endsWith('/google.rpc.ErrorInfo'));
  return info === undefined ? `code ${code}: ${message}` : ErrorInfo.decode(info.value).reason;
}

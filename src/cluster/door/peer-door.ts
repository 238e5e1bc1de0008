import { Server, type ServerDuplexStream, status } from '@grpc/grpc-js';
import {
  PeerServiceService,
  type SubmitRequest,
  type SubmitResponse,
} from '../../../gen/switchyard/cluster/v1/peer.js';
import { type Address, formatAddress } from '../../base/address.js';
import type { FollowerHandler, FollowerLink } from '../peers.js';
import { packLeader, unpackFollower } from './codec.js';
import { type PeerFiles, serverCredentials } from './credentials.js';
import { PEER_KEEPALIVE_MS, PEER_MESSAGE_BYTES_MAX } from './limits.js';

/** What a {@link PeerDoor} stands on. */
export interface PeerDoorDeps {
  readonly network: string;
  /** Undefined: everybody may connect, as nobody else reaches loopback. */
  readonly files: PeerFiles | undefined;
  /** A server has connected. Undefined: this one does not lead. */
  readonly accept: (link: FollowerLink) => FollowerHandler | undefined;
}

type Call = ServerDuplexStream<SubmitRequest, SubmitResponse>;

/** The door for the other servers of a network. */
export class PeerDoor {
  readonly #deps: PeerDoorDeps;
  readonly #server = new Server({
    'grpc.max_receive_message_length': PEER_MESSAGE_BYTES_MAX,
    'grpc.keepalive_time_ms': PEER_KEEPALIVE_MS,
    'grpc.keepalive_timeout_ms': PEER_KEEPALIVE_MS,
  });

  constructor(deps: PeerDoorDeps) {
    this.#deps = deps;
    this.#server.addService(PeerServiceService, { submit: (call: Call) => this.#submit(call) });
  }

  /** Opens it. Resolves with where it listens. */
  listen(address: Address): Promise<Address> {
    const credentials = serverCredentials(this.#deps.files);
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(formatAddress(address), credentials, (error, port) => {
        if (error === null) resolve({ host: address.host, port });
        else reject(error);
      });
    });
  }

  /** Ends every call and connection. */
  close(): void {
    this.#server.forceShutdown();
  }

  #submit(call: Call): void {
    const { accept, network } = this.#deps;
    const refuse = (code: status, details: string) => call.emit('error', { code, details });
    const notLeader = () => refuse(status.FAILED_PRECONDITION, 'this server does not lead the network in that term');
    const handler = accept({ send: (message) => void call.write(packLeader(message)), refuse: notLeader });
    if (handler === undefined) {
      notLeader();
      return;
    }
    let isOver = false;
    const over = () => {
      if (!isOver) handler.closed();
      isOver = true;
    };
    call.on('data', (message: SubmitRequest) => {
      if (isOver) return;
      if (message.network !== network) notLeader();
      else if (!isOf(call, message.server)) refuse(status.PERMISSION_DENIED, 'the certificate is not of that server');
      else handler.received(unpackFollower(message));
    });
    for (const event of ['end', 'cancelled', 'error', 'close']) call.once(event, over);
    call.on('end', () => call.end());
  }
}

/** Whether the certificate of a caller has the name that it gives; without certificates everybody may have every name. */
function isOf(call: Call, name: string): boolean {
  const { transportSecurityType, sslPeerCertificate } = call.getAuthContext();
  if (transportSecurityType === undefined) return true;
  const names = sslPeerCertificate?.subjectaltname?.split(', ') ?? [];
  return names.includes(`DNS:${name}`);
}

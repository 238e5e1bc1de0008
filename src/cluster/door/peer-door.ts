import { Server, type ServerDuplexStream, type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js';
import {
  PeerServiceService,
  type ReachRequest,
  type ReachResponse,
  type RelayRequest,
  type SubmitRequest,
  type SubmitResponse,
} from '../../../gen/switchyard/cluster/v1/peer.js';
import { type Address, formatAddress } from '../../base/address.js';
import type { Fence } from '../../base/fence.js';
import type { FollowerHandler, FollowerLink } from '../peers.js';
import { type BranchCall, BranchCarrier, type BranchHost } from './branch-calls.js';
import { packLeader, unpackFollower } from './codec.js';
import { type PeerFiles, serverCredentials } from './credentials.js';
import { PEER_KEEPALIVE_MS, PEER_MESSAGE_BYTES_MAX, UNREAD_MESSAGES_MAX } from './limits.js';

/** What a {@link PeerDoor} stands on. */
export interface PeerDoorDeps {
  readonly network: string;
  /** Undefined: everybody may connect, as nobody else reaches loopback. */
  readonly files: PeerFiles | undefined;
  /** Ends the call of a follower where handling what it sent throws, and not this server. */
  readonly fence: Fence;
  /** Where servers ask for branches of streams; undefined until this one has joined. */
  readonly branches: () => BranchHost | undefined;
  /** A server has connected. Undefined: this one does not lead. */
  readonly accept: (link: FollowerLink) => FollowerHandler | undefined;
}

const NOT_LEADER = 'this server does not lead the network in that term';

const NOT_JOINED = [status.UNAVAILABLE, 'this server has not joined the others yet'] as const;

type ReachCall = ServerUnaryCall<ReachRequest, ReachResponse>;
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
    this.#server.addService(PeerServiceService, {
      submit: (call: Call) => this.#submit(call),
      relay: (call: BranchCall) => this.#relay(call),
      reach: (call: ReachCall, answer: sendUnaryData<ReachResponse>) => this.#reach(call, answer),
    });
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
    const { accept, network, fence, files } = this.#deps;
    const refuse = (code: status, details: string) => call.emit('error', { code, details });
    const handler = accept(linkOf(call, refuse));
    if (handler === undefined) {
      refuse(status.FAILED_PRECONDITION, NOT_LEADER);
      return;
    }
    let isOver = false;
    const over = () => {
      if (!isOver) handler.closed();
      isOver = true;
    };
    const received = (message: SubmitRequest) => {
      if (isOver) return;
      if (message.network !== network) refuse(status.FAILED_PRECONDITION, NOT_LEADER);
      else if (files !== undefined && !isOf(call, message.server))
        refuse(status.PERMISSION_DENIED, 'the certificate is not of that server');
      else handler.received(unpackFollower(message));
    };
    call.on(
      'data',
      fence.around('peers', received, () => refuse(status.INTERNAL, 'the message could not be handled')),
    );
    for (const event of ['end', 'cancelled', 'error', 'close']) call.once(event, over);
    call.on('end', () => call.end());
  }

  #reach(call: ReachCall, answer: sendUnaryData<ReachResponse>): void {
    const { network, server, revision } = call.request;
    const host = this.#deps.branches();
    const problem = strangerTo(this.#deps, call, { network, server }) ?? (host === undefined ? NOT_JOINED : undefined);
    if (problem !== undefined || host === undefined) {
      const [code, details] = problem ?? NOT_JOINED;
      answer({ code, details });
      return;
    }
    void host.reached(Number(revision)).then((behind) => {
      if (behind === undefined) answer(null, {});
      else answer({ code: status.UNAVAILABLE, details: behind.message });
    });
  }

  #relay(call: BranchCall): void {
    const { fence } = this.#deps;
    const refuse = (code: status, details: string) => call.emit('error', { code, details });
    const host = this.#deps.branches();
    if (host === undefined) {
      refuse(...NOT_JOINED);
      return;
    }
    const carrier = new BranchCarrier(call, host, fence);
    let isOpened = false;
    const received = (message: RelayRequest) => {
      if (isOpened && message.open === undefined) return carrier.confirm(message.confirmedBlocks);
      const problem = isOpened
        ? ([status.INVALID_ARGUMENT, 'open: it comes once'] as const)
        : problemWith(message, call, this.#deps);
      isOpened = true;
      if (problem !== undefined) refuse(...problem);
      else carrier.open(message.open!);
    };
    call.on(
      'data',
      fence.around('peers', received, () => refuse(status.INTERNAL, 'the message could not be handled')),
    );
    for (const event of ['cancelled', 'error', 'close']) call.once(event, () => carrier.over());
    call.on('end', () => {
      carrier.over();
      call.end();
    });
  }
}

/** What is wrong with the first message of a call for a branch. */
function problemWith(
  { open, confirmedBlocks }: RelayRequest,
  call: BranchCall,
  deps: Pick<PeerDoorDeps, 'network' | 'files'>,
): readonly [status, string] | undefined {
  if (open === undefined) return [status.INVALID_ARGUMENT, 'open: the first message has it'];
  if (confirmedBlocks > 0n) return [status.INVALID_ARGUMENT, 'confirmed_blocks: not in the message that has open'];
  return strangerTo(deps, call, open);
}

/** What is wrong with a caller that says which server of which network it is. */
function strangerTo(
  { network, files }: Pick<PeerDoorDeps, 'network' | 'files'>,
  call: Pick<Call, 'getAuthContext'>,
  said: { readonly network: string; readonly server: string },
): readonly [status, string] | undefined {
  if (said.network !== network) return [status.FAILED_PRECONDITION, 'this server is of another network'];
  if (files !== undefined && !isOf(call, said.server))
    return [status.PERMISSION_DENIED, 'the certificate is not of that server'];
  return undefined;
}

function linkOf(call: Call, refuse: (code: status, details: string) => void): FollowerLink {
  return {
    send: (message) => {
      // The writable's queue counts messages.
      if (call.writableLength < UNREAD_MESSAGES_MAX) call.write(packLeader(message));
      else refuse(status.RESOURCE_EXHAUSTED, `the follower does not read: ${call.writableLength} messages wait`);
    },
    refuse: () => refuse(status.FAILED_PRECONDITION, NOT_LEADER),
    reject: (why) => refuse(status.INVALID_ARGUMENT, why),
  };
}

/** Whether the certificate of a caller has the name that it gives. Of a connection that is gone there is none. */
function isOf(call: Pick<Call, 'getAuthContext'>, name: string): boolean {
  const names = call.getAuthContext().sslPeerCertificate?.subjectaltname?.split(', ') ?? [];
  return names.includes(`DNS:${name}`);
}

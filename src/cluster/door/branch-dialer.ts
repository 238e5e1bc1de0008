import { type CallOptions, Client, type ClientDuplexStream, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { PeerServiceService, type RelayRequest, type RelayResponse } from '../../../gen/switchyard/cluster/v1/peer.js';
import type { Clock } from '../../base/clock.js';
import type { Fence } from '../../base/fence.js';
import { Fault } from '../../core/model/fault.js';
import type { BranchLink, BranchOwner, BranchRequest } from '../../relay/remote-branch.js';
import { clientCredentials, type PeerFiles } from './credentials.js';
import { PEER_KEEPALIVE_MS, PEER_MESSAGE_BYTES_MAX } from './limits.js';

/** A server that branches are asked for at. */
export interface BranchServer {
  readonly name: string;
  /** HOST:PORT. */
  readonly peerAddress: string;
}

/** What a {@link BranchDialer} stands on. */
export interface BranchDialerDeps {
  readonly clock: Clock;
  readonly network: string;
  /** This server's name. */
  readonly name: string;
  readonly files: PeerFiles | undefined;
  /** Ends the call where handling what came over it throws. */
  readonly fence: Fence;
  /** What is applied here. */
  readonly revision: () => number;
}

type Call = ClientDuplexStream<RelayRequest, RelayResponse>;

/** Dials other servers for branches over gRPC: one connection to each, one call for each branch. */
export class BranchDialer {
  readonly #deps: BranchDialerDeps;
  /** Bytes of streams that came from other servers, for metrics. */
  bytes = 0;
  /** By name. */
  readonly #clients = new Map<string, { readonly address: string; readonly client: Client }>();

  constructor(deps: BranchDialerDeps) {
    this.#deps = deps;
  }

  /** Asks a server for a branch. */
  dial(server: BranchServer, request: BranchRequest, owner: BranchOwner): BranchLink {
    const { network, name, revision, fence } = this.#deps;
    const { path, requestSerialize, responseDeserialize } = PeerServiceService.relay;
    const options: CallOptions = {};
    const client = this.#clientOf(server);
    const call: Call = client.makeBidiStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      new Metadata(),
      options,
    );
    const { sid, branchId, blocks } = request;
    const open = { network, server: name, sid, branchId, revision: BigInt(revision()) };
    call.write({ open: { ...open, blocks: blocks === undefined ? undefined : BigInt(blocks) }, confirmedBlocks: 0n });
    let isOver = false;
    const once = (tell: () => void) => {
      if (isOver) return;
      isOver = true;
      tell();
    };
    const received = (message: RelayResponse) => {
      this.bytes += message.block.length;
      if (!isOver) tellOwner(owner, message);
    };
    const giveUp = () => {
      call.cancel();
      once(() => owner.broken(new Fault('INTERNAL', 'what the server of the channel sent could not be handled')));
    };
    call.on('data', fence.around('peers', received, giveUp));
    call.on('error', (error: ServiceError) => once(() => owner.broken(faultOf(error))));
    // Whether the end is that of the data is said by the status, which comes after it.
    call.on('status', ({ code }) => {
      if (code === status.OK) once(() => owner.ended());
    });
    return linkOf(call, () => {
      isOver = true;
    });
  }

  /** Resolves with whether a server says within the time that it has applied a revision. */
  reach(server: BranchServer, revision: number, timeoutMs: number): Promise<boolean> {
    const { network, name, clock } = this.#deps;
    const { path, requestSerialize, responseDeserialize } = PeerServiceService.reach;
    const request = { network, server: name, revision: BigInt(revision) };
    return new Promise((resolve) => {
      const call = this.#clientOf(server).makeUnaryRequest(
        ...[path, requestSerialize, responseDeserialize, request, new Metadata()],
        {},
        (error) => {
          timer.cancel();
          resolve(error === null);
        },
      );
      const timer = clock.after(timeoutMs, () => call.cancel());
    });
  }

  /** Ends every connection. */
  close(): void {
    for (const { client } of this.#clients.values()) client.close();
    this.#clients.clear();
  }

  #clientOf({ name, peerAddress }: BranchServer): Client {
    const known = this.#clients.get(name);
    if (known?.address === peerAddress) return known.client;
    known?.client.close();
    const { files } = this.#deps;
    const client = new Client(peerAddress, clientCredentials(files), {
      'grpc.enable_retries': 0,
      'grpc.enable_http_proxy': 0,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 1_000,
      'grpc.max_receive_message_length': PEER_MESSAGE_BYTES_MAX,
      'grpc.keepalive_time_ms': PEER_KEEPALIVE_MS,
      'grpc.keepalive_timeout_ms': PEER_KEEPALIVE_MS,
      // Who answers has to be the server that is sought, wherever it is reached.
      ...(files !== undefined && { 'grpc.ssl_target_name_override': name }),
    });
    this.#clients.set(name, { address: peerAddress, client });
    return client;
  }
}

/** Tells an owner what the server of the channel said. */
export function tellOwner(owner: BranchOwner, { channel, count, lostBlocks, block }: RelayResponse): void {
  if (channel !== 0n) owner.opened(channel, Number(count));
  else owner.arrived({ block, count: Number(count), lost: Number(lostBlocks) });
}

function linkOf(call: Call, over: () => void): BranchLink {
  let toConfirm = 0;
  let isSending = false;
  /** One message is on its way; what is confirmed meanwhile goes in the next one. */
  const send = (said: number) => {
    if (toConfirm === said || call.destroyed) {
      isSending = false;
      return;
    }
    isSending = true;
    const now = toConfirm;
    call.write({ open: undefined, confirmedBlocks: BigInt(now) }, () => send(now));
  };
  let said = 0;
  return {
    confirm: (count) => {
      toConfirm = count;
      if (!isSending) send(said);
      said = count;
    },
    pause: () => call.pause(),
    resume: () => call.resume(),
    close: () => {
      over();
      call.cancel();
    },
  };
}

/** Why a branch cannot be had for good; undefined where it may be later, here or at another server. */
export function faultOf({ code, details }: Pick<ServiceError, 'code' | 'details'>): Fault | undefined {
  switch (code) {
    case status.NOT_FOUND:
      return new Fault('STREAM_NOT_FOUND', details);
    case status.ABORTED:
      return new Fault('STREAM_STOPPED', details);
    case status.ALREADY_EXISTS:
      return new Fault('OUT_OF_ORDER', details);
    case status.INVALID_ARGUMENT:
      return Fault.fields([{ field: 'open.blocks', description: details }]);
    default:
      return undefined;
  }
}

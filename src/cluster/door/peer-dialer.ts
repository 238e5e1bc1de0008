import { Client, Metadata } from '@grpc/grpc-js';
import { PeerServiceService, type SubmitResponse } from '../../../gen/switchyard/cluster/v1/peer.js';
import type { Fence } from '../../base/fence.js';
import type { DialLeader } from '../peers.js';
import { packFollower, unpackLeader } from './codec.js';
import { clientCredentials, type PeerFiles } from './credentials.js';
import { PEER_KEEPALIVE_MS, PEER_MESSAGE_BYTES_MAX } from './limits.js';

/** Dials leaders over gRPC: a connection of its own for each link, which is over with the link. */
export function peerDialer(network: string, files: PeerFiles | undefined, fence: Fence): DialLeader {
  const { path, requestSerialize, responseDeserialize } = PeerServiceService.submit;
  return (leader, owner) => {
    const client = new Client(leader.address, clientCredentials(files), {
      'grpc.enable_retries': 0,
      'grpc.enable_http_proxy': 0,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.max_receive_message_length': PEER_MESSAGE_BYTES_MAX,
      'grpc.keepalive_time_ms': PEER_KEEPALIVE_MS,
      'grpc.keepalive_timeout_ms': PEER_KEEPALIVE_MS,
      // Who answers has to be who leads by the log, wherever it is reached.
      ...(files !== undefined && { 'grpc.ssl_target_name_override': leader.name }),
    });
    const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, new Metadata(), {});
    let isOver = false;
    const over = () => {
      if (isOver) return;
      isOver = true;
      client.close();
      owner.broken();
    };
    const received = (message: SubmitResponse) => {
      if (!isOver) owner.received(unpackLeader(message));
    };
    const giveUp = () => {
      call.cancel();
      over();
    };
    call.on('data', fence.around('peers', received, giveUp));
    call.on('error', over);
    call.on('end', over);
    return {
      send: (message) => {
        if (!isOver) call.write(packFollower(network, message));
      },
      close: () => {
        if (isOver) return;
        isOver = true;
        call.cancel();
        client.close();
      },
    };
  };
}

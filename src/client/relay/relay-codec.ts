import {
  type RelayRequest,
  type RelayResponse,
  StreamServiceService,
} from '../../../gen/switchyard/v1/stream_service.js';
import { decodeLoneBytes, encodeLoneBytes } from '../../protowire/lone-bytes.js';

/** The field `block` of RelayRequest and of RelayResponse: number 2, of bytes. */
const BLOCK_TAG = 0x12;
const { relay } = StreamServiceService;

/** The method Relay, whose messages that are nothing but a block are copied once each, and not as often as generated code does. */
export const RELAY = {
  ...relay,
  requestSerialize(request: RelayRequest): Buffer {
    const isBlock = request.block.length > 0 && request.open === undefined && request.confirmedBlocks === 0n;
    return isBlock ? encodeLoneBytes(BLOCK_TAG, request.block) : relay.requestSerialize(request);
  },
  responseDeserialize(message: Buffer): RelayResponse {
    const block = decodeLoneBytes(BLOCK_TAG, message);
    if (block === undefined) return relay.responseDeserialize(message);
    return { opened: undefined, block, confirmedBlocks: 0n, lostBlocks: 0n };
  },
};

/** A request that is a block, which is not changed until it was sent. */
export function blockRequest(block: Uint8Array): RelayRequest {
  const { buffer, byteOffset, length } = block;
  return { open: undefined, block: Buffer.from(buffer, byteOffset, length), confirmedBlocks: 0n };
}

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
  requestDeserialize(message: Buffer): RelayRequest {
    const block = decodeLoneBytes(BLOCK_TAG, message);
    return block === undefined ? relay.requestDeserialize(message) : { open: undefined, block, confirmedBlocks: 0n };
  },
  responseSerialize(response: RelayResponse): Buffer {
    const { opened, block, confirmedBlocks, lostBlocks } = response;
    const isBlock = block.length > 0 && opened === undefined && confirmedBlocks === 0n && lostBlocks === 0n;
    return isBlock ? encodeLoneBytes(BLOCK_TAG, block) : relay.responseSerialize(response);
  },
};

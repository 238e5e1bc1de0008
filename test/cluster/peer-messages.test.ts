import { describe, expect, it } from '@jest/globals';
import { SubmitRequest } from '../../gen/switchyard/cluster/v1/peer.js';
import { packFollower, unpackFollower } from '../../src/cluster/door/codec.js';
import type { FollowerMessage } from '../../src/cluster/peers.js';
import { message } from './desk-world.js';

function overTheWire(given: Partial<FollowerMessage>): FollowerMessage {
  const bytes = SubmitRequest.encode(packFollower('a network', message(given))).finish();
  return unpackFollower(SubmitRequest.decode(bytes));
}

describe('what a follower says of how many messages it has heard', () => {
  it.each([0, 1, 2 ** 40])('comes over the wire: %i', (heard) => {
    expect(overTheWire({ heard }).heard).toBe(heard);
  });

  it('is nothing where it is of an earlier build', () => {
    expect(overTheWire({}).heard).toBeUndefined();
  });
});

import { afterEach, describe, expect, it } from '@jest/globals';
import { formatAddress } from '../../src/base/address.js';
import { Fence } from '../../src/base/fence.js';
import { systemRandom } from '../../src/client/system.js';
import { peerDialer } from '../../src/cluster/door/peer-dialer.js';
import { PeerDoor } from '../../src/cluster/door/peer-door.js';
import type { FollowerHandler, FollowerLink, LeaderMessage } from '../../src/cluster/peers.js';
import { message } from './desk-world.js';

const NOTHING: LeaderMessage = { refusals: [], replaced: [], attached: [], absent: [], renewed: [] };

describe('the connection between a follower and its leader', () => {
  const reported: object[] = [];
  const fence = new Fence({ log: { error: (facts) => void reported.push(facts) }, random: systemRandom });
  const doors: PeerDoor[] = [];

  afterEach(() => {
    reported.length = 0;
    for (const door of doors.splice(0)) door.close();
  });

  async function open(accept: (link: FollowerLink) => FollowerHandler) {
    const door = new PeerDoor({ network: 'yard', files: undefined, fence, accept, branches: () => undefined });
    doors.push(door);
    const address = formatAddress(await door.listen({ host: '127.0.0.1', port: 0 }));
    const dial = peerDialer('yard', undefined, fence);
    return (received: (message: LeaderMessage) => void) =>
      new Promise<void>((broken) => {
        dial({ name: 'a', term: 5n, address }, { received, broken }).send(message());
      });
  }

  it('ends when the leader cannot handle what came over it, and the leader goes on', async () => {
    let closed = 0;
    const handler = {
      received: () => {
        throw new Error('unforeseen');
      },
      closed: () => void closed++,
    };
    const dial = await open(() => handler);
    await dial(() => {});
    await dial(() => {});
    expect(closed).toBe(2);
    expect(reported).toHaveLength(2);
  });

  it('ends when the follower cannot handle what the leader said, and the follower goes on', async () => {
    const dial = await open((link) => ({ received: () => link.send(NOTHING), closed: () => {} }));
    await dial(() => {
      throw new Error('unforeseen');
    });
    expect(reported).toHaveLength(1);
  });

  it('ends when the leader rejects what came over it', async () => {
    const dial = await open((link) => ({ received: () => link.reject('asked: too many'), closed: () => {} }));
    await dial(() => {});
    expect(reported).toEqual([]);
  });
});

import { describe, expect, it } from '@jest/globals';
import { ServerAddresses } from '../../src/cluster/server-addresses.js';
import { DeskWorld, HeardLink, message } from './desk-world.js';

const server = (name: string, attachedCount: number, addresses = [`${name}:8768`]) => ({
  ...{ name, peerAddress: `${name}:8779`, addresses, attachedCount },
});

describe('the servers of a network, as one of them knows them', () => {
  it('has itself among them before anything was heard, as it is now', () => {
    let count = 1;
    const roster = new ServerAddresses(() => server('a', count));
    roster.learn([server('a', 9), server('b', 5)]);
    count = 3;
    expect(roster.meanAttached).toBe(4);
    expect([roster.addresses, roster.others]).toEqual([['a:8768', 'b:8768'], ['b:8768']]);
  });

  it('says the same array for as long as the addresses are the same', () => {
    const roster = new ServerAddresses(() => server('a', 1));
    roster.learn([server('b', 5)]);
    const { addresses } = roster;
    roster.learn([server('b', 6)]);
    expect(roster.addresses).toBe(addresses);
    roster.learn([]);
    expect(roster.addresses).not.toBe(addresses);
  });

  it('has no mean where clients may go to no other server', () => {
    const roster = new ServerAddresses(() => server('a', 1));
    roster.learn([server('b', 5, [])]);
    expect(roster.meanAttached).toBeUndefined();
  });

  it('is told by the leader, from what its followers say of themselves', () => {
    const world = new DeskWorld();
    const link = new HeardLink();
    const follower = world.desk.accept(link);
    follower.received(message({ addresses: ['b:8768'], attachedCount: 7 }));
    expect(link.heard[0].roster?.map(({ name, attachedCount }) => [name, attachedCount])).toEqual([
      ['a', 0],
      ['b', 7],
    ]);
    follower.closed();
    expect(world.desk.roster).toHaveLength(1);
  });

  it('is not taken from a follower that says more addresses than one server has', () => {
    const world = new DeskWorld();
    const link = new HeardLink();
    world.desk.accept(link).received(message({ addresses: Array.from({ length: 9 }, (_, nth) => `b:${nth}`) }));
    expect(link.rejected).toEqual(['addresses: 9; 8 are allowed']);
  });
});

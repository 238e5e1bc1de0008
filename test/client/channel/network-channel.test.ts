import { describe, expect, it } from '@jest/globals';
import type { Channel } from '../../../src/client/channel/channel.js';
import { NetworkChannel } from '../../../src/client/channel/network-channel.js';

describe('a way to one network', () => {
  it('goes on at another server, and learns of servers, as the way beneath it does', () => {
    const told: unknown[] = [];
    const beneath = {
      moveOn: (error: unknown) => told.push(error) > 0,
      learn: (servers: readonly string[]) => void told.push(servers),
    } as unknown as Channel;
    const channel = new NetworkChannel(beneath, 'fleet');
    const error = new Error('the server is away');
    expect(channel.moveOn(error)).toBe(true);
    channel.learn(['b:8768']);
    expect(told).toEqual([error, ['b:8768']]);
  });

  it('stays where the way beneath it knows one server', () => {
    const channel = new NetworkChannel({} as Channel, 'fleet');
    expect(channel.moveOn(new Error('the server is away'))).toBe(false);
    expect(() => channel.learn(['b:8768'])).not.toThrow();
  });
});

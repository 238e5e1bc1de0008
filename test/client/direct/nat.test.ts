import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { judge } from '../../../src/cli/peers/netcheck.js';
import { lookUdp, viewOf } from '../../../src/client/direct/nat.js';
import { systemClock } from '../../../src/client/system.js';
import { bindingAnswer, decodeStun } from '../../../src/stun/binding.js';

const STUN = { host: '198.51.100.1', port: 3478 };
const OTHER = { host: '198.51.100.2', port: 3478 };
const OUTSIDE = '203.0.113.7';

function mapping(...seen: [by: typeof STUN, host: string, port: number][]): string {
  const facts = seen.map(([by, host, port]) => ({ by, at: { host, port }, roundTripMs: 1 }));
  return viewOf('udp', 5000, facts, ['192.168.1.5', '2001:db8::5']).mapping;
}

describe('the mapping of a NAT', () => {
  it('is told by what STUN ports see', () => {
    expect(mapping()).toBe('blocked');
    expect(mapping([{ host: '127.0.0.1', port: 1 }, '127.0.0.1', 5000])).toBe('local');
    expect(mapping([STUN, '192.168.1.5', 5000])).toBe('none');
    expect(mapping([STUN, OUTSIDE, 5000])).toBe('unknown');
    expect(mapping([STUN, OUTSIDE, 6000], [OTHER, OUTSIDE, 6000])).toBe('same');
    expect(mapping([STUN, OUTSIDE, 6000], [OTHER, OUTSIDE, 6001])).toBe('varies');
    expect(mapping([STUN, OUTSIDE, 6000], [OTHER, '203.0.113.8', 6000])).toBe('varies');
    // What this machine itself sees is no evidence about routers.
    expect(mapping([{ host: '127.0.0.1', port: 1 }, '127.0.0.1', 5000], [OTHER, OUTSIDE, 6000])).toBe('unknown');
  });

  it('is asked from one socket of all STUN ports, and of one that is silent nothing is made up', async () => {
    const asked = new Set<number>();
    const sockets = [6000, 6001, undefined].map((port) => {
      const socket = createSocket('udp4').bind(0, '127.0.0.1');
      socket.on('message', (bytes, from) => {
        asked.add(from.port);
        if (port !== undefined) socket.send(bindingAnswer(decodeStun(bytes), { host: OUTSIDE, port })!, from.port);
      });
      return socket;
    });
    await Promise.all(sockets.map((socket) => once(socket, 'listening')));
    const places = sockets.map((socket) => ({ host: '127.0.0.1', port: socket.address().port }));
    const view = await lookUdp(places, systemClock);
    expect(view.seen.map(({ at }) => at.port)).toEqual([6000, 6001]);
    expect([...asked]).toEqual([view.localPort]);
    for (const socket of sockets) socket.close();
  });
});

describe('whether connections would be relayed', () => {
  const of = (udp: string, tcp: string) =>
    judge([
      { transport: 'udp', mapping: udp as never, localPort: 1, seen: [], keepsPort: false },
      { transport: 'tcp', mapping: tcp as never, localPort: 1, seen: [], keepsPort: false },
    ]);

  it.each([
    ['same', 'varies', 'no', /over UDP are possible/],
    ['blocked', 'none', 'no', /over TCP are possible/],
    ['same', 'same', 'no', /over UDP and TCP are possible/],
    ['unknown', 'varies', 'perhaps', /switchyard ping/],
    ['varies', 'varies', 'yes', /forward a port/],
    ['blocked', 'blocked', 'yes', /neither UDP nor TCP/],
  ])('follows from the mappings of UDP (%s) and TCP (%s): %s', (udp, tcp, relayed, why) => {
    expect(of(udp, tcp)).toMatchObject({ relayed, why: expect.stringMatching(why) });
  });
});

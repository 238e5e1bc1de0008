import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import Udx, { type UdxSocket } from 'udx-native';
import { UdxDuplex } from '../../src/client/direct/udp/udx-duplex.js';
import { systemClock } from '../../src/client/system.js';

// quic-go #3291: what was written just before the end of a process never left it.
// udx-native closes a stream once both ways have ended at the socket, which may be before its reader has read them.

const LOCALHOST = '127.0.0.1';
let udx: Udx;
let sockets: UdxSocket[];

beforeAll(() => {
  udx = new Udx();
  sockets = [0, 1].map(() => udx.createSocket());
  for (const socket of sockets) socket.bind(0, LOCALHOST);
});
afterAll(() => Promise.all(sockets.map((socket) => socket.close())));

function pair(id: number): [UdxDuplex, UdxDuplex] {
  const streams = [udx.createStream(id), udx.createStream(id + 1)] as const;
  streams[0].connect(sockets[0]!, id + 1, sockets[1]!.address().port, LOCALHOST);
  streams[1].connect(sockets[1]!, id, sockets[0]!.address().port, LOCALHOST);
  return [new UdxDuplex(streams[0], systemClock), new UdxDuplex(streams[1], systemClock)];
}

const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
};

describe('what a peer says after this end has ended its way', () => {
  it.each([1, 6_000, 19_000, 65_536, 300_000])('arrives whole although it is read slowly (%i bytes)', async (size) => {
    const [near, far] = pair(2 * size);
    near.end();
    far.resume();
    await once(far, 'end');
    const said = randomBytes(size);
    far.end(said);
    await turns(200);
    const read: Buffer[] = [];
    near.on('data', (bytes: Buffer) => {
      read.push(bytes);
      near.pause();
      void turns(3).then(() => near.resume());
    });
    const closed = once(near, 'close');
    await Promise.race([once(near, 'end'), closed]);
    expect(Buffer.concat(read).equals(said)).toBe(true);
    await closed;
  });
});

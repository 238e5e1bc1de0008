import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import Udx, { type UdxSocket, type UdxStream } from 'udx-native';
import { ManualClock } from '../../../../harness/manual-clock.js';
import { SilentPathError } from '../../../../src/client/carrier/lost-path.js';
import { PUNCH_LIMITS } from '../../../../src/client/direct/limits.js';
import { UdxDuplex } from '../../../../src/client/direct/udp/udx-duplex.js';
import { CONNECTION_TIMES } from '../../../../src/core/model/connection-times.js';

const LOCALHOST = '127.0.0.1';
const { aliveMs, aliveRetryMs } = CONNECTION_TIMES;
const { aliveTriesMax } = PUNCH_LIMITS;

let clock: ManualClock;
let sockets: UdxSocket[];
let streams: [UdxStream, UdxStream];

beforeEach(() => {
  clock = new ManualClock();
  const udx = new Udx();
  sockets = [0, 1].map(() => udx.createSocket());
  for (const socket of sockets) socket.bind(0, LOCALHOST);
  streams = [udx.createStream(1), udx.createStream(2)];
  streams[0].connect(sockets[0]!, 2, sockets[1]!.address().port, LOCALHOST);
  streams[1].connect(sockets[1]!, 1, sockets[0]!.address().port, LOCALHOST);
});
afterEach(async () => {
  for (const stream of streams) stream.destroy();
  await Promise.all(sockets.map((socket) => socket.close()));
});

describe('a path over UDX that is watched', () => {
  it('is silent once the peer has said nothing for as long as TCP would wait, and does not end for the peer', () => {
    const duplex = new UdxDuplex(streams[0], clock);
    const silent: Error[] = [];
    duplex.on('silent', (error: Error) => silent.push(error));
    duplex.watch();
    clock.advance(aliveMs + aliveTriesMax * aliveRetryMs);
    expect(silent).toEqual([]);
    clock.advance(aliveRetryMs);
    expect(silent).toEqual([new SilentPathError('the peer was silent for 20 s')]);
    clock.advance(10 * aliveMs);
    expect([silent.length, duplex.destroyed, streams[0].destroyed]).toEqual([1, false, false]);
    duplex.destroy();
  });

  it('stands for hours while its reader pauses, as long as the peer answers', async () => {
    const [duplex, peer] = streams.map((stream) => new UdxDuplex(stream, clock)) as [UdxDuplex, UdxDuplex];
    const silent = jest.fn();
    duplex.on('silent', silent).pause();
    duplex.watch();
    for (let written = 0; written < 8; written++) peer.write(Buffer.alloc(65_536, 7));
    for (let hours = 0; hours < 2 * 3_600_000; hours += 6 * aliveMs) {
      const answered = once(streams[0], 'message');
      clock.advance(aliveMs);
      await answered;
    }
    expect([silent.mock.calls.length, duplex.destroyed]).toEqual([0, false]);
    peer.destroy();
    duplex.destroy();
  });

  it('stands while the peer answers, however long there is no data', async () => {
    const [duplex, peer] = streams.map((stream) => new UdxDuplex(stream, clock)) as [UdxDuplex, UdxDuplex];
    duplex.watch();
    for (let asked = 0; asked < aliveTriesMax; asked += 1) {
      const answered = once(streams[0], 'message');
      clock.advance(aliveMs);
      await answered;
    }
    expect(duplex.destroyed).toBe(false);
    peer.destroy();
    duplex.destroy();
  });

  it('is not asked while there is data', async () => {
    const duplex = new UdxDuplex(streams[0], clock);
    const asked = jest.fn();
    streams[1].on('message', asked);
    duplex.watch();
    for (let sent = 0; sent < 3; sent += 1) {
      clock.advance(aliveMs - aliveRetryMs);
      streams[1].write(Buffer.from('data'));
      await once(duplex, 'data');
    }
    expect(asked).not.toHaveBeenCalled();
    duplex.destroy();
  });
});

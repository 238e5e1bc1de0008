import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import Udx from 'udx-native';
import { ManualClock } from '../../harness/manual-clock.js';
import { CarrierFrameKind } from '../../src/client/carrier/carrier.js';
import { DirectCarrier, WINDOW_BYTES } from '../../src/client/carrier/direct-carrier.js';
import { UdxDuplex } from '../../src/client/direct/udp/udx-duplex.js';
import { systemClock } from '../../src/client/system.js';

// Kubernetes #74551, frp #1945: a download that was paused for a while was cut off. What guards against a dead peer is
// whether it answers, not whether it reads.

const ALIVE_MS = 5_000;
const ARRIVAL_MS = 2;
const HOURS_MS = 2 * 3_600_000;
const BLOCK = Buffer.alloc(65_536, 7);
const BLOCKS = 500;

const opened: { destroy(): unknown }[] = [];
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) one.destroy();
  for (const close of closing.splice(0)) await close();
});

async function tcp(): Promise<[Duplex, Duplex]> {
  const pair = async (): Promise<[Socket, Socket]> => {
    const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const one = connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, allowHalfOpen: true });
    const [[other]] = (await Promise.all([once(server, 'connection'), once(one, 'connect')])) as [[Socket], unknown];
    server.close();
    return [one, other];
  };
  const ends = await pair();
  opened.push(...ends);
  return ends;
}

async function udp(): Promise<[Duplex, Duplex]> {
  const udx = new Udx();
  const sockets = [0, 1].map(() => udx.createSocket());
  for (const socket of sockets) socket.bind(0, '127.0.0.1');
  const [one, other] = [udx.createStream(1), udx.createStream(2)];
  one.connect(sockets[0]!, 2, sockets[1]!.address().port, '127.0.0.1');
  other.connect(sockets[1]!, 1, sockets[0]!.address().port, '127.0.0.1');
  const ends: [Duplex, Duplex] = [new UdxDuplex(one, systemClock), new UdxDuplex(other, systemClock)];
  opened.push(...ends);
  closing.push(() => Promise.all(sockets.map((socket) => socket.close())));
  return ends;
}

/** Lets time pass at both ends; what is sent in it arrives meanwhile, for which a datagram needs some real time. */
async function pass(clock: ManualClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += ALIVE_MS) {
    clock.advance(ALIVE_MS);
    for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
    await wait(ARRIVAL_MS);
  }
}

describe.each([
  ['TCP', tcp],
  ['UDP', udp],
])('a direct path over %s whose readers pause for hours', (_, make) => {
  it('stands, holds both writers up within a bound, and then carries everything', async () => {
    const clock = new ManualClock();
    const ends = (await make()).map((stream) => new DirectCarrier(stream, { clock }));
    const sent = [0, 0];
    const writing = ends.map(async (end, at) => {
      for (; sent[at]! < BLOCKS; sent[at]!++) await end.send(CarrierFrameKind.DATA, BLOCK);
      await end.finish();
    });
    await pass(clock, HOURS_MS);
    expect(ends.map(({ isOver }) => isOver)).toEqual([false, false]);
    for (const blocks of sent) expect(blocks * BLOCK.length).toBeLessThanOrEqual(WINDOW_BYTES);
    const reading = ends.map(async (end) => {
      let bytes = 0;
      for (;;) {
        const frame = await end.receive();
        if (frame === undefined) return bytes;
        bytes += frame.bytes.length;
      }
    });
    expect(await Promise.all(reading)).toEqual([BLOCKS * BLOCK.length, BLOCKS * BLOCK.length]);
    await Promise.all(writing);
    for (const end of ends) end.close();
  });
});

describe('an end whose reader pauses', () => {
  it('notices within 25 s that its peer does not answer any more', async () => {
    const clock = new ManualClock();
    const [one, other] = await tcp();
    const silent = new ManualClock();
    const peer = new DirectCarrier(other, { clock: silent });
    const end = new DirectCarrier(one, { clock });
    await peer.send(CarrierFrameKind.DATA, BLOCK);
    await pass(clock, 4 * ALIVE_MS);
    expect(end.isOver).toBe(false);
    await pass(clock, 2 * ALIVE_MS);
    expect(end.isOver).toBe(true);
    expect((await end.receive())!.bytes.length).toBeGreaterThan(0);
    await expect(end.send(CarrierFrameKind.DATA, BLOCK)).rejects.toThrow(
      'the path is dead: nothing has come from the peer',
    );
    peer.close();
  });

  it('is not given up by its own process when that was stopped for hours', async () => {
    const clock = new ManualClock();
    const [one, other] = await tcp();
    const [end, peer] = [new DirectCarrier(one, { clock }), new DirectCarrier(other, { clock: new ManualClock() })];
    clock.freeze(HOURS_MS);
    await pass(clock, 2 * ALIVE_MS);
    expect(end.isOver).toBe(false);
    await peer.send(CarrierFrameKind.DATA, BLOCK);
    expect((await end.receive())!.bytes.length).toBeGreaterThan(0);
    for (const each of [end, peer]) each.close();
  });

  it('does not take more from a peer than was taken from it', async () => {
    const clock = new ManualClock();
    const [one, other] = await tcp();
    const end = new DirectCarrier(one, { clock });
    // Its path is destroyed while it writes.
    other.on('error', () => {});
    const head = Buffer.from('00010000', 'hex');
    for (let sent = 0; sent <= WINDOW_BYTES; sent += BLOCK.length) other.write(Buffer.concat([head, BLOCK]));
    while (!end.isOver) await new Promise(setImmediate);
    await expect(end.send(CarrierFrameKind.DATA, BLOCK)).rejects.toThrow('the peer sends more than was taken from it');
  });
});

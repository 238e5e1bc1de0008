import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { CarriedDuplex } from '../../../src/client/carrier/carried-duplex.js';
import { FrameKind } from '../../../src/client/carrier/carrier.js';
import { DirectCarrier } from '../../../src/client/carrier/direct-carrier.js';
import { isLoss, SilentPathError } from '../../../src/client/carrier/lost-path.js';
import { systemClock as clock } from '../../../src/client/system.js';
import { MemoryCarrier } from './memory-carrier.js';

/** Between two signs of life in these tests. */
const ALIVE_MS = 20;
const opened: { destroy(): unknown }[] = [];

afterEach(() => {
  for (const one of opened.splice(0)) one.destroy();
});

/** Both ends of a TCP connection. */
async function pair(): Promise<[Socket, Socket]> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const one = connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, allowHalfOpen: true });
  const [[other]] = (await Promise.all([once(server, 'connection'), once(one, 'connect')])) as [[Socket], unknown];
  server.close();
  opened.push(one, other);
  return [one, other];
}

const data = (text: string) => [FrameKind.DATA, Buffer.from(text)] as const;
/** Also after an error. */
const closed = (one: Duplex) => new Promise((resolve) => one.once('close', resolve));

describe('a direct path', () => {
  it.each([
    ['is slow', false],
    ['does not read until then', true],
  ])('that is cut before the end gives all that has come to a reader that %s, and then errs', async (_, isLate) => {
    const [one, other] = await pair();
    const duplex = new CarriedDuplex(new DirectCarrier(one, { clock, aliveMs: 1_000 }));
    const errors: Error[] = [];
    duplex.on('error', (error) => errors.push(error));
    const peer = new DirectCarrier(other, { clock, aliveMs: 1_000 });
    let read = 0;
    const readOn = (bytes: Buffer) => {
      read += bytes.length;
      duplex.pause();
      setTimeout(() => duplex.resume(), 5);
    };
    if (!isLate) duplex.on('data', readOn);
    const lost = closed(one);
    for (let at = 0; at < 20; at++) await peer.send(FrameKind.DATA, Buffer.alloc(50_001));
    other.end();
    await lost;
    await wait(20);
    expect([errors.length, duplex.destroyed]).toEqual([0, false]);
    if (isLate) duplex.on('data', readOn);
    await closed(duplex);
    expect([read, errors.map(isLoss)]).toEqual([20 * 50_001, [true]]);
  });

  it('that is cut while the program waits for more than has come errs at once', async () => {
    const [one, other] = await pair();
    const duplex = new CarriedDuplex(new DirectCarrier(one, { clock, aliveMs: 1_000 }));
    const peer = new DirectCarrier(other, { clock, aliveMs: 1_000 });
    duplex.on('readable', () => duplex.read(100));
    await peer.send(...data('few'));
    while (duplex.readableLength < 3) await wait(1);
    const failed = once(duplex, 'error');
    other.destroy();
    const [error] = (await failed) as [Error];
    expect([isLoss(error), duplex.readableLength]).toEqual([true, 3]);
  });

  it('that dies after the peer has completed its data errs once that is read, while the program writes nothing', async () => {
    const [one, other] = await pair();
    const duplex = new CarriedDuplex(new DirectCarrier(one, { clock, aliveMs: ALIVE_MS }));
    const heard: string[] = [];
    for (const event of ['data', 'end', 'error']) duplex.on(event, () => heard.push(event));
    const peer = new DirectCarrier(other, { clock, aliveMs: ALIVE_MS });
    await peer.send(...data('all of it'));
    await peer.finish();
    await once(duplex, 'end');
    expect(heard).toEqual(['data', 'end']);
    other.destroy();
    await closed(duplex);
    expect(heard).toEqual(['data', 'end', 'error']);
  });

  it('that is lost while one end does not read the relay up to the move ends nothing, and both go on elsewhere', async () => {
    const carriers = (await pair()).map((socket) => new DirectCarrier(socket, { clock, aliveMs: 1_000 }));
    const way = { framesMax: 16, delay: async () => {} };
    const [relay, back] = [MemoryCarrier.pair(way), MemoryCarrier.pair(way)];
    const errors: Error[] = [];
    const moved = [false, false];
    // Only an end that has moved knows of a path that it can lose.
    const ends = relay.map((carrier, at) => {
      const onMoved = () => void (moved[at] = true);
      return new CarriedDuplex(carrier, onMoved, () => moved[at]!).on('error', (error) => errors.push(error));
    });
    const [near, far] = ends as [CarriedDuplex, CarriedDuplex];
    far.resume().expect(4, Promise.resolve(carriers[1]));
    far.write('from the relay');
    expect(await near.move(4, carriers[0]!)).toBe(true);
    while (!moved[1]) await wait(1);
    carriers[1]!.die(new SilentPathError('silent'));
    while (!carriers[0]!.isOver || !far.isWaiting) await wait(1);
    expect([errors, near.destroyed, moved]).toEqual([[], false, [false, true]]);
    const [nearRead, farRead] = [near.leave(), far.leave()];
    await Promise.all([near.goOn(back[0], farRead), far.goOn(back[1], nearRead)]);
    far.end(', and again');
    const read: Buffer[] = [];
    near.on('data', (bytes: Buffer) => read.push(bytes));
    await once(near, 'end');
    expect(String(Buffer.concat(read))).toBe('from the relay, and again');
  });

  it('that has died before a connection goes over it is lost to that, too', async () => {
    const [one] = await pair();
    const carrier = new DirectCarrier(one, { clock, aliveMs: ALIVE_MS });
    carrier.die(new SilentPathError('silent'));
    const [error] = (await once(new CarriedDuplex(carrier), 'error')) as [Error];
    expect(error.message).toBe('silent');
  });
});

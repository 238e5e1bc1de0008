import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { CarriedDuplex } from '../../../src/client/carrier/carried-duplex.js';
import { CarrierFrameKind } from '../../../src/client/carrier/carrier.js';
import { DirectCarrier, WINDOW_BYTES } from '../../../src/client/carrier/direct-carrier.js';
import { SilentPathError } from '../../../src/client/carrier/lost-path.js';
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

/** Two ends with somebody between them who passes everything on, until the path is cut without a word. */
async function path() {
  const [[near, from], [to, far]] = await Promise.all([pair(), pair()]);
  from.pipe(to);
  to.pipe(from);
  const ends = [near, far].map((socket) => new DirectCarrier(socket, { clock, aliveMs: ALIVE_MS })) as [
    DirectCarrier,
    DirectCarrier,
  ];
  const cut = () => {
    for (const socket of [from, to]) socket.unpipe().pause();
  };
  return { near: ends[0], far: ends[1], cut };
}

const data = (text: string) => [CarrierFrameKind.DATA, Buffer.from(text)] as const;

/** Reads so many bytes. */
async function take(carrier: DirectCarrier, count: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (let left = count; left > 0; left -= parts.at(-1)!.length) parts.push((await carrier.receive())!.bytes);
  return Buffer.concat(parts);
}

describe('a direct path', () => {
  it('carries what is said both ways, each to its own end', async () => {
    const { near, far } = await path();
    await near.send(...data('there'));
    expect(String(await take(far, 5))).toBe('there');
    await near.finish();
    expect(await far.receive()).toBeUndefined();
    await far.send(...data('and back'));
    await far.finish();
    expect(String(await take(near, 8))).toBe('and back');
    expect(await near.receive()).toBeUndefined();
  });

  it('stands for as long as nobody says anything', async () => {
    const { near, far } = await path();
    const heard = far.receive();
    const back = near.receive();
    await wait(10 * ALIVE_MS);
    await Promise.all([near.send(...data('x')), far.send(...data('y'))]);
    expect([String((await heard)!.bytes), String((await back)!.bytes)]).toEqual(['x', 'y']);
  });

  it.each(['near', 'far'] as const)(
    'that was cut is dead for the %s end, although data is on its way both ways',
    async (end) => {
      const { cut, ...ends } = await path();
      const writing = [ends.near, ends.far].map(async (carrier) => {
        for (;;) {
          await carrier.send(...data('more of it'));
          await wait(1);
        }
      });
      const other = ends[end === 'near' ? 'far' : 'near'];
      const reading = (async () => {
        for (;;) await other.receive();
      })();
      const failed = Promise.allSettled([...writing, reading]);
      await take(ends[end], 100);
      cut();
      await expect(
        (async () => {
          for (;;) await ends[end].receive();
        })(),
      ).rejects.toThrow('the path is dead: nothing has come from the peer');
      await expect(ends[end].send(...data('x'))).rejects.toThrow('the path is dead');
      other.close();
      await failed;
    },
  );

  it('whose reader takes its time is not dead, and holds its writer up', async () => {
    const { near, far } = await path();
    const block = Buffer.alloc(65_535, 7);
    let sent = 0;
    const writing = (async () => {
      for (; sent < 400; sent++) await near.send(CarrierFrameKind.DATA, block);
    })();
    const back = near.receive();
    await wait(20 * ALIVE_MS);
    expect(sent).toBeLessThan(400);
    const all = take(far, 400 * block.length);
    await far.send(...data('still here'));
    expect(String((await back)!.bytes)).toBe('still here');
    await Promise.all([all, writing]);
  });

  it('lets a writer have 8 MiB on their way, which is 400 Mbit/s where the word of the reader takes 160 ms', async () => {
    const { near, far } = await path();
    let sent = 0;
    const writing = (async () => {
      for (; sent < 400; sent++) await near.send(CarrierFrameKind.DATA, Buffer.alloc(65_536, 7));
    })();
    while (sent * 65_536 < WINDOW_BYTES) await wait(ALIVE_MS);
    await wait(5 * ALIVE_MS);
    expect(sent * 65_536).toBe(8 << 20);
    await Promise.all([take(far, 400 * 65_536), writing]);
  });

  it('is heard on once the peer has it, too, and not before', async () => {
    const [one, other] = await pair();
    const waiting = new DirectCarrier(other, { clock, aliveMs: ALIVE_MS });
    expect(await waiting.heard(10)).toBe(false);
    const peer = new DirectCarrier(one, { clock, aliveMs: ALIVE_MS });
    expect(await waiting.heard(20_000)).toBe(true);
    await peer.send(...data('first'));
    expect(String(await take(waiting, 5))).toBe('first');
  });

  it('is not heard on when the peer has given it up', async () => {
    const [one, other] = await pair();
    const waiting = new DirectCarrier(other, { clock, aliveMs: ALIVE_MS });
    one.resetAndDestroy();
    expect(await waiting.heard(20_000)).toBe(false);
  });

  it('ends at a frame that is none', async () => {
    const [one, other] = await pair();
    const carrier = new DirectCarrier(other, { clock, aliveMs: ALIVE_MS });
    one.write(Buffer.from('ffffffff', 'hex'));
    await expect(carrier.receive()).rejects.toThrow('frame of kind 255');
  });

  it.each([
    ['a FIN', (socket: Socket) => socket.end()],
    ['a reset', (socket: Socket) => socket.resetAndDestroy()],
  ])('that %s cuts before the peer has said that its data is complete errs, after what had come', async (_, forge) => {
    const [one, other] = await pair();
    const [near, far] = [one, other].map((socket) => new DirectCarrier(socket, { clock, aliveMs: ALIVE_MS }));
    await near!.send(...data('half of it'));
    expect(String(await take(far!, 10))).toBe('half of it');
    forge(one);
    await expect(far!.receive()).rejects.toThrow(/the path was cut before the peer had said|ECONNRESET/);
    expect(far!.isOver).toBe(true);
  });

  it('that ends before it was told all errs for whoever has more to say', async () => {
    const [one, other] = await pair();
    const [near, far] = [one, other].map((socket) => new DirectCarrier(socket, { clock, aliveMs: ALIVE_MS }));
    await near!.finish();
    expect(await far!.receive()).toBeUndefined();
    near!.close();
    await new Promise((resolve) => other.once('close', resolve));
    await expect(far!.send(...data('more'))).rejects.toThrow(/the path was cut before all was sent to it|ECONNRESET/);
  });

  it('is ended without a reset once both ways are complete, also with signs of life on their way', async () => {
    const { near, far } = await path();
    const block = Buffer.alloc(4 << 20, 7);
    const reading = take(near, block.length).then(() => near.receive());
    await near.finish();
    expect(await far.receive()).toBeUndefined();
    await wait(3 * ALIVE_MS);
    await far.send(CarrierFrameKind.DATA, block.subarray(0, 1 << 20));
    for (let at = 1 << 20; at < block.length; at += 1 << 20)
      await far.send(CarrierFrameKind.DATA, block.subarray(at, at + (1 << 20)));
    await far.finish();
    far.close();
    expect(await reading).toBeUndefined();
    near.close();
  });

  it('counts what was handed out as taken once more is asked for', async () => {
    const { near, far } = await path();
    let taken = 0;
    near.onTaken = (bytes) => {
      taken = bytes;
    };
    await near.send(...data('first'));
    await take(far, 5);
    await wait(5 * ALIVE_MS);
    expect(taken).toBe(0);
    void far.receive().catch(() => {});
    while (taken !== 5) await wait(ALIVE_MS);
  });

  it('that one end finds dead does not end at the other one before both go on elsewhere', async () => {
    const errors: string[] = [];
    const carriers = (await pair()).map((socket) => new DirectCarrier(socket, { clock, aliveMs: ALIVE_MS }));
    const lost = ({ message }: Error) => message === 'silent';
    const ends = carriers.map((carrier) => new CarriedDuplex(carrier, () => {}, lost));
    for (const end of ends) end.on('error', ({ message }) => errors.push(message)).resume();
    const [near, far] = ends as [CarriedDuplex, CarriedDuplex];
    carriers[0]!.die(new SilentPathError('silent'));
    await wait(ALIVE_MS);
    const nearRead = near.leave();
    await wait(ALIVE_MS);
    expect([errors, far.destroyed]).toEqual([[], false]);
    const [one, other] = MemoryCarrier.pair({ framesMax: 16, delay: async () => {} });
    const farRead = far.leave();
    await Promise.all([near.goOn(one, farRead), far.goOn(other, nearRead)]);
    near.end('there');
    expect(String((await once(far.pause(), 'readable')) && far.read())).toBe('there');
    while (carriers.some(({ isOver }) => !isOver)) await wait(ALIVE_MS);
  });

  it('keeps no socket once it is dead, when no connection goes over it that may go on elsewhere', async () => {
    const [[used], [unused]] = [await pair(), await pair()];
    const carriers = [used, unused].map((socket) => new DirectCarrier(socket, { clock, aliveMs: ALIVE_MS }));
    const duplex = new CarriedDuplex(
      carriers[0]!,
      () => {},
      () => true,
    );
    for (const carrier of carriers) carrier.die(new SilentPathError('silent'));
    expect([used.destroyed, unused.destroyed]).toEqual([false, true]);
    duplex.destroy();
    expect(used.destroyed).toBe(true);
  });

  it('is known to be dead also after the peer has said that its data is complete', async () => {
    const { near, far, cut } = await path();
    await near.finish();
    expect(await far.receive()).toBeUndefined();
    await wait(10 * ALIVE_MS);
    expect(far.isOver).toBe(false);
    cut();
    while (!far.isOver) await wait(ALIVE_MS);
    await expect(far.send(...data('x'))).rejects.toThrow('the path is dead');
  });
});

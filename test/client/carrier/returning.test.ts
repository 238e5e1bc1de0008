import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ConnectionFallback } from '../../../gen/switchyard/v1/connection.js';
import { LinkType } from '../../../gen/switchyard/v1/link.js';
import { ManualClock } from '../../../harness/manual-clock.js';
import { SEED } from '../../../harness/seed.js';
import { CarriedDuplex } from '../../../src/client/carrier/carried-duplex.js';
import { CarrierFrameKind, type Frame } from '../../../src/client/carrier/carrier.js';
import { CarriedOrders } from '../../../src/client/connection/carried-orders.js';
import { WayBack } from '../../../src/client/connection/way-back.js';
import { CONNECTION_TIMES } from '../../../src/core/model/connection-times.js';
import { MemoryCarrier, type Way } from './memory-carrier.js';

const AT_ONCE: Way = { framesMax: 16, delay: async () => {} };

const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
};

/** Both ends of a connection, which asks for another carrier when one dies; what each end has read, and how it ended. */
function connection(way: Way) {
  const carriers = MemoryCarrier.pair(way);
  const ends = [0, 1].map((end) => {
    const losses: string[] = [];
    const duplex = new CarriedDuplex(
      carriers[end]!,
      () => {},
      ({ message }) => {
        losses.push(message);
        return true;
      },
    );
    const read: Buffer[] = [];
    let error: Error | undefined;
    duplex.on('error', (cause) => {
      error = cause;
    });
    duplex.on('data', (bytes: Buffer) => read.push(bytes));
    const closed = new Promise<void>((resolve) => duplex.once('close', resolve));
    return { duplex, losses, read, over: closed.then(() => ({ bytes: Buffer.concat(read), error })) };
  });
  return { near: ends[0]!, far: ends[1]!, carriers };
}

/** An attempt has found a direct path, and one end moves to it. */
function find({ near, far }: ReturnType<typeof connection>, mover: 'near' | 'far', attempt: number, way: Way) {
  const carriers = MemoryCarrier.pair(way);
  const [moving, following] = mover === 'near' ? [near, far] : [far, near];
  following.duplex.expect(attempt, Promise.resolve(carriers[1]));
  const moved = moving.duplex.move(attempt, carriers[0]);
  moved.catch((error: Error) => moving.duplex.destroy(error));
  return { carriers, moved };
}

/** Both ends go on with another pair of carriers, as they do once the relay was ordered: one may leave long after the other. */
async function goOn({ near, far }: ReturnType<typeof connection>, way: Way, lateTurns = 0) {
  const carriers = MemoryCarrier.pair(way);
  const nearRead = near.duplex.leave();
  await turns(lateTurns);
  const farRead = far.duplex.leave();
  const going = [near.duplex.goOn(carriers[0], farRead), far.duplex.goOn(carriers[1], nearRead)];
  going.forEach((one, at) => void one.catch((error: Error) => (at === 0 ? near : far).duplex.destroy(error)));
  return carriers;
}

/** Both ends as they have closed, which takes some hundred turns. */
async function ends({ near, far }: ReturnType<typeof connection>) {
  const late = turns(5_000).then(() => Promise.reject(new Error('an end hangs')));
  return Promise.race([Promise.all([near.over, far.over]), late]);
}

function cycle(numbers: readonly number[]): () => number {
  let at = 0;
  return () => numbers[at++ % numbers.length]!;
}

/** Byte number `at` of what a side says: no two windows look alike. */
const said = (who: number, sizes: readonly number[]) => {
  const bytes = Buffer.alloc(sizes.reduce((sum, size) => sum + size, 0));
  for (let at = 0; at < bytes.length; at++) bytes[at] = (at * 31 + (at >> 8) * 17 + (at >> 16) * 7 + who * 101) & 0xff;
  return bytes;
};

/** Says everything and ends, and reads by fits and starts. */
async function live(duplex: CarriedDuplex, bytes: Buffer, sizes: readonly number[], holds: readonly number[]) {
  const hold = cycle(holds);
  duplex.on('data', () => {
    duplex.pause();
    void turns(hold()).then(() => duplex.resume());
  });
  let at = 0;
  for (const size of sizes) {
    await turns(hold());
    const isFree = duplex.write(bytes.subarray(at, at + size));
    at += size;
    if (!isFree && !duplex.destroyed) await new Promise((go) => duplex.once('drain', go).once('close', go));
  }
  duplex.end();
}

const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 60_000, max: 140_000 })), {
  maxLength: 8,
});
const plan = fc.record({
  near: sizes,
  far: sizes,
  holds: fc.array(fc.nat({ max: 4 }), { minLength: 1, maxLength: 4 }),
  framesMax: fc.integer({ min: 1, max: 4 }),
  delays: fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 5 }),
  takenAfter: fc.integer({ min: 1, max: 5 }),
  /**
   * After so many turns a carrier dies; and so long after it both ends go on with another one, again and again. Where `found` says so,
   * another direct path is there so many turns after that, and this end moves to it.
   */
  deaths: fc.array(
    fc.record({
      after: fc.nat({ max: 30 }),
      rest: fc.nat({ max: 6 }),
      late: fc.nat({ max: 4 }),
      found: fc.option(fc.record({ after: fc.nat({ max: 12 }), mover: fc.constantFrom('near', 'far') })),
    }),
    { minLength: 1, maxLength: 4 },
  ),
});

describe('a connection whose path dies', () => {
  it(`goes on over another one, and every byte arrives once and in order (seed ${SEED})`, async () => {
    await fc.assert(
      fc.asyncProperty(plan, async ({ near, far, holds, framesMax, delays, takenAfter, deaths }) => {
        const delay = cycle(delays);
        const way: Way = { framesMax, delay: () => turns(delay()) };
        const world = connection(way);
        const sent = [said(0, near), said(1, far)];
        void live(world.near.duplex, sent[0]!, near, holds);
        void live(world.far.duplex, sent[1]!, far, holds);
        let carriers: readonly MemoryCarrier[] = world.carriers;
        for (const [attempt, { after, rest, late, found }] of deaths.entries()) {
          for (const carrier of carriers) carrier.takenAfter = takenAfter;
          await turns(after);
          // One end that has closed has said and heard everything; there is nothing left to go on with.
          if (world.near.duplex.destroyed || world.far.duplex.destroyed) break;
          for (const carrier of carriers) carrier.cut(new Error('died'));
          await turns(rest);
          if (world.near.duplex.destroyed || world.far.duplex.destroyed) break;
          carriers = await goOn(world, way, late);
          if (found === null) continue;
          await turns(found.after);
          carriers = [...carriers, ...find(world, found.mover, attempt + 1, way).carriers];
        }
        const [atNear, atFar] = await ends(world);
        expect([atNear.error, atFar.error]).toEqual([undefined, undefined]);
        expect([atFar.bytes.equals(sent[0]!), atNear.bytes.equals(sent[1]!)]).toEqual([true, true]);
      }),
      { seed: SEED, numRuns: 200 },
    );
  }, 120_000);

  it.each([0, 1, 2, 3, 4, 5])('counts bytes once that it is handed %i steps before it leaves', async (steps) => {
    let hand = (_frame: Frame) => {};
    const handed = new Promise<Frame>((resolve) => {
      hand = resolve;
    });
    const [first] = MemoryCarrier.pair(AT_ONCE);
    const frames = [handed];
    const receive = first.receive.bind(first);
    first.receive = () => frames.shift() ?? receive();
    const duplex = new CarriedDuplex(
      first,
      () => {},
      () => true,
    );
    const read: Buffer[] = [];
    duplex.on('data', (bytes: Buffer) => read.push(bytes));
    await turns(1);
    hand({ kind: CarrierFrameKind.DATA, bytes: Buffer.from('once') });
    for (let step = 0; step < steps; step++) await Promise.resolve();
    const place = duplex.leave();
    const [near, far] = MemoryCarrier.pair(AT_ONCE);
    await duplex.goOn(near, 0);
    if (place < 4) await far.send(CarrierFrameKind.DATA, Buffer.from('once').subarray(place));
    await far.send(CarrierFrameKind.DATA, Buffer.from(' more'));
    await turns(3);
    expect(String(Buffer.concat(read))).toBe('once more');
  });

  it.each([1, 6, 12, 20, 60, 400])(
    'moves once the missing bytes were sent again: %i turns after going on',
    async (wait) => {
      const slow: Way = { framesMax: 1, delay: () => turns(3) };
      const world = connection({ ...AT_ONCE, framesMax: 100 });
      const { near, far, carriers } = world;
      far.duplex.pause();
      const sent = said(0, [655_360]);
      await new Promise<void>((done) => near.duplex.write(sent, () => done()));
      carriers[0].cut(new Error('died'));
      far.duplex.resume();
      await goOn(world, slow);
      await turns(wait);
      await find(world, 'near', 1, AT_ONCE).moved;
      near.duplex.end('tail');
      far.duplex.end();
      const [, atFar] = await ends(world);
      expect([atFar.error, atFar.bytes.equals(Buffer.concat([sent, Buffer.from('tail')]))]).toEqual([undefined, true]);
    },
  );

  it.each(['moves', 'ends'] as const)(
    'sends again all that was before its end, also when the peer %s meanwhile',
    async (what) => {
      const slow: Way = { framesMax: 1, delay: () => turns(3) };
      const world = connection({ ...AT_ONCE, framesMax: 100 });
      const { near, far, carriers } = world;
      // As over TCP: it has ended once all is in the kernel, which loses it with the path.
      const finish = carriers[1].finish.bind(carriers[1]);
      carriers[1].finish = async () => void finish().catch(() => {});
      near.duplex.pause();
      const sent = said(1, [655_360]);
      far.duplex.end(sent);
      await once(far.duplex, 'finish');
      carriers[1].cut(new Error('died'));
      near.duplex.resume();
      await goOn(world, slow);
      await turns(6);
      if (what === 'moves') await find(world, 'near', 1, AT_ONCE).moved;
      near.duplex.end();
      const [atNear] = await ends(world);
      expect([atNear.error, atNear.bytes.length, atNear.bytes.equals(sent)]).toEqual([undefined, sent.length, true]);
    },
  );

  it('says its end on the path that its peer has moved to, when it ends while it sends again', async () => {
    const slow: Way = { framesMax: 1, delay: () => turns(3) };
    const world = connection({ ...AT_ONCE, framesMax: 100 });
    const { near, far } = world;
    far.duplex.pause();
    const sent = said(0, [655_360]);
    await new Promise<void>((done) => near.duplex.write(sent, () => done()));
    for (const carrier of world.carriers) carrier.cut(new Error('died'));
    far.duplex.resume();
    await goOn(world, slow);
    await turns(6);
    const { carriers } = find(world, 'far', 1, AT_ONCE);
    let finished = 0;
    const finish = carriers[1].finish.bind(carriers[1]);
    carriers[1].finish = () => {
      finished++;
      return finish();
    };
    await turns(6);
    near.duplex.end();
    await turns(3);
    far.duplex.end();
    const [, atFar] = await ends(world);
    expect([atFar.error, atFar.bytes.equals(sent), finished]).toEqual([undefined, true, 1]);
  });

  it('says its end again when that was on its way', async () => {
    const world = connection(AT_ONCE);
    world.near.duplex.pause();
    world.near.duplex.write('first');
    await turns(3);
    world.carriers[0]!.cut(new Error('died'));
    world.far.duplex.end('the last words');
    await turns(3);
    await goOn(world, AT_ONCE);
    world.near.duplex.resume();
    world.near.duplex.end(', and mine');
    const [atNear, atFar] = await Promise.all([world.near.over, world.far.over]);
    expect([String(atNear.bytes), String(atFar.bytes)]).toEqual(['the last words', 'first, and mine']);
    expect([atNear.error, atFar.error]).toEqual([undefined, undefined]);
  });

  it.each([
    ['all', 'taken'],
    ['a part', 'taken, and not'],
  ])(
    'errs as it leaves a path that the peer says it does not have, and has taken %s of the bytes from',
    async (_, sent) => {
      const { near, far, carriers } = connection(AT_ONCE);
      carriers[0].takenAfter = Number.POSITIVE_INFINITY;
      near.duplex.write(sent);
      await turns(10);
      carriers[0].onTaken!('taken'.length);
      const none = () => undefined;
      const desk = { clock: new ManualClock(), isPunching: none, askToReturn: none };
      const ends = { peerCvid: 1, link: LinkType.TRANSPORT_TCP, incoming: false, relayOnly: false };
      const facts = { ...ends, upgradeAfterMs: 0, fallback: ConnectionFallback.LATE };
      new WayBack(desk, { facts, connectionId: 'one', orders: new CarriedOrders(), isStill: () => true }).leave(
        near.duplex,
      );
      expect((await near.over).error?.message).toBe('the peer has used a path that it says it does not have');
      far.duplex.destroy();
    },
  );

  it('waits for the decision about an attempt for as long as the server awaits the other end', async () => {
    const clock = new ManualClock();
    const desk = { clock, isPunching: async () => true, askToReturn: () => undefined };
    const ends = { peerCvid: 1, link: LinkType.TRANSPORT_TCP, incoming: false, relayOnly: false };
    const facts = { ...ends, upgradeAfterMs: 0, fallback: ConnectionFallback.LATE };
    let isGivenUp = false;
    const giveUp = () => {
      isGivenUp = true;
    };
    new WayBack(desk, { facts, connectionId: 'one', orders: new CarriedOrders(), isStill: () => true }).lost(
      new Error('died'),
      { mayReturn: false, mayBeAlone: true },
      giveUp,
    );
    await clock.pass(CONNECTION_TIMES.attemptDeadlineMs);
    expect(isGivenUp).toBe(false);
    await clock.pass(CONNECTION_TIMES.decidedMs - CONNECTION_TIMES.attemptDeadlineMs);
    expect(isGivenUp).toBe(true);
  });

  it.each([
    [6, 'more than was sent', 'five!'],
    [4, 'less than it has said to have taken', 'five!'],
    [4, 'less than it has said to have taken of what is held', 'five! and more'],
  ])('errs when the peer has read %i bytes, %s', async (peerRead, _, sent) => {
    const { near, carriers } = connection(AT_ONCE);
    carriers[0].takenAfter = Number.POSITIVE_INFINITY;
    near.duplex.write(sent);
    await turns(3);
    carriers[0].onTaken!('five!'.length);
    near.duplex.leave();
    await expect(near.duplex.goOn(MemoryCarrier.pair(AT_ONCE)[0], peerRead)).rejects.toThrow(
      `the peer goes on from byte ${peerRead}; bytes 5 to ${sent.length} are there`,
    );
  });
});

import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SEED } from '../../../harness/seed.js';
import { CarriedDuplex } from '../../../src/client/carrier/carried-duplex.js';
import type { Carrier } from '../../../src/client/carrier/carrier.js';
import { OFFERS_MAX } from '../../../src/client/carrier/offers.js';
import { MemoryCarrier, type Way } from './memory-carrier.js';

const AT_ONCE: Way = { delay: async () => {}, framesMax: 16 };
const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
};

/** Both ends of a connection that goes over a relay, and of a direct path; what each end has read, and how it ended. */
function connection(way: Way = AT_ONCE) {
  const [relay, direct] = [MemoryCarrier.pair(way), MemoryCarrier.pair(way)];
  const moved = [false, false];
  const ends = [0, 1].map((end) => {
    const duplex = new CarriedDuplex(relay[end]!, () => {
      moved[end] = true;
    });
    const read: Buffer[] = [];
    let error: Error | undefined;
    duplex.on('error', (cause) => {
      error = cause;
    });
    duplex.on('data', (bytes: Buffer) => read.push(bytes));
    const closed = new Promise<void>((resolve) => duplex.once('close', resolve));
    const over = closed.then(() => ({ bytes: Buffer.concat(read), error }));
    return { duplex, over, read };
  });
  return { near: ends[0]!, far: ends[1]!, relay, direct, moved };
}

describe('a connection that moves to a direct path', () => {
  it('has moved at both ends, and leaves the relay', async () => {
    const { near, far, relay, direct, moved } = connection();
    near.duplex.write('before');
    far.duplex.expect(4, Promise.resolve(direct[1]));
    expect(await near.duplex.move(4, direct[0])).toBe(true);
    near.duplex.end(' and after');
    far.duplex.end('the answer');
    const [atNear, atFar] = await Promise.all([near.over, far.over]);
    expect([String(atFar.bytes), String(atNear.bytes)]).toEqual(['before and after', 'the answer']);
    expect([atNear.error, atFar.error]).toEqual([undefined, undefined]);
    expect(moved).toEqual([true, true]);
    expect(relay.map(({ isOver }) => isOver)).toEqual([true, true]);
  });

  it('keeps a way that had ended on the relay ended, and moves the other', async () => {
    const { near, far, direct, moved } = connection();
    far.duplex.end('all that I say');
    await once(near.duplex, 'end');
    far.duplex.expect(1, Promise.resolve(direct[1]));
    expect(await near.duplex.move(1, direct[0])).toBe(true);
    near.duplex.end('goes on');
    expect(String((await far.over).bytes)).toBe('goes on');
    expect((await near.over).error).toBeUndefined();
    expect(moved).toEqual([true, true]);
  });

  it('stays where it is when the path has died before, and when this end has nothing more to say', async () => {
    const { near, far, direct, moved } = connection();
    far.duplex.expect(1, Promise.resolve(direct[1]));
    direct[0].cut(new Error('gone'));
    expect(await near.duplex.move(1, direct[0])).toBe(false);
    const again = MemoryCarrier.pair(AT_ONCE);
    far.duplex.expect(2, Promise.resolve(again[1]));
    near.duplex.end('over the relay');
    expect(await near.duplex.move(2, again[0])).toBe(false);
    expect(again[0].isOver).toBe(true);
    far.duplex.end();
    expect(String((await far.over).bytes)).toBe('over the relay');
    expect(moved).toEqual([false, false]);
  });

  it('errs when its peer moves to a path that is not there', async () => {
    const { near, far, direct } = connection();
    far.duplex.expect(3, Promise.resolve(undefined));
    await near.duplex.move(3, direct[0]);
    expect((await far.over).error?.message).toBe('the peer has moved to a direct path that is not there at this end');
    expect((await near.over).error).toBeDefined();
  });

  it('follows its peer to the path of an attempt when the next one is ordered before it reads so', async () => {
    let letThrough = () => {};
    const held = new Promise<void>((resolve) => {
      letThrough = resolve;
    });
    const { near, far, direct, moved } = connection({ delay: () => held, framesMax: 16 });
    const later = MemoryCarrier.pair(AT_ONCE);
    far.duplex.expect(1, Promise.resolve(direct[1]));
    const moving = near.duplex.move(1, direct[0]);
    far.duplex.expect(2, Promise.resolve(later[1]));
    await turns(1);
    letThrough();
    expect(await moving).toBe(true);
    near.duplex.end('over the first');
    far.duplex.end();
    expect(await far.over).toEqual({ bytes: Buffer.from('over the first'), error: undefined });
    expect([moved, later[1].isOver]).toEqual([[true, true], true]);
  });

  it('closes a path that nobody moved to, when it is over or so many attempts have begun after it', async () => {
    const { near, far } = connection();
    const offered = Array.from({ length: OFFERS_MAX + 1 }, () => MemoryCarrier.pair(AT_ONCE)[1]);
    for (const [attempt, path] of offered.entries()) far.duplex.expect(attempt + 1, Promise.resolve(path));
    await turns(1);
    expect(offered.map(({ isOver }) => isOver)).toEqual([true, ...Array(OFFERS_MAX).fill(false)]);
    far.duplex.destroy();
    await near.over;
    expect(offered.map(({ isOver }) => isOver)).toEqual(Array(OFFERS_MAX + 1).fill(true));
  });
});

/** What an end writes, and when it ends. */
const side = fc.record({
  sizes: fc.array(fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 60_000, max: 140_000 })), {
    maxLength: 8,
  }),
  /** Turns of the event loop before each write, again and again. */
  pauses: fc.array(fc.nat({ max: 4 }), { minLength: 1, maxLength: 4 }),
  /** Turns for which it does not read, again and again after each chunk. */
  holds: fc.array(fc.nat({ max: 4 }), { minLength: 1, maxLength: 4 }),
});
const plan = fc.record({
  near: side,
  far: side,
  framesMax: fc.integer({ min: 1, max: 4 }),
  delays: fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 5 }),
  moveAfter: fc.nat({ max: 40 }),
  pathLate: fc.nat({ max: 6 }),
});
type Side = typeof side extends fc.Arbitrary<infer Value> ? Value : never;
type Plan = typeof plan extends fc.Arbitrary<infer Value> ? Value : never;
const fault = fc.record({ what: fc.constantFrom('direct' as const, 'relay' as const), after: fc.nat({ max: 40 }) });

/** Byte number `at` of what a side says: no two windows look alike. */
const said = (who: number, sizes: readonly number[]) => {
  const bytes = Buffer.alloc(sizes.reduce((sum, size) => sum + size, 0));
  for (let at = 0; at < bytes.length; at++) bytes[at] = (at * 31 + (at >> 8) * 17 + (at >> 16) * 7 + who * 101) & 0xff;
  return bytes;
};

function cycle(numbers: readonly number[]): () => number {
  let at = 0;
  return () => numbers[at++ % numbers.length]!;
}

/** Says everything and ends, and reads by fits and starts. */
async function live(duplex: CarriedDuplex, bytes: Buffer, { sizes, pauses, holds }: Side) {
  const hold = cycle(holds);
  duplex.on('data', () => {
    duplex.pause();
    void turns(hold()).then(() => duplex.resume());
  });
  const pause = cycle(pauses);
  let at = 0;
  for (const size of sizes) {
    await turns(pause());
    if (duplex.destroyed) return;
    const isFree = duplex.write(bytes.subarray(at, at + size));
    at += size;
    const closed = new Promise((resolve) => duplex.once('close', resolve));
    if (!isFree && !duplex.destroyed) await Promise.race([new Promise((go) => duplex.once('drain', go)), closed]);
  }
  duplex.end();
}

async function play({ near, far, framesMax, delays, moveAfter, pathLate }: Plan) {
  const delay = cycle(delays);
  const world = connection({ framesMax, delay: () => turns(delay()) });
  const sent = [said(0, near.sizes), said(1, far.sizes)];
  void live(world.near.duplex, sent[0]!, near);
  void live(world.far.duplex, sent[1]!, far);
  const moving = turns(moveAfter).then(async () => {
    const late: Promise<Carrier> = turns(pathLate).then(() => world.direct[1]);
    world.far.duplex.expect(1, late);
    return world.near.duplex.move(1, world.direct[0]);
  });
  moving.catch((error: Error) => world.near.duplex.destroy(error));
  return { ...world, sent };
}

describe('whatever is written around the move', () => {
  it('is complete at both ends when they move before anything was said', async () => {
    const near = { sizes: [78_232, 104], pauses: [0, 4], holds: [0, 3] };
    const far = { sizes: [139, 67_440], pauses: [1, 2], holds: [2, 0, 1] };
    const drawn = { near, far, framesMax: 1, delays: [0, 2, 3, 0], moveAfter: 0, pathLate: 2 };
    const { near: atNear, far: atFar, sent } = await play(drawn);
    expect([(await atFar.over).bytes.equals(sent[0]!), (await atNear.over).bytes.equals(sent[1]!)]).toEqual([
      true,
      true,
    ]);
  }, 10_000);

  it(`arrives once and in order, both ways, and both ends agree on where they are (seed ${SEED})`, async () => {
    await fc.assert(
      fc.asyncProperty(plan, async (drawn) => {
        const { near, far, sent, moved } = await play(drawn);
        const [atNear, atFar] = await Promise.all([near.over, far.over]);
        expect([atNear.error, atFar.error]).toEqual([undefined, undefined]);
        expect([atFar.bytes.equals(sent[0]!), atNear.bytes.equals(sent[1]!)]).toEqual([true, true]);
        expect(moved[0]).toBe(moved[1]);
      }),
      { seed: SEED, numRuns: 150 },
    );
  });

  it(`arrives, or the connection errs, when a path dies in the middle of it (seed ${SEED})`, async () => {
    await fc.assert(
      fc.asyncProperty(plan, fault, async (drawn, { what, after }) => {
        const { near, far, sent, relay, direct } = await play(drawn);
        await turns(after);
        (what === 'direct' ? direct : relay)[0]!.cut(new Error(`${what} died`));
        const [atNear, atFar] = await Promise.all([near.over, far.over]);
        for (const [{ bytes, error }, whole] of [
          [atFar, sent[0]!],
          [atNear, sent[1]!],
        ] as const) {
          expect(bytes.equals(whole.subarray(0, bytes.length))).toBe(true);
          if (error === undefined) expect(bytes.length).toBe(whole.length);
        }
      }),
      { seed: SEED, numRuns: 150 },
    );
  });
});

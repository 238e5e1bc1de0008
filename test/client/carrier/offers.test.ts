import { describe, expect, it } from '@jest/globals';
import { CarriedDuplex } from '../../../src/client/carrier/carried-duplex.js';
import { OFFERS_MAX, Offers } from '../../../src/client/carrier/offers.js';
import { MemoryCarrier } from './memory-carrier.js';

const WAY = { framesMax: 16, delay: async () => {} };
const path = () => MemoryCarrier.pair(WAY)[0];
const turn = () => new Promise(setImmediate);

describe('the paths that the peer may yet move to', () => {
  it('close the path of an attempt that finds another one', async () => {
    const offers = new Offers();
    const [one, other] = [path(), path()];
    offers.add(1, Promise.resolve(one));
    offers.add(1, Promise.resolve(other));
    await turn();
    expect([one.isOver, other.isOver]).toEqual([true, false]);
    expect(await offers.of(1)).toBe(other);
  });

  it('keep the path in use, whatever comes after it', async () => {
    const offers = new Offers();
    const paths = Array.from({ length: OFFERS_MAX + 1 }, path);
    const again = path();
    for (const [attempt, found] of paths.entries()) {
      offers.add(attempt, Promise.resolve(found));
      offers.use(0);
    }
    offers.add(0, Promise.resolve(again));
    await turn();
    expect(paths.map(({ isOver }) => isOver)).toEqual([false, true, ...Array(OFFERS_MAX - 1).fill(false)]);
    expect([again.isOver, await offers.of(0)]).toEqual([true, paths[0]]);
  });
});

describe('a connection that has moved to a path', () => {
  it('does not move to another one, which is closed', async () => {
    const [near, far] = MemoryCarrier.pair(WAY);
    const [one, there] = MemoryCarrier.pair(WAY);
    const other = path();
    const ends = [new CarriedDuplex(near), new CarriedDuplex(far)];
    ends[1]!.expect(1, Promise.resolve(there));
    const read: Buffer[] = [];
    const ended = new Promise((resolve) => ends[1]!.once('end', resolve));
    ends[1]!.on('data', (bytes: Buffer) => read.push(bytes));
    expect(await Promise.all([ends[0]!.move(1, one), ends[0]!.move(2, other)])).toEqual([true, false]);
    const third = path();
    expect(await ends[0]!.move(3, third)).toBe(false);
    ends[0]!.end('all of it');
    await ended;
    expect([String(Buffer.concat(read)), one.isOver, other.isOver, third.isOver]).toEqual([
      'all of it',
      false,
      true,
      true,
    ]);
    for (const end of ends) end.destroy();
  });
});

import { beforeEach, describe, expect, it } from '@jest/globals';
import { RelayedBytes, type RelayedShare } from '../../src/relay/relayed-bytes.js';

/** Three networks: from 1,200 on each has an equal part of that, from 1,800 on one of 200. */
const BOUND = 2_400;

describe('bytes in the relays of all networks', () => {
  let woken: string[];
  let all: RelayedBytes;
  let [one, two, three]: RelayedShare[] = [];

  beforeEach(() => {
    woken = [];
    all = new RelayedBytes(BOUND);
    [one, two, three] = ['one', 'two', 'three'].map((name) => all.join(() => void woken.push(name)));
  });

  const full = () => [one, two, three].map(({ isFull }) => isFull);

  it('leave the whole bound to a network that is alone', () => {
    all = new RelayedBytes(BOUND);
    const alone = all.join(() => {});
    alone.add(BOUND - 1);
    expect(alone.isFull).toBe(false);
    alone.add(1);
    expect(alone.isFull).toBe(true);
  });

  it('leave no room to a network that holds half of the bound, and room to the others up to an equal part of that', () => {
    one.add(1_200);
    expect(full()).toEqual([true, false, false]);
    two.add(599);
    expect(full()).toEqual([true, false, false]);
    two.add(1);
    expect(full()).toEqual([true, true, false]);
    three.add(200);
    expect(full()).toEqual([true, true, true]);
  });

  it('leave room to all below half of the bound, however much one of them holds', () => {
    one.add(1_199);
    expect(full()).toEqual([false, false, false]);
  });

  it.each([2, 3, 10, 1_024])(
    'are the bound at most, and room for every one of %i networks, whoever came first',
    (count) => {
      const bound = 1_048_576;
      all = new RelayedBytes(bound);
      const shares = Array.from({ length: count }, () => all.join(() => {}));
      for (const share of shares) {
        expect(share.isFull).toBe(false);
        while (!share.isFull) share.add(1);
      }
      const held = shares.map(({ bytes }) => bytes);
      expect(held.reduce((sum, bytes) => sum + bytes)).toBeLessThanOrEqual(bound);
      expect(Math.min(...held)).toBeGreaterThanOrEqual(bound / 4 / count);
    },
  );

  it('wake all that have room again once they are below half of the bound', () => {
    one.add(800);
    two.add(400);
    one.add(-1);
    expect(woken).toEqual(['one', 'two', 'three']);
  });

  it('wake a network that comes below its part, and no other', () => {
    one.add(1_100);
    two.add(650);
    expect(full()).toEqual([true, true, false]);
    two.add(-51);
    expect([woken, full()]).toEqual([['two'], [true, false, false]]);
  });

  it('wake the others when one holds nothing any more, as their parts are larger then', () => {
    one.add(1_190);
    two.add(500);
    three.add(10);
    expect(full()).toEqual([true, true, false]);
    three.add(-10);
    expect([woken, full()]).toEqual([
      ['two', 'three'],
      [true, false, false],
    ]);
  });

  it('wake a network no more that has left, and count what it holds until it lets go of it', () => {
    one.add(1_200);
    one.leave();
    two.add(600);
    expect(two.isFull).toBe(true);
    woken.length = 0;
    one.add(-1_200);
    expect([woken, full()]).toEqual([
      ['two', 'three'],
      [false, false, false],
    ]);
  });

  it('wake the one that is left alone, for which the bound is larger then', () => {
    one.add(1_200);
    two.leave();
    three.leave();
    expect([woken, one.isFull]).toEqual([['three', 'one'], false]);
  });
});

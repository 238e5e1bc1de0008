import { beforeEach, describe, expect, it } from '@jest/globals';
import { RelayedBytes, type RelayedShare } from '../../src/relay/relayed-bytes.js';

describe('bytes in the relays of all networks', () => {
  let woken: string[];
  let all: RelayedBytes;
  let [one, two, three]: RelayedShare[] = [];

  beforeEach(() => {
    woken = [];
    all = new RelayedBytes(300);
    [one, two, three] = ['one', 'two', 'three'].map((name) => all.join(() => void woken.push(name)));
  });

  const full = () => [one, two, three].map(({ isFull }) => isFull);

  it('leave no room to a network that holds all of them, and room to the others up to an equal part', () => {
    one.add(300);
    expect(full()).toEqual([true, false, false]);
    two.add(149);
    expect(full()).toEqual([true, false, false]);
    two.add(1);
    expect(full()).toEqual([true, true, false]);
    three.add(100);
    expect(full()).toEqual([true, true, true]);
  });

  it('leave room to all while they are not full, however much one of them holds', () => {
    one.add(299);
    expect(full()).toEqual([false, false, false]);
  });

  it('wake all that have room again once they are not full', () => {
    one.add(200);
    two.add(100);
    one.add(-1);
    expect(woken).toEqual(['one', 'two', 'three']);
  });

  it('wake a network that comes below its part, and no other', () => {
    one.add(300);
    two.add(150);
    two.add(-1);
    expect([woken, full()]).toEqual([['two'], [true, false, false]]);
  });

  it('wake the others when one holds nothing any more, as their parts are larger then', () => {
    one.add(300);
    two.add(120);
    three.add(10);
    expect(full()).toEqual([true, true, false]);
    three.add(-10);
    expect([woken, full()]).toEqual([
      ['two', 'three'],
      [true, false, false],
    ]);
  });

  it('wake a network no more that has left, and count what it holds until it lets go of it', () => {
    one.add(300);
    one.leave();
    two.add(150);
    expect(two.isFull).toBe(true);
    one.add(-300);
    expect([woken, full()]).toEqual([
      ['two', 'three'],
      [false, false, false],
    ]);
  });
});

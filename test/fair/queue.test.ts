import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { Queue } from '../../src/fair/queue.js';

/** Collects garbage now. Node offers it behind a flag, which is set for a context made here. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

describe('Queue', () => {
  it('gives back in the order in which it took, whatever was taken before', () => {
    const queue = new Queue<number>();
    const taken: (number | undefined)[] = [];
    for (let at = 0; at < 1_000; at++) {
      queue.push(at);
      if (at % 3 !== 0) taken.push(queue.shift());
    }
    while (queue.size > 0) {
      expect(queue.first).toBe(taken.length);
      taken.push(queue.shift());
    }
    expect(taken).toEqual(Array.from({ length: 1_000 }, (_, at) => at));
    expect([queue.first, queue.shift()]).toEqual([undefined, undefined]);
  });

  it('keeps nothing that was taken from it', async () => {
    const queue = new Queue<object>();
    const weak = Array.from({ length: 10 }, () => {
      const item = {};
      queue.push(item);
      return new WeakRef(item);
    });
    for (let at = 0; at < 9; at++) queue.shift();
    // A WeakRef holds what it was made of until the turn is over.
    await new Promise(setImmediate);
    collectGarbage();
    expect(weak.map((ref) => ref.deref() !== undefined)).toEqual([...Array<boolean>(9).fill(false), true]);
    expect(queue.size).toBe(1);
  });
});

import { describe, expect, it } from '@jest/globals';
import { Fence } from '../../src/base/fence.js';

function make() {
  const logged: object[] = [];
  const fence = new Fence({
    log: { error: (facts) => void logged.push(facts) },
    random: { bytes: (count) => new Uint8Array(count).fill(0xab) },
  });
  return { fence, logged };
}

describe('a fence', () => {
  it('ends the peer whose message made its door throw, and logs the fault under an id', () => {
    const { fence, logged } = make();
    const ended: string[] = [];
    const error = new Error('no such thing');
    const take = fence.around(
      'web',
      (_peer: string) => {
        throw error;
      },
      (peer: string) => void ended.push(peer),
    );
    take('a');
    expect(ended).toEqual(['a']);
    expect(logged).toEqual([{ fault: 'abababab', door: 'web', err: error }]);
  });

  it('throws nothing where the peer cannot be ended either, and logs both faults', () => {
    const { fence, logged } = make();
    const [error, failure] = [new Error('no such thing'), new Error('half of it is gone')];
    const take = fence.around(
      'web',
      () => {
        throw error;
      },
      () => {
        throw failure;
      },
    );
    take();
    expect(logged).toEqual([error, failure].map((err) => ({ fault: 'abababab', door: 'web', err })));
  });

  it('lets pass what does not throw, with all its arguments', () => {
    const { fence, logged } = make();
    const taken: unknown[] = [];
    const take = fence.around(
      'web',
      (...args: [string, number]) => void taken.push(args),
      () => taken.push('ended'),
    );
    take('a', 1);
    expect([taken, logged]).toEqual([[['a', 1]], []]);
  });
});

import { describe, expect, it } from '@jest/globals';
import { FEED_VERSION, PublishedSum } from '../../src/cluster/published-sum.js';
import type { Change } from '../../src/core/model/change.js';
import type { Told } from '../../src/log/shared-log.js';

const RECORD = { revision: 1, bytes: new Uint8Array() };
const encode = ({ revision }: { readonly revision: number }) => Buffer.from(`revision ${revision}`);
const renewed = (epoch: string): Change => ({ kind: 'EpochRenewed', epoch });

describe('what servers have published, compared', () => {
  const sum = (from = 1, version?: number, encoded = encode) => new PublishedSum(encoded, from, version);
  const batch = (seq: number, told?: Told) => ({ term: 1n, seq, chain: new Uint8Array(), records: [RECORD], told });

  /** The leader stores a batch with what it has published, and both publish what came of it. */
  function step(
    leader: PublishedSum,
    follower: PublishedSum,
    seq: number,
    changes: [readonly Change[], readonly Change[]],
  ) {
    const { told } = leader;
    leader.restart(seq);
    follower.check(batch(seq, told));
    leader.publish({ epoch: 'e', revision: seq }, changes[0]);
    follower.publish({ epoch: 'e', revision: seq }, changes[1]);
  }

  it('agrees where both have decided the same', () => {
    const [leader, follower] = [sum(), sum()];
    for (let seq = 1; seq <= 5; seq++) step(leader, follower, seq, [[renewed('a')], [renewed('a')]]);
    expect(follower.comparedSeq).toBe(4);
    expect(follower.differing).toBe(0);
  });

  it('differs with the next batch where a follower has told its watchers something else', () => {
    const [leader, follower] = [sum(), sum(1, FEED_VERSION, () => Buffer.from('something else'))];
    step(leader, follower, 1, [[renewed('a')], [renewed('a')]]);
    expect(() => step(leader, follower, 2, [[], []])).toThrow(
      expect.objectContaining({ kind: 'differs', message: expect.stringContaining('batches 1 to 1 otherwise') }),
    );
    expect(follower.differing).toBe(1);
  });

  it('differs where one has refused what the other has taken, also if no watcher hears of it', () => {
    const [leader, follower] = [sum(), sum()];
    step(leader, follower, 1, [[renewed('a')], []]);
    expect(() => step(leader, follower, 2, [[], []])).toThrow(expect.objectContaining({ kind: 'differs' }));
  });

  it('compares nothing before a batch from which both have counted', () => {
    const [leader, follower] = [sum(), sum(3)];
    leader.publish({ epoch: 'e', revision: 1 }, [renewed('a')]);
    step(leader, follower, 3, [[renewed('a')], [renewed('a')]]);
    expect(follower.comparedSeq).toBe(0);
    step(leader, follower, 4, [[], []]);
    expect(follower.comparedSeq).toBe(3);
  });

  it('compares nothing with a leader that publishes in other words, and knows that it does not', () => {
    const [leader, follower] = [sum(1, FEED_VERSION + 1), sum()];
    step(leader, follower, 1, [[renewed('a')], []]);
    step(leader, follower, 2, [[], []]);
    expect(follower.comparedSeq).toBeUndefined();
  });

  it('compares nothing with a leader of an earlier build, which says nothing', () => {
    const follower = sum();
    follower.check(batch(1));
    expect(follower.comparedSeq).toBeUndefined();
  });

  it('counts on over the first batch of a term, which has no commands', () => {
    const [leader, follower] = [sum(), sum()];
    step(leader, follower, 1, [[renewed('a')], [renewed('b')]]);
    follower.check({ ...batch(2), records: [] });
    expect(follower.comparedSeq).toBe(0);
    follower.publish({ epoch: 'e', revision: 9 }, []);
    expect(() => step(leader, follower, 3, [[], []])).toThrow(expect.objectContaining({ kind: 'differs' }));
  });
});

import { describe, expect, it } from '@jest/globals';
import { WatchKind } from '../../../../gen/switchyard/v1/network.js';
import { History } from '../../../../harness/simulation/checks/history.js';
import { takeMessage } from '../../../../harness/simulation/checks/watch.js';
import { Stage } from './stage.js';

/** Five revisions: the founding, three sessions, and the end of one of them. */
function story(wish: { coalesce?: boolean; sids?: number[] } = {}) {
  const stage = new Stage();
  const sids = [1, 2, 3].map((n) => stage.open(n));
  stage.store({ kind: 'CloseSession', sid: sids[0], reason: 2 });
  const history = new History(stage.truth, { coalesce: wish.coalesce ?? false, sids: new Set(wish.sids) });
  history.resume(1);
  const take = (message: Parameters<typeof takeMessage>[1]) => takeMessage(history, message)?.check;
  return { stage, sids, take };
}

describe('the checks of a watch', () => {
  it('find nothing wrong with what is told in order, whole and once', () => {
    const { stage, take } = story();
    const told = [stage.delta(2), stage.delta(3, 4), stage.sign(WatchKind.BOOKMARK, 4), stage.delta(5)];
    expect(told.map(take)).toEqual([undefined, undefined, undefined, undefined]);
  });

  it('Ordered: find a position that goes back, a change before a snapshot is whole, a snapshot in two places', () => {
    const { stage, take } = story();
    take(stage.delta(2, 3, 4));
    expect(take(stage.sign(WatchKind.BOOKMARK, 3))).toBe('Ordered');
    take(stage.sign(WatchKind.RESET, 5));
    expect(take(stage.delta(5))).toBe('Ordered');
    take(stage.sign(WatchKind.SNAPSHOT, 4));
    expect(take(stage.sign(WatchKind.SNAPSHOT_END, 5))).toBe('Ordered');
  });

  it('Ordered: find another epoch without a RESET', () => {
    const { stage, take } = story();
    expect(take({ ...stage.delta(2), position: { epoch: 'f', revision: 2n } })).toBe('Ordered');
  });

  it('Resumable: find a resumption that leaves something out or repeats it', () => {
    expect(story().take(story().stage.delta(3))).toBe('Resumable');
    expect(story().take(story().stage.delta(1, 2))).toBe('Resumable');
  });

  it('Unique: find a revision that is told again', () => {
    const { stage, take } = story();
    take(stage.delta(2));
    expect(take(stage.delta(2, 3))).toBe('Unique');
  });

  it('Reliable: find a revision that is left out', () => {
    const { stage, take } = story();
    take(stage.delta(2));
    expect(take(stage.delta(4))).toBe('Reliable');
  });

  it('Reliable: find a revision that is left out where others rightly are', () => {
    const { sids } = story();
    const { stage, take } = story({ sids: [sids[0]] });
    take(stage.delta(2));
    expect(take(stage.sign(WatchKind.BOOKMARK, 4))).toBeUndefined();
    expect(take({ ...stage.delta(5), deltas: [] })).toBe('Reliable');
  });

  it('Atomic: find a revision of which something is missing', () => {
    const { stage, take } = story();
    const half = stage.delta(2);
    half.deltas[0].linkAdded = [];
    expect(take(half)).toBe('Atomic');
  });

  it('Bookmarkable: find a bookmark ahead of what was delivered', () => {
    const { stage, take } = story();
    take(stage.delta(2));
    expect(take(stage.sign(WatchKind.BOOKMARK, 3))).toBe('Bookmarkable');
  });

  it('Faithful: find a net effect after which the reader sees another graph', () => {
    const { stage, take } = story({ coalesce: true });
    expect(take(stage.delta(2))).toBeUndefined();
    expect(take({ ...stage.delta(3), position: stage.delta(5).position })).toBe('Faithful');
  });

  it('Durable: find a revision that is told before it is durable', () => {
    const { stage, take } = story();
    expect(take(stage.sign(WatchKind.BOOKMARK, 6))).toBe('Durable');
  });
});

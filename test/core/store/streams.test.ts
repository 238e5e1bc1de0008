import { describe, expect, it, jest } from '@jest/globals';
import { capture, type MetaRow, Restoring, rowsOf } from '../../../src/core/store/snapshot.js';
import type { State } from '../../../src/core/store/state.js';
import { isInitialId, Streams } from '../../../src/core/store/streams.js';
import { creating, Network } from '../network.js';

const HIGHEST = 2 ** 31 - 8;

/** The same state, as if so many streams had been made that the ids are about to begin anew. */
function atTheEndOfIds(state: State): State {
  const restoring = new Restoring(state.limits);
  for (const row of rowsOf(capture(state))) {
    restoring.add(row.kind === 'meta' ? ({ ...row, streamCursor: HIGHEST - 16 } satisfies MetaRow) : row);
  }
  return restoring.state;
}

describe('the ids of streams', () => {
  it('are never SIDs, and a SID is never one of theirs', () => {
    const network = new Network();
    const sids = [2, 3, 7].map((type, at) => network.open(at, { type, flavor: 31 }));
    const stream = network.stream(sids[0], sids.slice(1));
    expect(sids.map(isInitialId)).toEqual([true, true, true]);
    expect([stream.id, ...stream.sinks.map(({ id }) => id)].map(isInitialId)).toEqual([false, false, false]);
  });

  it('count on: one that is free again is not given out while others are', () => {
    const network = new Network();
    const [source, sink] = [network.open(1), network.open(2)];
    const first = network.stream(source, [sink]);
    network.stop(source, first.id);
    const second = network.stream(source, [sink]);
    expect(second.id).toBeGreaterThan(first.sinks[0].id);
  });

  it('begin anew at the end, past those that live, streams and branches', () => {
    const before = new Network();
    const [source, sink, third] = [before.open(1), before.open(2), before.open(3)];
    const first = before.stream(source, [sink]);
    const gone = before.stream(source, [third]);
    before.stop(source, gone.id);
    const network = new Network({}, atTheEndOfIds(before.state));
    const across = network.stream(source, [sink, third]);
    expect([across.id, ...across.sinks.map(({ id }) => id)]).toEqual([HIGHEST - 8, HIGHEST, gone.id]);
    expect(network.state.streams.get(first.id)).toEqual(first);
    expect(network.state.streamCursor).toBe(gone.id);
    expect(network.wouldChange(creating(source, [sink]))).toEqual(['StreamPut']);
    expect(network.stream(source, [sink]).id).toBe(gone.sinks[0].id);
  });
});

describe('the list of streams', () => {
  it('knows nothing of a session that is not there', () => {
    const { sessions } = new Network().state;
    const streams = new Streams(sessions);
    expect([streams.get(0), streams.get(-1), streams.get(0x102), streams.get(8)]).toEqual(Array(4).fill(undefined));
    expect([streams.of(0x102), streams.ownedBy(0x102), streams.endingAt(0x102)]).toEqual([[], 0, 0]);
  });
});

describe('the ids of streams in order', () => {
  it('hold those from the start and the others, past any one', () => {
    const network = new Network();
    const sids = [2, 3, 7, 2].map((type, at) => network.open(at, { type, flavor: at % 2 }));
    const made = sids.map((sid) => network.stream(sid, [sids.find((one) => one !== sid)!]).id);
    network.stop(sids[1], made[1]);
    const { streams } = network.state;
    const all = [...streams.all()].map(({ id }) => id).sort((one, other) => one - other);
    expect(all).toHaveLength(7);
    const listed = (after: number) => [...streams.idsAfter(after)].filter((id) => streams.get(id)?.id === id);
    for (const after of [0, 1, ...all, HIGHEST]) expect(listed(after)).toEqual(all.filter((id) => id > after));
  });

  it('are looked up one by one: the first ones of 2,000 sessions need no look at the rest', () => {
    const network = new Network();
    for (let at = 0; at < 2_000; at++) network.open(at);
    const ids = network.state.streams.idsAfter(0)[Symbol.iterator]();
    const get = jest.spyOn(network.state.sessions, 'get');
    const copy = jest.spyOn(network.state.sessions, 'copy');
    for (let at = 0; at < 10; at++) network.state.streams.get(ids.next().value!);
    expect([get.mock.calls.length, copy.mock.calls.length]).toEqual([10, 0]);
  });
});

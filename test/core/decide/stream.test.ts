import { describe, expect, it } from '@jest/globals';
import { decide } from '../../../src/core/decide/apply.js';
import { stoppedIds } from '../../../src/core/model/change.js';
import type { UpdateStreamParams } from '../../../src/core/model/command.js';
import { isFault } from '../../../src/core/model/fault.js';
import type { Labels } from '../../../src/core/model/session.js';
import { DEFAULT_STREAM_PARAMS, StopReason, type StreamParams } from '../../../src/core/model/stream.js';
import { canonical } from '../../../src/core/store/canonical.js';
import { creating, Network } from '../network.js';

/** A network with a source, two sinks, and one that has nothing to do with them. */
function stage() {
  const network = new Network();
  const [source, left, right, stranger] = [1, 2, 3, 4].map((instance) => network.open(instance));
  const stream = network.stream(source, [left, right], { name: 'a name' });
  return { network, source, left, right, stranger, stream };
}

function updating(sid: number, id: number, params: Partial<StreamParams>): UpdateStreamParams {
  return { kind: 'UpdateStreamParams', sid, id, params };
}

/** The ids that the one change of an applied command stopped. */
function stoppedBy({ changes }: ReturnType<Network['stop']>): number[] {
  const [change] = changes;
  if (change?.kind !== 'StreamStopped') throw new Error('nothing stopped');
  return stoppedIds(change);
}

describe('a stream', () => {
  it('has an id, and so has each of its branches, in the order of its sinks', () => {
    const { network, source, left, right, stream } = stage();
    expect(stream).toMatchObject({ owner: source, sinks: [{ sid: left }, { sid: right }], revision: 6 });
    expect(stream.params).toEqual({ ...DEFAULT_STREAM_PARAMS, name: 'a name' });
    const ids = [stream.id, stream.sinks[0].id, stream.sinks[1].id];
    expect(new Set(ids).size).toBe(3);
    for (const id of ids) expect(network.state.streams.get(id)).toEqual(stream);
  });

  it('is listed for its source and for its sinks, and counted for its source only', () => {
    const { network, source, left, stranger, stream } = stage();
    const { streams } = network.state;
    expect([streams.of(source), streams.of(left), streams.of(stranger)]).toEqual([[stream], [stream], []]);
    expect([streams.ownedBy(source), streams.ownedBy(left)]).toEqual([1, 0]);
    expect([streams.endingAt(source), streams.endingAt(left)]).toEqual([0, 1]);
  });
});

describe('the stream that a session has from the start', () => {
  it('is there without a sink, and neither listed nor counted', () => {
    const { network, source } = stage();
    const { streams, sessions } = network.state;
    const { streamId, openedRevision } = sessions.get(source)!;
    const initial = { id: streamId, owner: source, sinks: [], params: DEFAULT_STREAM_PARAMS, revision: openedRevision };
    expect(streams.get(streamId)).toEqual(initial);
    expect([streams.of(source).length, streams.ownedBy(source), streams.count]).toEqual([1, 1, 1]);
    expect([...streams.all()]).toHaveLength(5);
  });

  it('can be changed, and stopped, and is then gone for good', () => {
    const { network, source } = stage();
    const { streamId } = network.state.sessions.get(source)!;
    const { revision } = network.apply(updating(source, streamId, { name: 'mine' }));
    expect(network.state.streams.get(streamId)).toMatchObject({ params: { name: 'mine' }, revision });
    expect(stoppedBy(network.stop(source, streamId))).toEqual([streamId]);
    expect(network.state.streams.get(streamId)).toBeUndefined();
    expect(network.state.sessions.get(source)).toMatchObject({ sid: source, streamId: 0 });
    expect(network.refused({ kind: 'TerminateStream', sid: source, id: streamId }).reason).toBe('STREAM_NOT_FOUND');
    expect([...network.state.streams.all()].some(({ id }) => id === streamId)).toBe(false);
    network.close(source);
  });

  it('goes with its session, changed or not', () => {
    const { network, source, left } = stage();
    network.apply(updating(source, source, { name: 'mine' }));
    for (const sid of [source, left]) {
      network.close(sid);
      expect(network.state.streams.get(sid)).toBeUndefined();
    }
  });
});

describe('a stream cannot be made', () => {
  it.each([
    ['without sinks', () => [], ['sink_cvids']],
    ['to oneself', (source: number, left: number) => [left, source], ['sink_cvids[1]']],
    ['to a sink twice', (_: number, left: number) => [left, left, left], ['sink_cvids[1]', 'sink_cvids[2]']],
    [
      'with several mistakes',
      (source: number, left: number) => [source, left, left],
      ['sink_cvids[0]', 'sink_cvids[2]'],
    ],
  ])('%s', (_, sinks, fields) => {
    const { network, source, left } = stage();
    const fault = network.refused(creating(source, sinks(source, left)));
    expect(fault.reason).toBe('FIELD_INVALID');
    expect(fault.violations.map(({ field }) => field)).toEqual(fields);
  });

  it('with more sinks than may be, which are not all looked at', () => {
    const network = new Network({ sinksPerStreamMax: 2 });
    const sids = [1, 2, 3, 4].map((instance) => network.open(instance));
    network.stream(sids[0], sids.slice(1, 3));
    const fault = network.refused(creating(sids[0], [...sids.slice(1), sids[3], sids[3]]));
    expect(fault.violations.map(({ field }) => field)).toEqual(['sink_cvids']);
  });

  it('by or to who is no session', () => {
    const { network, source, left } = stage();
    network.close(left);
    expect(network.refused(creating(left, [source])).reason).toBe('SESSION_NOT_FOUND');
    expect(network.refused(creating(source, [left])).reason).toBe('NODE_NOT_FOUND');
    expect(network.refused(creating(source, [network.state.serverSid])).reason).toBe('NODE_NOT_FOUND');
  });

  it.each([
    ['one session owns as many as it may', { streamsPerSessionMax: 2 }],
    ['there are as many in all as may be', { streamsMax: 2 }],
    ['as many end at one session as may', { branchesPerSinkMax: 2 }],
    ['there are as many branches in all as may be', { branchesMax: 2 }],
  ])('when %s; it can again when one has stopped', (_, limits) => {
    const network = new Network(limits);
    const [source, sink] = [network.open(1), network.open(2)];
    const first = network.stream(source, [sink]);
    network.stream(source, [sink]);
    expect(network.refused(creating(source, [sink]))).toMatchObject({ reason: 'STREAM_LIMIT', retryAfterMs: 1_000 });
    network.stop(source, first.id);
    network.stream(source, [sink]);
    expect(network.refused(creating(source, [sink])).reason).toBe('STREAM_LIMIT');
  });

  it('when its branches would be more than may be, though one more would not', () => {
    const network = new Network({ branchesMax: 2 });
    const sids = [1, 2, 3, 4].map((instance) => network.open(instance));
    expect(network.refused(creating(sids[0], sids.slice(1))).reason).toBe('STREAM_LIMIT');
    network.stream(sids[0], sids.slice(1, 3));
  });
});

describe('the parameters of a stream', () => {
  it('change where they are named, and only there', () => {
    const { network, source, stream } = stage();
    const { revision } = network.apply(updating(source, stream.id, { timeoutMs: 5_000, labels: { a: 'b' } }));
    expect(network.state.streams.get(stream.id)).toEqual({
      ...stream,
      params: { ...stream.params, timeoutMs: 5_000, labels: { a: 'b' } },
      revision,
    });
  });

  it('change to what is empty, too', () => {
    const { network, source, stream } = stage();
    const named = {
      maxBlockBytes: 1,
      deliveryConfirmation: true,
      compression: 1,
      labels: { a: 'b' },
      timeoutMs: 1_000,
    };
    network.apply(updating(source, stream.id, named));
    network.apply(updating(source, stream.id, { name: '', deliveryConfirmation: false, labels: {}, timeoutMs: 0 }));
    const after = { name: '', maxBlockBytes: 1, deliveryConfirmation: false, compression: 1, labels: {}, timeoutMs: 0 };
    expect(network.state.streams.get(stream.id)?.params).toEqual(after);
  });

  it('do not change where a field is there but says nothing', () => {
    const { network, source, stream } = stage();
    expect(network.apply(updating(source, stream.id, { name: undefined, labels: undefined })).changes).toEqual([]);
    expect(network.state.streams.get(stream.id)).toEqual(stream);
  });

  it.each<Partial<StreamParams>>([
    { name: 'a name' },
    { labels: {} },
    {},
    { timeoutMs: 0, maxBlockBytes: 65_536, compression: 0, deliveryConfirmation: false },
  ])('are as they were, without a change, after %j', (params) => {
    const { network, source, stream } = stage();
    expect(network.apply(updating(source, stream.id, params)).changes).toEqual([]);
  });

  it('have other labels when a key, a value or their number differs', () => {
    const { network, source, stream } = stage();
    const others: Labels[] = [{ a: '1' }, { a: '2' }, { b: '2' }, { a: '1', b: '2' }, { constructor: 'x' }];
    for (const labels of others) {
      expect(network.apply(updating(source, stream.id, { labels })).changes).toHaveLength(1);
      expect(network.apply(updating(source, stream.id, { labels: { ...labels } })).changes).toEqual([]);
    }
  });

  it('are the owner’s to change: a sink hears that it is not theirs, others that there is none', () => {
    const { network, left, stranger, stream } = stage();
    expect(network.refused(updating(left, stream.id, {})).reason).toBe('NOT_STREAM_OWNER');
    expect(network.refused(updating(stranger, stream.id, {})).reason).toBe('STREAM_NOT_FOUND');
  });
});

describe('to terminate a stream', () => {
  it('is the owner’s, and takes all of it', () => {
    const { network, source, left, stranger, stream } = stage();
    const { id } = stream;
    expect(network.refused({ kind: 'TerminateStream', sid: left, id }).reason).toBe('NOT_STREAM_OWNER');
    expect(network.refused({ kind: 'TerminateStream', sid: stranger, id }).reason).toBe('STREAM_NOT_FOUND');
    const { changes } = network.apply({ kind: 'TerminateStream', sid: source, id });
    expect(changes).toEqual([
      { kind: 'StreamStopped', before: stream, after: undefined, reason: StopReason.TERMINATED, by: source },
    ]);
    for (const one of [id, stream.sinks[0].id]) expect(network.state.streams.get(one)).toBeUndefined();
    expect(network.refused({ kind: 'TerminateStream', sid: source, id }).reason).toBe('STREAM_NOT_FOUND');
  });

  it('needs its own id, not a branch’s', () => {
    const { network, source, stream } = stage();
    const fault = network.refused({ kind: 'TerminateStream', sid: source, id: stream.sinks[0].id });
    expect(fault.reason).toBe('STREAM_NOT_FOUND');
  });
});

describe('to stop', () => {
  it('the source stops every branch', () => {
    const { network, source, stream } = stage();
    const ids = [stream.id, ...stream.sinks.map(({ id }) => id)].sort((x, y) => x - y);
    expect(stoppedBy(network.stop(source, stream.id))).toEqual(ids);
    for (const id of ids) expect(network.state.streams.get(id)).toBeUndefined();
  });

  it('a branch stops that branch; the last branch, the source', () => {
    const { network, source, right, stream } = stage();
    const [first, second] = stream.sinks.map(({ id }) => id);
    const { revision, changes } = network.stop(source, first);
    const after = { ...stream, sinks: [stream.sinks[1]], revision };
    expect(changes).toEqual([{ kind: 'StreamStopped', before: stream, after, reason: StopReason.STOPPED, by: source }]);
    expect([network.state.streams.get(first), network.state.streams.get(stream.id)]).toEqual([undefined, after]);
    expect(stoppedBy(network.stop(right, second))).toEqual([stream.id, second]);
    expect(network.state.streams.get(stream.id)).toBeUndefined();
  });

  /** Who: may they stop the source, the left branch, the right branch? */
  it.each([
    ['the source', 'source', [true, true, true]],
    ['a sink', 'left', [true, true, false]],
    ['the other sink', 'right', [true, false, true]],
    ['a stranger', 'stranger', [false, false, false]],
    ['the server or an administrator', 'nobody', [true, true, true]],
  ] as const)('%s may stop what is theirs to stop, and of the rest hears that there is none', (_, who, may) => {
    const allowed = [0, 1, 2].map((which) => {
      const { network, stream, ...sids } = stage();
      const id = [stream.id, stream.sinks[0].id, stream.sinks[1].id][which];
      const sid = who === 'nobody' ? 0 : sids[who];
      const decided = decide(network.state, { kind: 'StopStream', sid, id, reason: StopReason.STOPPED });
      if (isFault(decided)) expect(decided.reason).toBe('STREAM_NOT_FOUND');
      return !isFault(decided);
    });
    expect(allowed).toEqual(may);
  });

  it('what is unknown and what is another’s is refused in the same words', () => {
    const { network, stranger, stream } = stage();
    const refusal = (id: number) => {
      const { reason, message } = network.refused({
        kind: 'StopStream',
        sid: stranger,
        id,
        reason: StopReason.STOPPED,
      });
      return `${reason} ${message.replace(String(id), 'ID')}`;
    };
    expect(refusal(stream.id)).toBe(refusal(0x7ffffff8));
    expect(refusal(stream.sinks[0].id)).toBe(refusal(stream.id));
  });

  it('can be tried without stopping anything', () => {
    const { network, left, stream } = stage();
    const before = canonical(network.state);
    const id = stream.sinks[0].id;
    expect(network.wouldChange({ kind: 'StopStream', sid: left, id, reason: StopReason.STOPPED })).toEqual([
      'StreamStopped',
    ]);
    expect(canonical(network.state)).toBe(before);
    expect(network.state.streams.get(id)).toBe(stream);
  });

  it('for another reason says so', () => {
    const { network, stream } = stage();
    const { changes } = network.apply({ kind: 'StopStream', sid: 0, id: stream.id, reason: StopReason.IDLE });
    expect(changes).toMatchObject([{ reason: StopReason.IDLE, by: 0 }]);
  });
});

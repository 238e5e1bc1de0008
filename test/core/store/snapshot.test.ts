import { describe, expect, it } from '@jest/globals';
import { DEFAULT_LIMITS } from '../../../src/core/model/limits.js';
import { LinkType } from '../../../src/core/model/link.js';
import { CloseReason } from '../../../src/core/model/session.js';
import { canonical } from '../../../src/core/store/canonical.js';
import { capture, Restoring, type Row, rowsOf } from '../../../src/core/store/snapshot.js';
import type { State } from '../../../src/core/store/state.js';
import { Network, opening } from '../network.js';

/** A state with something of everything. */
function full(): Network {
  const network = new Network();
  const [one, two, three, four] = [1, 2, 3, 4].map((instance) =>
    network.open(instance, { labels: { n: `${instance}` } }),
  );
  network.connect(one, two, LinkType.TRANSPORT_UDP);
  network.report(one, three, LinkType.TRANSPORT_TCP);
  network.stream(one, [two, three]);
  network.apply({ kind: 'UpdateStreamParams', sid: one, id: one, params: { name: 'changed' } });
  network.stop(two, two);
  network.apply({ kind: 'RequestTermination', sid: three, reason: 'enough', deadlineMs: 1 });
  network.state.orders.restoreSettled(two, 'o1');
  network.close(four, CloseReason.EXPIRED);
  return network;
}

function rows(state: State): Row[] {
  return [...rowsOf(capture(state))];
}

function restored(given: Iterable<Row>, limits = DEFAULT_LIMITS): State {
  const restoring = new Restoring(limits);
  for (const row of given) restoring.add(row);
  return restoring.state;
}

describe('a snapshot', () => {
  it('says who it is and where it stands first, and sessions before what names them', () => {
    const { state } = full();
    const order = rows(state).map(({ kind }) => kind);
    expect([...new Set(order)]).toEqual([
      'meta',
      'limits',
      'session',
      'link',
      'stream',
      'report',
      'order',
      'settled',
      'ended',
    ]);
    expect(rows(state)[0]).toEqual({
      kind: 'meta',
      epoch: 'an epoch',
      revision: state.revision,
      serverSid: 257,
      serverUuid: '00000000-0000-4000-8000-000000000000',
      streamCursor: 24,
      sidCursors: [
        { pool: 1, base: 1 },
        { pool: 2, base: 4 },
      ],
    });
  });

  it('leaves out the streams that every session has, and keeps those that were changed or are gone', () => {
    const { state } = full();
    const [one, two] = [0x102, 0x202];
    const streams = rows(state).flatMap((row) => (row.kind === 'stream' ? row.stream : []));
    expect(streams.map(({ id }) => id).sort((x, y) => x - y)).toEqual([8, one]);
    const again = restored(rows(state));
    expect(again.streams.get(one)?.params.name).toBe('changed');
    expect(again.streams.get(two)).toBeUndefined();
    expect(again.sessions.get(two)?.streamId).toBe(0);
  });

  it('restores to the same state, whose snapshot is the same again', () => {
    const { state } = full();
    const again = restored(rows(state));
    expect(canonical(again)).toBe(canonical(state));
    expect(again.position).toEqual(state.position);
    expect(
      rows(again)
        .map((row) => JSON.stringify(row))
        .sort(),
    ).toEqual(
      rows(state)
        .map((row) => JSON.stringify(row))
        .sort(),
    );
  });

  it('of a network that was only just founded is its first row', () => {
    const { state } = new Network();
    expect(rows(state).map(({ kind }) => kind)).toEqual(['meta', 'limits']);
    expect(canonical(restored(rows(state)))).toBe(canonical(state));
  });

  it('restores what is beyond bounds that have been lowered since', () => {
    const { state } = full();
    const low = {
      ...DEFAULT_LIMITS,
      sessionsMax: 1,
      linksMax: 1,
      streamsMax: 0,
      branchesMax: 0,
      sidBaseMax: 1,
      endedMax: 0,
    };
    state.limits = low;
    const network = new Network({}, restored(rows(state)));
    expect(canonical(network.state)).toBe(canonical(state));
    expect(network.state.limits).toEqual(low);
    expect(network.refused(opening(9)).reason).toBe('SESSION_LIMIT');
  });

  it('that is not one that was written here is noticed', () => {
    const { state } = full();
    const all = rows(state);
    const session = all.find(({ kind }) => kind === 'session')!;
    expect(() => restored([...all, session])).toThrow('there already');
    expect(() => restored(all.filter(({ kind }) => kind !== 'meta'))).toThrow('there is no server');
    expect(() => restored(all.filter((row) => row !== session))).toThrow('no two ends');
  });
});

describe('a capture', () => {
  it('shows the state as it was, however often it is read', () => {
    const network = full();
    const taken = capture(network.state);
    const before = JSON.stringify([[...rowsOf(taken)], [...taken.streams]]);
    for (const instance of [1, 2, 3, 5, 6]) network.open(instance);
    network.connect(network.open(7), network.open(8), LinkType.TRANSPORT_TCP);
    expect(JSON.stringify([[...rowsOf(taken)], [...taken.streams]])).toBe(before);
    expect(JSON.stringify([[...rowsOf(taken)], [...taken.streams]])).toBe(before);
  });

  it('lists all streams, those that every session has too', () => {
    const { state } = full();
    const ids = [...capture(state).streams].map(({ id }) => id).sort((x, y) => x - y);
    expect(ids).toEqual([...state.streams.all()].map(({ id }) => id).sort((x, y) => x - y));
    expect(ids).toEqual([8, 0x102, 0x302]);
  });
});

describe('the canonical text', () => {
  it('does not depend on how a state came about', () => {
    const build = (order: readonly number[]) => {
      const { state } = new Network();
      const given = rows(full().state);
      const sorted = given.map((row, at) => ({ row, at })).sort((x, y) => order[x.at % 3] - order[y.at % 3]);
      const kinds = ['meta', 'limits', 'session', 'link', 'stream', 'report', 'order', 'settled', 'ended'];
      const inKinds = kinds.flatMap((kind) => sorted.filter(({ row }) => row.kind === kind).map(({ row }) => row));
      return canonical(restored(inKinds, state.limits));
    };
    expect(build([2, 0, 1])).toBe(build([0, 1, 2]));
  });

  it('does not depend on the order of keys, or on keys that hold nothing', () => {
    const [one, other] = [new Network(), new Network()];
    one.open(1, { labels: { a: '1', b: '2' } });
    const { uuid, ...fields } = opening(1, { labels: { b: '2', a: '1' } });
    other.apply({ ...fields, uuid, extra: undefined } as never);
    expect(canonical(other.state)).toBe(canonical(one.state));
  });

  it.each<[string, (network: Network) => void]>([
    ['a label', (network) => network.open(1, { labels: { n: 'other' } })],
    ['a name', (network) => network.open(1, { name: 'other' })],
    [
      'a key that means something in JavaScript',
      (network) => network.open(1, { labels: JSON.parse('{"__proto__":"1"}') }),
    ],
    ['a token', (network) => network.open(1, { tokenHash: '\u00ff' })],
  ])('tells states apart by %s', (_, differ) => {
    const [one, other] = [new Network(), new Network()];
    one.open(1);
    differ(other);
    expect(canonical(other.state)).not.toBe(canonical(one.state));
  });

  it('tells apart in which order sessions ended', () => {
    const texts = [0, 1].map((first) => {
      const network = new Network();
      const sids = [network.open(1), network.open(2)];
      network.close(sids[first]);
      network.close(sids[1 - first]);
      return canonical(network.state);
    });
    expect(texts[0]).not.toBe(texts[1]);
  });
});

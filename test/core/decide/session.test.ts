import { describe, expect, it } from '@jest/globals';
import { LinkType } from '../../../src/core/model/link.js';
import { CloseReason } from '../../../src/core/model/session.js';
import { DEFAULT_STREAM_PARAMS } from '../../../src/core/model/stream.js';
import { makeSid } from '../../../src/core/store/sid.js';
import { kinds, Network, openedBy, opening } from '../network.js';

describe('a founded network', () => {
  it('has a name, and its server for a node, which is no session', () => {
    const { state } = new Network();
    expect(state.position).toEqual({ epoch: 'an epoch', revision: 1 });
    expect(state.serverSid).toBe(makeSid(1, 0, 1));
    expect([state.graph.nodeCount, state.sessions.count]).toEqual([1, 0]);
    expect(state.sessions.get(state.serverSid)).toBeUndefined();
  });
});

describe('a session that opens', () => {
  it('comes with its node, its link to the server and its stream, in one revision', () => {
    const network = new Network();
    const { revision, changes } = network.apply(opening(1, { type: 3, flavor: 5, labels: { os: 'linux' } }));
    const sid = makeSid(3, 5, 1);
    const { kind: _, type: __, flavor: ___, atMs, ...asked } = opening(1, { labels: { os: 'linux' } });
    const session = { ...asked, sid, openedAtMs: atMs, openedRevision: revision, streamId: sid };
    expect(changes).toEqual([
      { kind: 'SessionOpened', session },
      { kind: 'LinkAdded', link: { a: 257, b: sid, link: LinkType.CONTROL_TCP } },
      { kind: 'StreamPut', stream: { id: sid, owner: sid, sinks: [], params: DEFAULT_STREAM_PARAMS, revision } },
    ]);
    expect(network.state.sessions.get(sid)).toEqual(session);
    expect(network.state.sessions.ofInstance(asked.uuid)).toEqual(session);
  });

  it('ends every earlier one of its instance in the same revision, with all that hung on it', () => {
    const network = new Network();
    const [old, peer] = [network.open(1), network.open(2)];
    network.connect(old, peer, LinkType.TRANSPORT_TCP);
    network.report(peer, old, LinkType.TRANSPORT_UDP);
    network.stream(peer, [old]);
    const before = network.state.sessions.get(old);
    const applied = network.apply(opening(1));
    const [closed] = applied.changes.filter((change) => change.kind === 'SessionClosed');
    expect(closed).toEqual({ kind: 'SessionClosed', session: before, reason: CloseReason.SUPERSEDED });
    expect(kinds(applied.changes)).toEqual([
      'StreamStopped',
      'StreamStopped',
      'LinkReportSettled',
      'LinkRemoved',
      'LinkRemoved',
      'SessionClosed',
      'SessionOpened',
      'LinkAdded',
      'StreamPut',
    ]);
    const { sid } = openedBy(applied);
    expect(sid).not.toBe(old);
    expect(network.state.sessions.get(old)).toBeUndefined();
    expect(network.state.sessions.ofInstance(opening(1).uuid)?.sid).toBe(sid);
    expect([network.state.sessions.count, network.state.reports.count, network.state.streams.count]).toEqual([2, 0, 0]);
    expect(network.state.ended.get(old)).toBe(CloseReason.SUPERSEDED);
  });

  it('may be of another type than the earlier one', () => {
    const network = new Network();
    network.open(1, { type: 2 });
    network.open(1, { type: 3 });
    expect(network.state.sessions.count).toBe(1);
  });

  it('is refused when there are as many as may be, unless it takes the place of one', () => {
    const network = new Network({ sessionsMax: 2 });
    network.open(1);
    network.open(2);
    expect(network.refused(opening(3))).toMatchObject({ reason: 'SESSION_LIMIT', retryAfterMs: 5_000 });
    network.open(2);
    network.close(network.open(1));
    network.open(3);
    expect(network.state.sessions.count).toBe(2);
  });

  it('is refused when no SID of its type and flavor is left', () => {
    const network = new Network({ sidBaseMax: 2 });
    const first = network.open(1);
    network.open(2);
    expect(network.refused(opening(3))).toMatchObject({ reason: 'SID_EXHAUSTED', retryAfterMs: 5_000 });
    expect(network.refused(opening(1)).reason).toBe('SID_EXHAUSTED');
    network.open(3, { flavor: 1 });
    network.close(first);
    expect(network.open(4)).toBe(first);
  });

  it('with the SID of one that has ended is not taken for that one', () => {
    const network = new Network({ sidBaseMax: 1 });
    const sid = network.open(1);
    network.close(sid);
    expect(network.state.ended.get(sid)).toBe(CloseReason.TERMINATED);
    expect(network.open(2)).toBe(sid);
    expect(network.state.ended.get(sid)).toBeUndefined();
  });
});

describe('a session that ends', () => {
  it('stops its streams and branches, loses its links and goes, in this order', () => {
    const network = new Network();
    const [sid, peer, third] = [network.open(1), network.open(2), network.open(3)];
    network.connect(sid, peer, LinkType.TRANSPORT_UDP);
    const own = network.stream(sid, [peer, third]);
    const toBoth = network.stream(peer, [sid, third]);
    const { revision, changes } = network.close(sid, CloseReason.EXPIRED);
    expect(kinds(changes)).toEqual([
      'StreamStopped',
      'StreamStopped',
      'StreamStopped',
      'LinkRemoved',
      'LinkRemoved',
      'SessionClosed',
    ]);
    const { streams, graph } = network.state;
    expect([streams.get(sid), streams.get(own.id), streams.get(own.sinks[0].id)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(streams.get(toBoth.id)).toEqual({ ...toBoth, sinks: [toBoth.sinks[1]], revision });
    expect([graph.has(sid), graph.degree(peer), graph.degree(third)]).toEqual([false, 1, 1]);
  });

  it('takes along what it reported and what was reported about it, and its orders', () => {
    const network = new Network();
    const [sid, peer] = [network.open(1), network.open(2)];
    network.report(sid, peer, LinkType.TRANSPORT_UDP);
    network.report(peer, sid, LinkType.TRANSPORT_TCP);
    network.apply({ kind: 'RequestTermination', sid, reason: 'enough', deadlineMs: 1 });
    network.close(sid);
    expect([network.state.reports.count, [...network.state.orders.all()]]).toEqual([0, []]);
  });

  it('cannot end again, and neither can the server or what never was', () => {
    const network = new Network();
    const sid = network.open(1);
    network.close(sid);
    for (const gone of [sid, network.state.serverSid, 0, -1, 0x7fffffff]) {
      const fault = network.refused({ kind: 'CloseSession', sid: gone, reason: CloseReason.TERMINATED });
      expect(fault.reason).toBe('SESSION_NOT_FOUND');
    }
  });

  it('is remembered with its reason, as long as there is room', () => {
    const network = new Network({ endedMax: 2 });
    const sids = [1, 2, 3].map((instance) => network.open(instance));
    for (const sid of sids) network.close(sid, CloseReason.SERVER_LOST);
    expect(sids.map((sid) => network.state.ended.get(sid))).toEqual([undefined, 4, 4]);
  });

  it('leaves nothing behind, however many come and go', () => {
    const network = new Network({ sessionsMax: 4, endedMax: 8 });
    const lasting = network.open(0);
    for (let round = 1; round <= 500; round++) {
      const sid = network.open(round);
      network.connect(sid, lasting, LinkType.TRANSPORT_UDP);
      network.stream(lasting, [sid]);
      network.stream(sid, [lasting]);
      network.close(sid);
    }
    const { graph, streams, reports, ended, sessions } = network.state;
    expect([graph.nodeCount, graph.linkCount, streams.count, streams.branchCount, reports.count]).toEqual([
      2, 1, 0, 0, 0,
    ]);
    expect([...sessions.copy()].map(({ sid }) => sid)).toEqual([lasting]);
    expect([...ended.all()]).toHaveLength(8);
  });
});

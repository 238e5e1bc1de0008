import { beforeEach, describe, expect, it } from '@jest/globals';
import { ConnectionRole, PathKind } from '../../../src/core/model/connection.js';
import { DEFAULT_LIMITS, INITIAL_LIMITS } from '../../../src/core/model/limits.js';
import {
  a,
  answer,
  ask,
  asking,
  at,
  b,
  CANCELLED,
  c,
  done,
  ESTABLISHED,
  FAILED,
  found,
  GATHERING,
  gather,
  give,
  leftovers,
  NOTHING,
  ORDERED,
  orderOf,
  PUNCHING,
  REACHED,
  RELAYED,
  report,
  roleOf,
  state,
  tell,
} from './broker-scene.js';

beforeEach(() => found());

describe('a coordinated connection', () => {
  it('goes from the request over both gatherings and an attempt to a link', () => {
    const id = ask(a, b, { publicKey: '' });
    expect([at(id).state, roleOf(b), roleOf(a)]).toEqual([ORDERED, ConnectionRole.GATHER, undefined]);
    gather(b);
    expect([at(id).state, roleOf(b), roleOf(a)]).toEqual([GATHERING, undefined, ConnectionRole.GATHER]);
    gather(a);
    expect([at(id).state, roleOf(a), roleOf(b)]).toEqual([
      PUNCHING,
      ConnectionRole.PUNCH_CONTROLLING,
      ConnectionRole.PUNCH_CONTROLLED,
    ]);
    for (const end of [a, b]) tell(end, true);
    expect(at(id).state).toBe(PUNCHING);
    report(a, b, true, { connection: id });
    expect(at(id).state).toBe(PUNCHING);
    report(b, a, true, { connection: id });
    expect(at(id)).toMatchObject({ state: ESTABLISHED, path: PathKind.DIRECT, roundTripMs: 7 });
    expect(leftovers()).toEqual({ ...NOTHING, links: 1 });
  });

  it('is established also when the reports come before the answers', () => {
    const id = REACHED.punching!();
    report(b, a, true, { connection: id });
    report(a, b, true, { connection: id });
    expect(at(id).state).toBe(ESTABLISHED);
    for (const end of [a, b]) tell(end, true);
    expect(at(id)).toMatchObject({ state: ESTABLISHED, attempts: [{ caller: { connected: true } }] });
    expect(leftovers().orders).toBe(0);
  });

  it.each([
    ['neither end has a path', false, false],
    ['only the caller has one', true, false],
    ['only the peer has one', false, true],
  ])('tries again when %s, with the round trips measured anew, and takes back what was reported', (_, one, other) => {
    const id = REACHED.punching!();
    if (one) report(a, b, true, { connection: id });
    if (other) report(b, a, true, { connection: id });
    tell(a, one);
    expect(at(id).attempts).toHaveLength(1);
    tell(b, other);
    expect(at(id).attempts.map(({ number }) => number)).toEqual([1, 2]);
    expect([at(id).caller.roundTripMs, at(id).peer.roundTripMs]).toEqual([40, 40]);
    expect(leftovers()).toEqual({ ...NOTHING, orders: 2, pending: 1 });
  });

  it('falls back to a stream each way after three attempts', () => {
    const id = REACHED.relayed!();
    const { relay } = at(id);
    expect(at(id)).toMatchObject({ state: RELAYED, path: PathKind.RELAYED });
    expect(state.streams.get(relay!.fromCaller.branchId)).toMatchObject({ owner: a, sinks: [{ sid: b }] });
    expect(state.streams.get(relay!.fromPeer.branchId)).toMatchObject({ owner: b, sinks: [{ sid: a }] });
    expect([roleOf(a), roleOf(b)]).toEqual([ConnectionRole.RELAY, ConnectionRole.RELAY]);
    for (const end of [a, b]) answer(end);
    expect(leftovers()).toEqual({ ...NOTHING, streams: 2 });
  });

  it('stops its streams when a direct path is found later', () => {
    const id = REACHED.relayed!();
    report(a, b, true, { connection: id });
    report(b, a, true, { connection: id });
    expect(at(id)).toMatchObject({ state: ESTABLISHED, path: PathKind.DIRECT, relay: undefined });
    expect(leftovers().streams).toBe(0);
  });

  it('fails when no stream is left to fall back to', () => {
    found({ streamsMax: 0 });
    const id = REACHED.relayed!();
    expect(at(id)).toMatchObject({ state: FAILED, reason: 'PATH_FAILED' });
    expect(leftovers()).toEqual(NOTHING);
  });

  it('takes a waiting word about its link back once when it fails', () => {
    found({ streamsMax: 0, attemptsPerConnectionMax: 1 });
    const id = REACHED.punching!();
    report(a, b, true, { connection: id });
    expect(state.reports.count).toBe(1);
    for (const end of [a, b]) tell(end, false);
    expect(at(id)).toMatchObject({ state: FAILED, reason: 'PATH_FAILED' });
    expect(state.reports.count).toBe(0);
  });
});

describe('a relayed connection whose caller asks to try again', () => {
  let id: number;
  const again = (more = {}) => give(asking(a, b, { relayed: id, ...more }));

  beforeEach(() => {
    id = REACHED.relayed!();
    for (const end of [a, b]) answer(end);
  });

  it('has the peer gather anew, punches, and stands when both have reported the direct path', () => {
    again();
    expect([at(id).state, roleOf(b), roleOf(a)]).toEqual([RELAYED, ConnectionRole.GATHER, undefined]);
    gather(b);
    expect([at(id).state, roleOf(a), roleOf(b)]).toEqual([
      RELAYED,
      ConnectionRole.PUNCH_CONTROLLING,
      ConnectionRole.PUNCH_CONTROLLED,
    ]);
    for (const end of [a, b]) tell(end, true);
    expect(at(id).attempts.map(({ number }) => number)).toEqual([2, 3, 4]);
    expect(leftovers()).toEqual({ ...NOTHING, streams: 2 });
    report(a, b, true, { connection: id });
    expect(at(id).state).toBe(RELAYED);
    report(b, a, true, { connection: id });
    expect(at(id)).toMatchObject({ state: ESTABLISHED, path: PathKind.DIRECT, relay: undefined });
    expect(leftovers()).toEqual({ ...NOTHING, links: 1 });
  });

  it.each([
    ['refuses to gather', () => answer(b, 'PEER_REFUSED', 'not now')],
    ['does not gather in time', () => done({ kind: 'ExpireOrder', sid: b, orderId: orderOf(b).id })],
  ])('goes on as it is when the peer %s', (_, happens) => {
    again();
    happens();
    expect(at(id)).toMatchObject({ state: RELAYED, attempts: [{ number: 1 }, { number: 2 }, { number: 3 }] });
    expect(leftovers()).toEqual({ ...NOTHING, streams: 2 });
  });

  it.each([
    ['refuses to punch', () => answer(b, 'PEER_REFUSED', 'not now')],
    ['does not tell in time', () => done({ kind: 'ExpireOrder', sid: b, orderId: orderOf(b).id })],
    ['finds no path', () => tell(b, false)],
  ])('has one more attempt that failed when the peer %s', (_, happens) => {
    again();
    gather(b);
    tell(a, true);
    happens();
    expect(at(id)).toMatchObject({ state: RELAYED, path: PathKind.RELAYED });
    expect(at(id).attempts.at(-1)).toMatchObject({
      number: 4,
      caller: { connected: true },
      peer: { connected: false },
    });
    expect(leftovers()).toEqual({ ...NOTHING, streams: 2 });
    expect(again()).toHaveLength(2);
  });

  it('is over all the same when an end gives it up in the middle of that', () => {
    again();
    gather(b);
    report(b, a, false, { connection: id });
    expect(at(id).state).toBe(CANCELLED);
    expect(leftovers()).toEqual(NOTHING);
  });

  it('is not tried twice at once', () => {
    again();
    expect(again()).toMatchObject({ reason: 'OUT_OF_ORDER' });
    gather(b);
    expect(again()).toMatchObject({ reason: 'OUT_OF_ORDER' });
  });

  it('is refused to strangers, to its peer, and for any other connection', () => {
    expect(give(asking(b, a, { relayed: id }))).toMatchObject({ reason: 'CONNECTION_NOT_FOUND' });
    expect(give(asking(a, c, { relayed: id }))).toMatchObject({ reason: 'CONNECTION_NOT_FOUND' });
    expect(give(asking(a, b, { relayed: 99 }))).toMatchObject({ reason: 'CONNECTION_NOT_FOUND' });
    expect(give(asking(a, b, { relayed: REACHED.established!() }))).toMatchObject({ reason: 'OUT_OF_ORDER' });
    report(a, b, false, { connection: id });
    expect(again()).toMatchObject({ reason: 'PEER_LEFT' });
  });

  it.each([
    ['both ends know relay_version 2', 2, 2, DEFAULT_LIMITS.relayConfirmedFrom, true],
    ['the caller knows only 1', 1, 2, DEFAULT_LIMITS.relayConfirmedFrom, false],
    ['the peer knows only 1', 2, 1, DEFAULT_LIMITS.relayConfirmedFrom, false],
    ['the journal is of a release that made none', 2, 2, INITIAL_LIMITS.relayConfirmedFrom, false],
  ])('goes over streams with delivery confirmation or without: %s', (_, ofCaller, ofPeer, from, isConfirmed) => {
    found({ relayConfirmedFrom: from });
    ask(a, b, { relayVersion: ofCaller });
    gather(b, ofPeer);
    for (let attempt = 0; attempt < 3; attempt++) for (const end of [a, b]) tell(end, false);
    const confirmed = [a, b].map((sid) => state.streams.of(sid).at(-1)!.params.deliveryConfirmation);
    expect(confirmed).toEqual([isConfirmed, isConfirmed]);
  });

  it('is refused when an end cannot move, and when it was tried often enough', () => {
    found({ upgradesPerConnectionMax: 1 });
    id = ask(a, b, { relayVersion: 0 });
    gather(b);
    for (let attempt = 0; attempt < 3; attempt++) for (const end of [a, b]) tell(end, false);
    expect(again()).toMatchObject({ reason: 'OUT_OF_ORDER' });
    id = REACHED.relayed!();
    for (const end of [a, b]) answer(end);
    again();
    gather(b);
    for (const end of [a, b]) tell(end, false);
    expect(again()).toMatchObject({ reason: 'CONNECTION_LIMIT' });
  });

  it('goes on without an attempt that no order can be placed for', () => {
    found({ ordersPerSessionMax: 2 });
    id = REACHED.relayed!();
    for (const end of [a, b]) answer(end);
    again();
    done({ kind: 'RequestTermination', sid: a, reason: '', deadlineMs: 1 });
    ask(c, a);
    gather(b);
    expect(at(id)).toMatchObject({ state: RELAYED, attempts: [{ number: 1 }, { number: 2 }, { number: 3 }] });
    expect(state.orders.of(b)).toEqual([]);
  });
});

describe('a connection to a caller that listens', () => {
  it('orders the peer to dial, and stands by both reports', () => {
    const id = ask(a, b, { port: 4000 });
    expect([at(id).state, roleOf(b)]).toEqual([ORDERED, ConnectionRole.DIAL]);
    answer(b);
    expect(at(id).state).toBe(PUNCHING);
    report(a, b, true, { connection: id });
    report(b, a, true, { connection: id });
    expect(at(id).state).toBe(ESTABLISHED);
  });

  it('learns the key of the peer with its yes', () => {
    const id = ask(a, b, { port: 4000 });
    gather(b);
    expect(at(id)).toMatchObject({ state: PUNCHING, peer: { publicKey: `key of ${b}` }, attempts: [] });
    expect(leftovers()).toEqual({ ...NOTHING, pending: 1 });
  });
});

describe('two sessions that ask for each other at the same moment', () => {
  it('get one connection: the second request is the answer to the first', () => {
    const id = ask(a, b);
    done(asking(b, a));
    expect(at(id)).toMatchObject({ state: PUNCHING, peer: { publicKey: `key of ${b}` } });
    expect(state.connections.of(a)).toHaveLength(1);
    expect([...state.orders.all()]).toHaveLength(2);
  });

  it('get one connection when the second has yet to gather, and when it is already punching', () => {
    ask(a, b);
    expect(done(asking(b, a, { publicKey: '' }))).toEqual([]);
    gather(b);
    expect(done(asking(b, a))).toEqual([]);
    expect(state.connections.of(b)).toHaveLength(1);
  });
});

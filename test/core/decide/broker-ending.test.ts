import { beforeEach, describe, expect, it } from '@jest/globals';
import { CloseReason } from '../../../src/core/model/session.js';
import { capture, Restoring, rowsOf } from '../../../src/core/store/snapshot.js';
import {
  a,
  answer,
  ask,
  asking,
  at,
  b,
  CANCELLED,
  c,
  DRAWN,
  done,
  ESTABLISHED,
  FAILED,
  found,
  give,
  LIVE,
  leftovers,
  NOTHING,
  open,
  orderOf,
  PENDING,
  REACHED,
  report,
  state,
} from './broker-scene.js';

beforeEach(() => found());

describe('an ending', () => {
  it.each(LIVE)('by either end giving it up when it is %s leaves nothing', (name) => {
    const id = REACHED[name]!();
    report(b, a, false, { connection: id });
    expect(at(id)).toMatchObject({ state: CANCELLED, description: `closed by session ${b}` });
    expect(leftovers()).toEqual(NOTHING);
  });

  it.each(LIVE)('by a dead path when it is %s leaves nothing', (name) => {
    const id = REACHED[name]!();
    report(a, b, false, { connection: id, failed: true });
    expect(at(id)).toMatchObject({ state: FAILED, reason: 'PATH_FAILED' });
    expect(leftovers()).toEqual(NOTHING);
  });

  it.each(LIVE.flatMap((name) => ['caller', 'peer'].map((side) => [name, side] as const)))(
    'by a superseded session when it is %s (the %s) says so, and leaves nothing',
    (name, side) => {
      const id = REACHED[name]!();
      const gone = side === 'caller' ? a : b;
      open(side === 'caller' ? 1 : 2);
      expect(at(id)).toMatchObject({ state: CANCELLED, reason: 'PEER_LEFT' });
      expect(at(id).description).toBe(`session ${gone} was superseded by a newer session of its instance`);
      expect(leftovers()).toEqual(NOTHING);
    },
  );

  it.each([
    [CloseReason.EXPIRED, 'has expired'],
    [CloseReason.TERMINATED, 'was terminated'],
  ] as const)('by a session that ended for reason %s says how', (reason, words) => {
    const id = REACHED.punching!();
    done({ kind: 'CloseSession', sid: b, reason });
    expect(at(id).description).toBe(`session ${b} ${words}`);
    expect(leftovers()).toEqual(NOTHING);
  });

  it('by a refusal carries the own words of the peer', () => {
    const id = ask(a, b);
    answer(b, 'FIELD_INVALID', 'port 22 is not open to you');
    expect(at(id)).toMatchObject({
      state: FAILED,
      reason: 'PEER_REFUSED',
      description: 'port 22 is not open to you',
    });
    expect(leftovers()).toEqual(NOTHING);
  });

  it.each(['gathering', 'punching', 'relayed'])('by a later refusal, when it is %s, keeps its reason', (name) => {
    const id = REACHED[name]!();
    answer(a, 'FIELD_INVALID', 'no');
    expect(at(id)).toMatchObject({ state: FAILED, reason: 'FIELD_INVALID' });
    expect(leftovers()).toEqual(NOTHING);
  });

  it.each([...PENDING, 'relayed'])('by an order that nobody answered, when it is %s, leaves nothing', (name) => {
    const id = REACHED[name]!();
    const end = name === 'gathering' ? a : b;
    done({ kind: 'ExpireOrder', sid: end, orderId: orderOf(end).id });
    expect(at(id)).toMatchObject({ state: FAILED, reason: 'ORDER_DEADLINE' });
    expect(at(id).description).toContain(`session ${end} did not answer within`);
    expect(leftovers()).toEqual(NOTHING);
  });

  it.each(PENDING)('by the deadline of the whole, when it is %s, leaves nothing', (name) => {
    const id = REACHED[name]!();
    done({ kind: 'ExpireConnection', id });
    expect(at(id)).toMatchObject({ state: FAILED, reason: 'ORDER_DEADLINE' });
    expect(leftovers()).toEqual(NOTHING);
  });

  it('does not come by a deadline once it stands', () => {
    const id = REACHED.established!();
    expect(done({ kind: 'ExpireConnection', id })).toEqual([]);
    expect(at(id).state).toBe(ESTABLISHED);
  });

  it('comes once: whatever comes later changes nothing', () => {
    const id = REACHED.punching!();
    const order = orderOf(b);
    report(a, b, false, { connection: id });
    const over = at(id);
    expect(report(b, a, false, { connection: id, failed: true })).toEqual([]);
    expect(done({ kind: 'ExpireOrder', sid: b, orderId: order.id })).toEqual([]);
    const told = { connected: true, pairs: [], tookMs: 1, roundTripMs: 1 };
    expect(done({ kind: 'AnswerAttempt', sid: b, orderId: order.id, ...told, ...DRAWN })).toEqual([]);
    expect(report(b, a, true, { connection: id })).toMatchObject({ reason: 'PEER_LEFT' });
    expect(at(id)).toBe(over);
  });

  it('leaves a link alone that another connection of the same two carries', () => {
    const first = REACHED.established!();
    const second = REACHED.established!();
    report(a, b, false, { connection: first });
    expect(leftovers().links).toBe(1);
    report(a, b, false, { connection: second });
    expect(leftovers()).toEqual(NOTHING);
  });
});

describe('a request', () => {
  it('is refused for oneself, the server, and who is not there', () => {
    expect(give(asking(a, a))).toMatchObject({ reason: 'FIELD_INVALID' });
    expect(give(asking(a, state.serverSid))).toMatchObject({ reason: 'FIELD_INVALID' });
    expect(give(asking(a, 99))).toMatchObject({ reason: 'NODE_NOT_FOUND' });
    expect(give(asking(99, a))).toMatchObject({ reason: 'SESSION_NOT_FOUND' });
  });

  it.each([
    ['connectionsPendingPerSessionMax', () => [a, b]],
    ['connectionsPendingPerSessionMax', () => [c, b]],
    ['connectionsPendingMax', () => [c, a]],
    ['connectionsPerSessionMax', () => [b, c]],
    ['ordersPerSessionMax', () => [c, b]],
  ] as const)('is refused beyond %s', (limit, who) => {
    found({ [limit]: 1 });
    ask(a, b);
    const [sid, peer] = who() as [number, number];
    expect(give(asking(sid, peer))).toMatchObject({
      reason: limit === 'ordersPerSessionMax' ? 'ORDER_LIMIT' : 'CONNECTION_LIMIT',
      retryAfterMs: expect.any(Number),
    });
  });

  it('is answered only as its order asks', () => {
    ask(a, b);
    const { id } = orderOf(b);
    const told = { connected: true, pairs: [], tookMs: 1, roundTripMs: 1 };
    expect(give({ kind: 'AnswerAttempt', sid: b, orderId: id, ...told, ...DRAWN })).toMatchObject({
      reason: 'ORDER_NOT_FOUND',
    });
    expect(answer(b)).toMatchObject({ reason: 'FIELD_INVALID' });
  });
});

describe('a report about a connection', () => {
  it('is refused from a stranger, about another pair, and before there is a path', () => {
    const id = ask(a, b);
    expect(report(c, a, true, { connection: id })).toMatchObject({ reason: 'CONNECTION_NOT_FOUND' });
    expect(report(a, c, true, { connection: id })).toMatchObject({ reason: 'CONNECTION_NOT_FOUND' });
    expect(report(a, b, true, { connection: id })).toMatchObject({ reason: 'OUT_OF_ORDER' });
    expect(report(a, b, true, { connection: 99 })).toMatchObject({ reason: 'CONNECTION_NOT_FOUND' });
  });
});

describe('the record of connections', () => {
  it('forgets the oldest that are over, and nothing else', () => {
    found({ connectionsFinishedMax: 2 });
    const standing = REACHED.established!();
    const over = [1, 2, 3].map(() => {
      const id = ask(a, b);
      report(a, b, false, { connection: id });
      return id;
    });
    expect(state.connections.of(a).map(({ id }) => id)).toEqual([standing, over[1], over[2]]);
  });

  it('comes back from a snapshot, with its orders, in every state', () => {
    for (const name of LIVE) REACHED[name]!();
    report(a, b, false, { connection: ask(a, b) });
    const restoring = new Restoring(state.limits);
    for (const row of rowsOf(capture(state))) restoring.add(row);
    expect([...rowsOf(capture(restoring.state))]).toEqual([...rowsOf(capture(state))]);
    expect(restoring.state.connections.pendingCount).toBe(state.connections.pendingCount);
  });
});

import { beforeEach, describe, expect, it } from '@jest/globals';
import { apply } from '../../../src/core/decide/apply.js';
import type { Change } from '../../../src/core/model/change.js';
import type { BrokeredLink, Command } from '../../../src/core/model/command.js';
import { type Connection, ConnectionRole, ConnectionState, PathKind } from '../../../src/core/model/connection.js';
import { Fault, isFault } from '../../../src/core/model/fault.js';
import { DEFAULT_LIMITS, INITIAL_LIMITS, type Limits } from '../../../src/core/model/limits.js';
import type { Order } from '../../../src/core/model/order.js';
import { CloseReason } from '../../../src/core/model/session.js';
import { capture, Restoring, rowsOf } from '../../../src/core/store/snapshot.js';
import { State } from '../../../src/core/store/state.js';

const LINK = 1;
const CANDIDATE = { host: '10.0.0.1', port: 1000, type: 1, priority: 5 };
const DRAWN = { nonce: 'n'.repeat(16), atMs: 1 };
const { ORDERED, GATHERING, PUNCHING, ESTABLISHED, RELAYED, FAILED, CANCELLED } = ConnectionState;

let state: State;
let a: number;
let b: number;
let c: number;

function give(command: Command): Change[] | Fault {
  const outcome = apply(state, command);
  return isFault(outcome) ? outcome : [...outcome.changes];
}

function done(command: Command): Change[] {
  const changes = give(command);
  if (changes instanceof Fault) throw new Error(`${changes.reason}: ${changes.message}`);
  return changes;
}

function open(n: number): number {
  const uuid = `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
  const plain = { flavor: 0, ttlMs: 1000, name: '', labels: {}, tokenHash: '', atMs: 0 };
  done({ kind: 'OpenSession', uuid, type: 2, ...plain });
  return state.sessions.ofInstance(uuid)!.sid;
}

function found(limits: Partial<Limits> = {}): void {
  state = new State({ ...DEFAULT_LIMITS, ...limits });
  done({ kind: 'FoundNetwork', epoch: 'e', serverUuid: '00000000-0000-4000-8000-000000000000', atMs: 0 });
  [a, b, c] = [open(1), open(2), open(3)];
}

const asking = (
  sid: number,
  peer: number,
  more: { port?: number; publicKey?: string; relayed?: number; relayVersion?: number } = {},
): Command => ({
  kind: 'AskConnection',
  sid,
  peer,
  link: LINK,
  host: '198.51.100.1',
  port: 0,
  candidates: [CANDIDATE],
  publicKey: `key of ${sid}`,
  roundTripMs: 10,
  relayVersion: 1,
  relayed: 0,
  deadlineMs: 10_000,
  ...DRAWN,
  ...more,
});

/** Asks, and answers with the id. */
function ask(sid: number, peer: number, more = {}): number {
  done(asking(sid, peer, more));
  return state.revision;
}

const at = (id: number): Connection => state.connections.get(id)!;
const orderOf = (sid: number): Order => state.orders.of(sid).at(-1)!;
const roleOf = (sid: number) => {
  const order = state.orders.of(sid).at(-1);
  return order?.body.kind === 'connection' ? order.body.role : undefined;
};

function gather(sid: number, relayVersion = 1): Change[] {
  const brought = { candidates: [CANDIDATE], publicKey: `key of ${sid}`, roundTripMs: 20, relayVersion };
  return done({ kind: 'AnswerGather', sid, orderId: orderOf(sid).id, ...brought, ...DRAWN });
}

function tell(sid: number, connected: boolean): Change[] {
  const pairs = [{ local: CANDIDATE, remote: CANDIDATE, outcome: connected ? 'connected' : 'no answer' }];
  const told = { connected, pairs, tookMs: 30, roundTripMs: 40 };
  return done({ kind: 'AnswerAttempt', sid, orderId: orderOf(sid).id, ...told, ...DRAWN });
}

function answer(sid: number, code?: 'PEER_REFUSED' | 'FIELD_INVALID', description = ''): Change[] | Fault {
  return give({ kind: 'AnswerOrder', sid, orderId: orderOf(sid).id, code, description, data: new Uint8Array() });
}

function report(sid: number, peer: number, established: boolean, brokered: Partial<BrokeredLink>): Change[] | Fault {
  const whole = { connection: 0, path: PathKind.DIRECT, roundTripMs: 7, failed: false, ...brokered };
  return give({ kind: 'ReportLink', sid, peer, link: LINK, established, brokered: whole });
}

/** A connection between a and b in each state that can be seen. */
const REACHED: Readonly<Record<string, () => number>> = {
  ordered: () => ask(a, b),
  gathering: () => {
    const id = ask(a, b, { publicKey: '' });
    gather(b);
    return id;
  },
  punching: () => {
    const id = ask(a, b);
    gather(b);
    return id;
  },
  relayed: () => {
    const id = REACHED.punching!();
    for (let attempt = 0; attempt < 3; attempt++) for (const end of [a, b]) tell(end, false);
    return id;
  },
  established: () => {
    const id = REACHED.punching!();
    for (const end of [a, b]) tell(end, true);
    report(a, b, true, { connection: id });
    report(b, a, true, { connection: id });
    return id;
  },
};
const PENDING = ['ordered', 'gathering', 'punching'] as const;
const LIVE = [...PENDING, 'relayed', 'established'] as const;

/** What a connection may leave behind when it is over: nothing but its record. */
function leftovers() {
  return {
    orders: [...state.orders.all()].length,
    reports: [...state.reports.all()].length,
    links: state.graph.linkCount - state.sessions.count,
    streams: state.streams.count,
    pending: state.connections.pendingCount,
  };
}
const NOTHING = { orders: 0, reports: 0, links: 0, streams: 0, pending: 0 };

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

import fc from 'fast-check';
import type { Command } from '../../src/core/model/command.js';
import { ConnectionRole, ConnectionState, Fallback, PathKind } from '../../src/core/model/connection.js';
import { LinkType } from '../../src/core/model/link.js';
import type { Order } from '../../src/core/model/order.js';
import type { State } from '../../src/core/store/state.js';
import { type Intent, intentOf, networkIntent, place, sidAt } from './intent.js';

const DRAWN = { nonce: 'n'.repeat(16), atMs: 1 };
const CANDIDATE = { host: '10.0.0.1', port: 1_000, type: 1, priority: 5 };
const link = fc.constantFrom(LinkType.TRANSPORT_TCP, LinkType.TRANSPORT_UDP);
const fallback = fc.constantFrom(undefined, Fallback.IMMEDIATE, Fallback.IMMEDIATE, Fallback.NONE);
const mostly = fc.constantFrom(true, true, true, false);

/** The orders about connections that wait, in an order that does not depend on how the state came about. */
function ordersOf(state: State): Order[] {
  const orders = [...state.orders.all()].filter(({ body }) => body.kind === 'connection');
  return orders.sort((x, y) => x.sid - y.sid || (x.id < y.id ? -1 : 1));
}

const asks = intentOf(
  'ask for a connection',
  fc.record({ from: place, to: place, link, listening: fc.boolean(), gathered: mostly, movable: mostly, fallback }),
  ({ from, to, link, listening, gathered, movable, fallback }, state): Command => ({
    kind: 'AskConnection',
    sid: sidAt(state, from),
    peer: sidAt(state, to),
    link,
    host: '198.51.100.1',
    port: listening ? 5_000 : 0,
    candidates: gathered ? [CANDIDATE] : [],
    publicKey: gathered ? 'key' : '',
    roundTripMs: 10,
    relayVersion: Number(movable) * 4,
    ...(fallback !== undefined && !listening && { fallback }),
    relayed: 0,
    deadlineMs: 10_000,
    ...DRAWN,
  }),
);

/** Of the relayed connections where there are any, else of all. */
const asksAgain = intentOf('ask again', fc.tuple(fc.nat({ max: 30 }), mostly), ([at, byCaller], state): Command => {
  const all = [...state.connections.all()].sort((x, y) => x.id - y.id);
  const relayed = all.filter((one) => one.state === ConnectionState.RELAYED);
  const some = relayed.length > 0 ? relayed : all;
  const one = some[at % some.length];
  const [sid, peer] = one === undefined ? [0, 1] : [one.caller.sid, one.peer.sid];
  const ends = byCaller ? { sid, peer } : { sid: peer, peer: sid };
  const gathered = { candidates: [CANDIDATE], publicKey: 'key', roundTripMs: 30, relayVersion: 1 };
  const plain = { link: one?.link ?? LinkType.TRANSPORT_TCP, host: '', port: 0, deadlineMs: 10_000 };
  return { kind: 'AskConnection', ...ends, ...plain, ...gathered, relayed: one?.id ?? 1, ...DRAWN };
});

/** What an end answers to the order that it has: what was asked for, or that it will not. */
const obeys = intentOf('obey', fc.tuple(fc.nat({ max: 30 }), mostly, fc.boolean()), (chosen, state): Command => {
  const [at, willing, connected] = chosen;
  const waiting = ordersOf(state);
  const { sid, id: orderId, body } = waiting[at % waiting.length] ?? { sid: 0, id: 'o0', body: { kind: 'none' } };
  const role = body.kind === 'connection' ? body.role : undefined;
  if (willing && role === ConnectionRole.GATHER) {
    const gathered = { candidates: [CANDIDATE], publicKey: 'key', roundTripMs: 20, relayVersion: 4 };
    return { kind: 'AnswerGather', sid, orderId, ...gathered, ...DRAWN };
  }
  if (willing && (role === ConnectionRole.PUNCH_CONTROLLED || role === ConnectionRole.PUNCH_CONTROLLING)) {
    return { kind: 'AnswerAttempt', sid, orderId, connected, pairs: [], tookMs: 30, roundTripMs: 40, ...DRAWN };
  }
  const code = willing ? undefined : ('PEER_REFUSED' as const);
  return { kind: 'AnswerOrder', sid, orderId, code, description: '', data: new Uint8Array() };
});

const orderExpires = intentOf('expire order', fc.nat({ max: 30 }), (at, state): Command => {
  const waiting = ordersOf(state);
  const { sid, id } = waiting[at % waiting.length] ?? { sid: 0, id: 'o0' };
  return { kind: 'ExpireOrder', sid, orderId: id };
});

const connectionExpires = intentOf('expire connection', fc.nat({ max: 30 }), (at, state): Command => {
  const ids = [...state.connections.all()].map(({ id }) => id).sort((x, y) => x - y);
  return { kind: 'ExpireConnection', id: ids[at % ids.length] ?? 0 };
});

const reportsPath = intentOf(
  'report a path',
  fc.record({
    at: fc.nat({ max: 30 }),
    byPeer: fc.boolean(),
    established: mostly,
    failed: fc.boolean(),
    returns: fc.boolean(),
  }),
  ({ at, byPeer, established, failed, returns }, state): Command => {
    const all = [...state.connections.all()].sort((x, y) => x.id - y.id);
    const one = all[at % all.length];
    const [sid, peer] = one === undefined ? [0, 0] : [one.caller.sid, one.peer.sid];
    const isDirect = one?.relay === undefined && (established || !returns);
    const path = isDirect ? PathKind.DIRECT : PathKind.RELAYED;
    const brokered = { connection: one?.id ?? 0, path, roundTripMs: 7, failed };
    const ends = byPeer ? { sid: peer, peer: sid } : { sid, peer };
    return { kind: 'ReportLink', ...ends, link: one?.link ?? LinkType.TRANSPORT_TCP, established, brokered };
  },
);

/** Random things of all kinds, brokered connections among them. */
export const brokeredIntents: fc.Arbitrary<Intent[]> = fc.array(
  fc.oneof(
    { arbitrary: networkIntent, weight: 6 },
    { arbitrary: asks, weight: 3 },
    { arbitrary: asksAgain, weight: 2 },
    { arbitrary: obeys, weight: 6 },
    { arbitrary: orderExpires, weight: 1 },
    { arbitrary: connectionExpires, weight: 1 },
    { arbitrary: reportsPath, weight: 3 },
  ),
  { maxLength: 120, size: 'max' },
);

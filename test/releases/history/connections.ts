import { GatherAnswer, PunchAnswer } from '../../../gen/switchyard/v1/connection.js';
import {
  DirectConnectionRequest,
  NetworkServiceService as Network,
} from '../../../gen/switchyard/v1/network_service.js';
import { REASONS } from '../../../src/core/model/fault.js';
import { type Act, isAttached } from './acts.js';
import type { Member } from './member.js';
import type { Yard } from './yard.js';

const NOTHING = Buffer.of();
const DIRECT = 1;
const ESTABLISHED = 1;
const LOST = 2;
/** Attempts until a connection goes through the server. */
const ATTEMPTS = 3;
const OUTCOMES = ['no answer', 'refused', 'ungültig: 203.0.113.9', '到達不能'];

/** A connection whose ends have been ordered to dial each other. */
interface Punching {
  readonly id: string;
  readonly caller: Member;
  readonly peer: Member;
  /** Orders after this revision are of this connection. */
  readonly since: number;
  readonly orderIds: readonly [string, string];
}

function candidatesOf({ random }: Yard) {
  return Array.from({ length: random.between(1, 3) }, () => ({
    host: random.chance(0.3) ? `fd00::${random.between(1, 9_999)}` : `10.1.${random.below(256)}.${random.below(256)}`,
    port: random.between(1, 65_535),
    type: 1,
    priority: random.word(),
  }));
}

/** A request for a connection to a peer. */
export function directRequest(yard: Yard, peer: Member, more: Partial<DirectConnectionRequest> = {}) {
  const { random } = yard;
  const roundTrip = random.chance(0.8) ? { seconds: 0n, nanos: random.between(1, 300) * 1_000_000 } : undefined;
  const publicKey = Buffer.from(random.bytes(random.pick([44, 91, 158])));
  const brought = { candidates: candidatesOf(yard), publicKey, roundTrip, relayVersion: 1 };
  return DirectConnectionRequest.fromPartial({ cvid: peer.sid, type: random.between(1, 2), ...brought, ...more });
}

function gathered(yard: Yard): Uint8Array {
  const { random } = yard;
  const roundTrip = { seconds: 0n, nanos: random.between(1, 300) * 1_000_000 };
  const publicKey = Buffer.from(random.bytes(44));
  return GatherAnswer.encode({ candidates: candidatesOf(yard), publicKey, roundTrip, relayVersion: 1 }).finish();
}

function tried(yard: Yard, connected: boolean): Uint8Array {
  const { random } = yard;
  const pairs = candidatesOf(yard).map((local) => {
    return { local, remote: candidatesOf(yard)[0], outcome: connected ? 'connected' : random.pick(OUTCOMES) };
  });
  const took = { seconds: BigInt(random.below(3)), nanos: random.below(1_000) * 1_000_000 };
  return PunchAnswer.encode({ pairs, took, connected, roundTrip: undefined }).finish();
}

/** Two attached sessions that live, and the revision at which they were found. */
export async function pairOf(yard: Yard) {
  const [caller, peer] = yard.some(2, isAttached) ?? [];
  if (caller === undefined || peer === undefined) return undefined;
  if ((await yard.may(caller.renew(yard.at), caller)) === undefined) return undefined;
  const since = await yard.may(peer.renew(yard.at), peer);
  return since === undefined ? undefined : { caller, peer, since };
}

async function punch(yard: Yard): Promise<Punching | undefined> {
  const pair = await pairOf(yard);
  if (pair === undefined) return undefined;
  const { caller, peer, since } = pair;
  const wish = directRequest(yard, peer, yard.random.chance(0.3) ? { publicKey: NOTHING, candidates: [] } : {});
  const asked = yard.may(caller.ask(yard.at, Network.directConnection, wish));
  const gather = await peer.order('connection', since);
  await peer.answer(yard.at, gather.orderId, gathered(yard));
  if (wish.publicKey.length === 0) {
    const own = await caller.order('connection', since);
    await caller.answer(yard.at, own.orderId, gathered(yard));
  }
  await asked;
  return ordered(gather.connectionId, caller, peer, since);
}

/** The orders to both ends for the next step. */
async function ordered(id: string, caller: Member, peer: Member, since: number): Promise<Punching> {
  const orderIds = [
    (await caller.order('connection', since)).orderId,
    (await peer.order('connection', since)).orderId,
  ] as const;
  return { id, caller, peer, since, orderIds };
}

/** Both ends tell what came of the attempt. */
async function tell(yard: Yard, { caller, peer, orderIds }: Punching, outcome: readonly [boolean, boolean]) {
  await caller.answer(yard.at, orderIds[0], tried(yard, outcome[0]));
  await peer.answer(yard.at, orderIds[1], tried(yard, outcome[1]));
}

function report(yard: Yard, by: Member, peer: Member, id: string, state: 1 | 2, type: number, failed = false) {
  const roundTrip = { seconds: 0n, nanos: 7_000_000 };
  const link = { peerCvid: peer.sid, link: type, state, connectionId: id, path: DIRECT, roundTrip, failed };
  return yard.may(by.ask(yard.at, Network.reportLink, link));
}

async function typeOf(yard: Yard, { id, caller }: Punching): Promise<number> {
  const { connection } = await caller.ask(yard.at, Network.getConnection, { connectionId: id });
  return connection!.type;
}

/** Both ends have a path; some report it, and some lose it again. */
async function establish(yard: Yard) {
  const made = await punch(yard);
  if (made === undefined) return;
  const { id, caller, peer } = made;
  const type = await typeOf(yard, made);
  await tell(yard, made, [true, true]);
  await report(yard, caller, peer, id, ESTABLISHED, type);
  if (yard.random.chance(0.15)) return;
  await report(yard, peer, caller, id, ESTABLISHED, type);
  if (yard.random.chance(0.5)) await report(yard, caller, peer, id, LOST, type, yard.random.chance(0.5));
}

/** Every attempt fails: streams through the server. */
async function relayed(yard: Yard): Promise<Punching | undefined> {
  let made = await punch(yard);
  if (made === undefined) return undefined;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    await tell(yard, made, yard.random.pick([[false, false] as const, [true, false] as const, [false, true] as const]));
    made = await ordered(made.id, made.caller, made.peer, made.since);
  }
  await made.caller.answer(yard.at, made.orderIds[0], NOTHING);
  await made.peer.answer(yard.at, made.orderIds[1], NOTHING);
  return made;
}

async function relay(yard: Yard) {
  const made = await relayed(yard);
  if (made === undefined || yard.random.chance(0.6)) return;
  await report(yard, made.peer, made.caller, made.id, LOST, await typeOf(yard, made), yard.random.chance(0.5));
}

/** A relayed connection that is tried again: it moves to a direct path, stays, or waits for an answer. */
async function upgrade(yard: Yard) {
  const made = await relayed(yard);
  if (made === undefined) return;
  const { id, caller, peer, since } = made;
  const type = await typeOf(yard, made);
  const wish = directRequest(yard, peer, { connectionId: id, type });
  if ((await yard.may(caller.ask(yard.at, Network.directConnection, wish))) === undefined) return;
  const gather = await peer.order('connection', since);
  const how = yard.random.below(4);
  if (how === 0) return;
  if (how === 1) return peer.answer(yard.at, gather.orderId, NOTHING, REASONS.PEER_REFUSED, 'später');
  await peer.answer(yard.at, gather.orderId, gathered(yard));
  await tell(yard, await ordered(id, caller, peer, since), [how === 2, how === 2]);
  if (how === 3) return;
  await report(yard, caller, peer, id, ESTABLISHED, type);
  await report(yard, peer, caller, id, ESTABLISHED, type);
}

/** The caller listens, and the peer dials. */
async function dial(yard: Yard) {
  const pair = await pairOf(yard);
  if (pair === undefined) return;
  const { caller, peer, since } = pair;
  const wish = directRequest(yard, peer, { port: yard.random.between(1, 65_535) });
  const asked = yard.may(caller.ask(yard.at, Network.directConnection, wish));
  const order = await peer.order('connection', since);
  await peer.answer(yard.at, order.orderId, yard.random.chance(0.5) ? NOTHING : gathered(yard));
  await asked;
  const { connectionId: id } = order;
  await report(yard, peer, caller, id, ESTABLISHED, wish.type);
  if (yard.random.chance(0.7)) await report(yard, caller, peer, id, ESTABLISHED, wish.type);
}

/** The peer refuses, says nothing, leaves, or the caller gives up in the middle of an attempt. */
async function fail(yard: Yard) {
  const pair = await pairOf(yard);
  if (pair === undefined) return;
  const { caller, peer, since } = pair;
  const asked = yard.may(caller.ask(yard.at, Network.directConnection, directRequest(yard, peer)));
  const { orderId } = await peer.order('connection', since);
  const how = yard.random.below(4);
  if (how === 0) await peer.answer(yard.at, orderId, NOTHING, REASONS.PEER_REFUSED, 'port 22 ist nicht für dich');
  else if (how === 1) await yard.pass(11);
  else if (how === 2) await yard.open(peer.uuid);
  else await peer.answer(yard.at, orderId, gathered(yard));
  const answer = await asked;
  const id = answer?.request?.connectionId;
  if (id !== undefined && yard.random.chance(0.5)) await report(yard, caller, peer, id, LOST, answer!.request!.type);
}

/** Both ask for each other within one batch. */
async function cross(yard: Yard) {
  const { caller: one, peer: other } = (await pairOf(yard)) ?? {};
  if (one === undefined || other === undefined) return;
  const [wish, counter] = [directRequest(yard, other, { type: 1 }), directRequest(yard, one, { type: 1 })];
  await yard.together(() => [
    one.ask(yard.at, Network.directConnection, wish),
    other.ask(yard.at, Network.directConnection, counter),
  ]);
}

/** A connection at the first step that an attempt has, left open. */
export async function leaveConnectionsOpen(yard: Yard): Promise<void> {
  const pair = await pairOf(yard);
  if (pair === undefined) throw new Error('nobody is left to connect');
  const { caller, peer, since } = pair;
  void yard.may(caller.ask(yard.at, Network.directConnection, directRequest(yard, peer))).catch(() => {});
  await peer.order('connection', since);
  await punch(yard);
}

/** What happens to brokered connections, and how often. */
export const CONNECTION_ACTS: readonly (readonly [Act, number])[] = [
  [establish, 6],
  [relay, 3],
  [upgrade, 4],
  [dial, 3],
  [fail, 4],
  [cross, 1],
];

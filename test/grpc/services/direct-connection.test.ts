import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  ConnectionFallback,
  ConnectionRole,
  ConnectionState,
  GatherAnswer,
  PunchAnswer,
} from '../../../gen/switchyard/v1/connection.js';
import {
  DirectConnectionRequest,
  NetworkServiceService as Network,
} from '../../../gen/switchyard/v1/network_service.js';
import type { AttachResponse } from '../../../gen/switchyard/v1/session_service.js';
import { SessionServiceService as Sessions } from '../../../gen/switchyard/v1/session_service.js';
import { StreamServiceService as Streams } from '../../../gen/switchyard/v1/stream_service.js';
import { REASONS } from '../../../src/core/model/fault.js';
import { agent, asAdmin, ask, asSession, open, type Reading, type Running, refused, run } from '../running.js';

const CANDIDATE = { host: '192.168.1.2', port: 4000, type: 1, priority: 9 };
const KEY = Buffer.from('a key');
const NOTHING = Buffer.of();

let at: Running;
let instances = 0;

beforeAll(async () => {
  at = await run();
});
afterAll(() => at.stop());

/** An instance that is attached, and does what a test says. */
class Attached {
  private constructor(
    readonly sid: number,
    readonly token: string,
    readonly orders: Reading<AttachResponse>,
  ) {}

  static async join(): Promise<Attached> {
    const { instanceSid, sessionToken, rendezvous } = await ask(at, Sessions.session, agent(++instances));
    expect(rendezvous).toEqual([{ host: '', port: Number(at.server.addresses.stun!.split(':').at(-1)) }]);
    const orders = open(at, Sessions.attach, {}, asSession(sessionToken));
    await orders.next();
    return new Attached(instanceSid, sessionToken, orders);
  }

  ask(cvid: number, more: Partial<DirectConnectionRequest> = {}) {
    const roundTrip = { seconds: 0n, nanos: 8_000_000 };
    const plain = { cvid, type: 1, candidates: [CANDIDATE], publicKey: KEY, roundTrip, relayVersion: 1 };
    const request = DirectConnectionRequest.fromPartial({ ...plain, ...more });
    return ask(at, Network.directConnection, request, asSession(this.token));
  }

  /** The next order about a connection. On a busy machine there may be signs of life before it. */
  async order() {
    let { order } = await this.orders.next();
    while (order?.kind?.$case === 'heartbeat') ({ order } = await this.orders.next());
    if (order?.kind?.$case !== 'connection') throw new Error(`it was ordered ${order?.kind?.$case}`);
    return { orderId: order.orderId, ...order.kind.value };
  }

  /** The next word that a connection is over. */
  async ended() {
    for (;;) {
      const { order } = await this.orders.next();
      if (order?.kind?.$case === 'connectionEnded') return order.kind.value;
    }
  }

  answer(orderId: string, data: Uint8Array, code = 0, description = '') {
    const request = { orderId, code, description, data: Buffer.from(data) };
    return ask(at, Sessions.answer, request, asSession(this.token));
  }

  gathered(orderId: string, candidates = [CANDIDATE], relayVersion = 1) {
    const answer = { candidates, publicKey: KEY, roundTrip: undefined, relayVersion };
    return this.answer(orderId, GatherAnswer.encode(answer).finish());
  }

  tried(orderId: string, connected: boolean) {
    const pairs = [{ local: CANDIDATE, remote: CANDIDATE, outcome: connected ? 'connected' : 'no answer' }];
    const answer = { pairs, took: { seconds: 1n, nanos: 0 }, connected, roundTrip: undefined };
    return this.answer(orderId, PunchAnswer.encode(answer).finish());
  }

  report(peerCvid: number, connectionId: string, state: 1 | 2) {
    const roundTrip = { seconds: 0n, nanos: 5_000_000 };
    const request = { peerCvid, link: 1, state, connectionId, path: 1, roundTrip, failed: false };
    return ask(at, Network.reportLink, request, asSession(this.token));
  }

  async record(connectionId: string) {
    return (await ask(at, Network.getConnection, { connectionId }, asSession(this.token))).connection!;
  }
}

async function pair(): Promise<[Attached, Attached]> {
  return [await Attached.join(), await Attached.join()];
}

/** A connection whose first attempt is ordered: its orders, and its id. */
async function punching([caller, peer]: [Attached, Attached]) {
  const answered = caller.ask(peer.sid);
  const gather = await peer.order();
  await peer.gathered(gather.orderId);
  const [one, other] = [await caller.order(), await peer.order()];
  return { id: gather.connectionId, answered: await answered, one, other };
}

describe('a coordinated connection', () => {
  it('is ordered to both ends with what each needs of the other, and stands by both reports', async () => {
    const [caller, peer] = await pair();
    const { id, answered, one, other } = await punching([caller, peer]);
    expect(answered.request).toMatchObject({ connectionId: id, peerCvid: peer.sid, role: one.role });
    expect([one.role, other.role]).toEqual([ConnectionRole.PUNCH_CONTROLLING, ConnectionRole.PUNCH_CONTROLLED]);
    expect(one).toMatchObject({ attempt: 1, candidates: [CANDIDATE], peerPublicKey: KEY });
    expect(one.nonce).toHaveLength(16);
    expect(other.nonce).toEqual(one.nonce);
    expect(other.startAfter!.nanos - one.startAfter!.nanos).toBe(4_000_000);
    await Promise.all([caller.tried(one.orderId, true), peer.tried(other.orderId, true)]);
    expect(await caller.report(peer.sid, id, 1)).toMatchObject({ inGraph: false });
    expect(await peer.report(caller.sid, id, 1)).toMatchObject({ inGraph: true });
    expect(await peer.record(id)).toMatchObject({
      state: ConnectionState.ESTABLISHED,
      path: 1,
      roundTrip: { nanos: 5_000_000 },
      attempts: [{ number: 1, took: { seconds: 1n }, pairs: [{ outcome: 'connected' }, { outcome: 'connected' }] }],
    });
  });

  it.each([
    ['4 where both ends know the way back', 4, ConnectionFallback.LATE, 4],
    ['0 where an end does not', 3, ConnectionFallback.LATE, 0],
    ['0 where the caller rules the relay out', 4, ConnectionFallback.NONE, 0],
  ])('is ordered to punch with relay_version %s', async (_, known, fallback, relayVersion) => {
    const [caller, peer] = await pair();
    const answered = caller.ask(peer.sid, { fallback, relayVersion: 4 });
    const gather = await peer.order();
    await peer.gathered(gather.orderId, [CANDIDATE], known);
    const orders = [await caller.order(), await peer.order()];
    expect(orders.map((order) => order.relayVersion)).toEqual([relayVersion, relayVersion]);
    await answered;
  });

  it('falls back to a stream each way, whose ids both ends are told', async () => {
    const [caller, peer] = await pair();
    let { id, one, other } = await punching([caller, peer]);
    for (let attempt = 1; ; attempt++) {
      expect([one.attempt, other.attempt]).toEqual([attempt, attempt]);
      await Promise.all([caller.tried(one.orderId, false), peer.tried(other.orderId, attempt === 2)]);
      [one, other] = [await caller.order(), await peer.order()];
      if (attempt === 3) break;
    }
    for (const { role, relayVersion } of [one, other]) {
      expect({ role, relayVersion }).toEqual({ role: ConnectionRole.RELAY, relayVersion: 1 });
    }
    for (const [from, to, by] of [
      [one, other, caller],
      [other, one, peer],
    ] as const) {
      const { stream } = await ask(at, Streams.getStream, { id: from.relayStreamId }, asSession(by.token));
      expect(stream).toMatchObject({ ownerCvid: by.sid, sinks: [{ id: to.relayBranchId }] });
    }
    const { state, attempts } = await caller.record(id);
    expect(state).toBe(ConnectionState.RELAYED);
    expect(attempts.map(({ description }) => description)).toEqual([
      'neither end found a path',
      'only the peer found a path',
      'neither end found a path',
    ]);
    await Promise.all([caller.answer(one.orderId, NOTHING), peer.answer(other.orderId, NOTHING)]);
    const again = await caller.ask(peer.sid, { connectionId: id });
    expect(again.request).toMatchObject({ connectionId: id, role: ConnectionRole.PUNCH_CONTROLLING });
    const order = await peer.order();
    expect(order).toMatchObject({ connectionId: id, role: ConnectionRole.GATHER });
    await peer.gathered(order.orderId);
    expect(await caller.order()).toMatchObject({ role: ConnectionRole.PUNCH_CONTROLLING, attempt: 4 });
    expect(await peer.order()).toMatchObject({ role: ConnectionRole.PUNCH_CONTROLLED, attempt: 4 });
    expect(await caller.record(id)).toMatchObject({ state: ConnectionState.RELAYED });
    expect((await refused(caller.ask(peer.sid, { connectionId: id }))).reason).toBe('OUT_OF_ORDER');
  });

  it('is one when both ask for each other at the same moment', async () => {
    const [caller, peer] = await pair();
    const answers = await Promise.all([caller.ask(peer.sid), peer.ask(caller.sid)]);
    expect(answers[0]!.request!.connectionId).toBe(answers[1]!.request!.connectionId);
    const roles = answers.map(({ request }) => request!.role).sort();
    expect(roles).toEqual([ConnectionRole.PUNCH_CONTROLLING, ConnectionRole.PUNCH_CONTROLLED]);
  });
});

describe('a caller that listens', () => {
  it('has the peer dial the address that the server observed, on its port', async () => {
    const [caller, peer] = await pair();
    const answered = caller.ask(peer.sid, { port: 4321 });
    const order = await peer.order();
    expect(order).toMatchObject({ role: ConnectionRole.DIAL, host: '127.0.0.1', port: 4321, peerPublicKey: KEY });
    await peer.answer(order.orderId, Buffer.alloc(0));
    const { request } = await answered;
    expect(request).toMatchObject({ role: ConnectionRole.LISTEN, port: 4321, peerPublicKey: Buffer.of() });
  });

  it('is told the key of the peer that is going to dial', async () => {
    const [caller, peer] = await pair();
    const answered = caller.ask(peer.sid, { port: 4321 });
    await peer.gathered((await peer.order()).orderId, []);
    expect((await answered).request).toMatchObject({ role: ConnectionRole.LISTEN, peerPublicKey: KEY });
  });
});

describe('an ending', () => {
  it("by the peer's refusal is the caller's answer, in the peer's own words, and both ends hear of it", async () => {
    const [caller, peer] = await pair();
    const denied = refused(caller.ask(peer.sid));
    const { orderId, connectionId } = await peer.order();
    await peer.answer(orderId, Buffer.alloc(0), REASONS.PEER_REFUSED, 'port 22 is not open to you');
    const words = { reason: 'PEER_REFUSED', message: 'port 22 is not open to you' };
    expect(await denied).toMatchObject({ code: status.PERMISSION_DENIED, ...words });
    const told = { connectionId, reason: REASONS.PEER_REFUSED, description: words.message };
    expect(await Promise.all([caller.ended(), peer.ended()])).toEqual([told, told]);
    expect(await caller.record(connectionId)).toMatchObject({
      state: ConnectionState.FAILED,
      ...{ reason: told.reason },
    });
  });

  it('by silence comes at the deadline of the order', async () => {
    const patient = at;
    at = await run({ 'order-deadline': '300ms' });
    try {
      const [caller, peer] = await pair();
      expect(await refused(caller.ask(peer.sid))).toMatchObject({
        code: status.DEADLINE_EXCEEDED,
        reason: 'ORDER_DEADLINE',
        message: `session ${peer.sid} did not answer within 0.3 s`,
      });
      await Promise.all([caller.ended(), peer.ended()]);
    } finally {
      await at.stop();
      at = patient;
    }
  });

  it('by a peer that leaves is told to the caller at once', async () => {
    const [caller, peer] = await pair();
    const left = refused(caller.ask(peer.sid));
    await peer.order();
    await ask(at, Sessions.terminateSession, { cvid: 0, reason: '' }, asSession(peer.token));
    expect(await left).toMatchObject({ code: status.ABORTED, reason: 'PEER_LEFT' });
    expect(await caller.ended()).toMatchObject({ description: `session ${peer.sid} was terminated` });
  });

  it('by a caller that gives its call up is told to the peer', async () => {
    const [caller, peer] = await pair();
    const { path, requestSerialize, responseDeserialize } = Network.directConnection;
    const plain = DirectConnectionRequest.fromPartial({ cvid: peer.sid, type: 1, publicKey: KEY });
    const call = at.client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      plain,
      asSession(caller.token),
      {},
      () => {},
    );
    await peer.order();
    call.cancel();
    expect(await peer.ended()).toMatchObject({ description: `closed by session ${caller.sid}` });
  });

  it('by either end in the middle of an attempt is told to the other', async () => {
    const [caller, peer] = await pair();
    const { id } = await punching([caller, peer]);
    await peer.report(caller.sid, id, 2);
    expect(await caller.ended()).toMatchObject({ connectionId: id, description: `closed by session ${peer.sid}` });
  });
});

describe('an answer', () => {
  it("with candidates in somebody else's network is refused, and another may follow", async () => {
    const [caller, peer] = await pair();
    const answered = caller.ask(peer.sid);
    const { orderId } = await peer.order();
    const foreign = [{ ...CANDIDATE, host: '203.0.113.7' }];
    expect(await refused(peer.gathered(orderId, foreign))).toMatchObject({
      code: status.INVALID_ARGUMENT,
      fields: ['candidates[0].host'],
    });
    await peer.gathered(orderId, [{ ...CANDIDATE, host: '127.0.0.1', type: 2 }]);
    await answered;
  });

  it('that is not what its order asks for is refused', async () => {
    const [caller, peer] = await pair();
    const given = caller.ask(peer.sid);
    const { orderId } = await peer.order();
    expect(await refused(peer.answer(orderId, Buffer.from([0xff])))).toMatchObject({ fields: ['data'] });
    await peer.gathered(orderId);
    await given;
  });
});

describe('the record of connections', () => {
  it('is for the two ends and administrators, the newest first, page by page', async () => {
    const [caller, peer] = await pair();
    const stranger = await Attached.join();
    const ids: string[] = [];
    for (let n = 0; n < 3; n++) ids.unshift((await punching([caller, peer])).id);
    const page = (token: string, pageToken: string) =>
      ask(at, Network.listConnections, { pageSize: 2, pageToken }, asSession(token));
    const first = await page(peer.token, '');
    const second = await page(peer.token, first.nextPageToken);
    expect([...first.connections, ...second.connections].map(({ connectionId }) => connectionId)).toEqual(ids);
    expect(second.nextPageToken).toBe('');
    expect((await page(stranger.token, '')).connections).toEqual([]);
    expect((await refused(stranger.record(ids[0]!))).reason).toBe('CONNECTION_NOT_FOUND');
    const seen = await ask(at, Network.getConnection, { connectionId: ids[0]! }, asAdmin());
    expect(seen.connection).toMatchObject({ callerCvid: caller.sid, peerCvid: peer.sid });
  });
});

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { NetworkServiceService as Network } from '../../gen/switchyard/v1/network_service.js';
import { type SessionResponse, SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { StreamParams } from '../../gen/switchyard/v1/stream.js';
import { StreamServiceService as Streams } from '../../gen/switchyard/v1/stream_service.js';
import { systemClock } from '../../src/client/system.js';
import { MemoryJournal } from '../../src/journal/storage/memory.js';
import { agent, asAdmin, ask, asSession, open, type Running, refused, run } from '../grpc/running.js';

// yuvomi #822: an answer was lost, the request was repeated with its key, and there were two of what was to be made.

/** The real clock, its wall moved by the test. */
const wall = { aheadMs: 0 };
const clock = { ...systemClock, wallMs: () => systemClock.wallMs() + wall.aheadMs };

let journal: MemoryJournal;
let at: Running;
let [owner, sink]: SessionResponse[] = [];

beforeEach(async () => {
  wall.aheadMs = 0;
  journal = new MemoryJournal();
  at = await run({}, { journal, clock });
  [owner, sink] = [await ask(at, Sessions.session, agent(1)), await ask(at, Sessions.session, agent(2))];
});
afterEach(() => at.stop());

const params = (spoil: object = {}) => ({
  ...StreamParams.fromPartial({ name: 'n', labels: { b: '2', a: '1' } }),
  ...spoil,
});
const create = (requestId: string, spoil: object = {}) => {
  const request = { params: params(), sinkCvids: [sink.instanceSid], requestId, ...spoil };
  return ask(at, Streams.createStream, request, asSession(owner.sessionToken));
};
const count = async () => {
  const list = { pageSize: 1_000, pageToken: '', cvid: 0 };
  return (await ask(at, Streams.listStreams, list, asAdmin())).streams.filter(({ sinks }) => sinks.length > 0).length;
};

describe('CreateStream with a request id', () => {
  it('has the same answer when it comes again, and registers one stream, however often and in one batch', async () => {
    const first = await create('r1');
    const again = await Promise.all(Array.from({ length: 20 }, () => create('r1')));
    for (const answer of again) expect(answer).toEqual(first);
    const at_once = await Promise.all(Array.from({ length: 20 }, () => create('r2')));
    expect(new Set(at_once.map(({ stream }) => stream!.id)).size).toBe(1);
    expect(await count()).toBe(2);
    expect((await create('')).stream!.id).not.toBe((await create('')).stream!.id);
  });

  it('has the same answer after the stream was changed and terminated, and after its sink has gone', async () => {
    const first = await create('r1');
    const as = asSession(owner.sessionToken);
    const update = { id: first.stream!.id, params: params({ name: 'other' }), updateMask: ['name'] };
    await ask(at, Streams.updateStreamParams, update, as);
    expect(await create('r1')).toEqual(first);
    await ask(at, Streams.terminateStream, { id: first.stream!.id }, as);
    await ask(at, Sessions.terminateSession, { cvid: 0, reason: '' }, asSession(sink.sessionToken));
    expect(await create('r1')).toEqual(first);
    expect(await count()).toBe(0);
  });

  it('is refused with another request, whose id it is, and with an id that cannot be', async () => {
    await create('r1');
    expect(await create('r1', { params: params({ labels: { a: '1', b: '2' } }) })).toBeDefined();
    for (const spoil of [
      { params: params({ name: 'x' }) },
      { params: params({ labels: {} }) },
      { params: undefined },
    ]) {
      expect(await refused(create('r1', spoil))).toMatchObject({ reason: 'FIELD_INVALID', fields: ['request_id'] });
    }
    for (const id of ['a b', 'é', 'x'.repeat(65), '\n']) {
      expect(await refused(create(id))).toMatchObject({ reason: 'FIELD_INVALID', fields: ['request_id'] });
    }
    expect(await count()).toBe(1);
  });

  it('has the same answer after a restart, and ten minutes later is another request', async () => {
    const first = await create('r1');
    const restart = async () => {
      await at.stop();
      at = await run({}, { journal, clock });
    };
    await restart();
    expect(await create('r1')).toEqual(first);
    wall.aheadMs += 590_000;
    await create('later');
    expect(await create('r1')).toEqual(first);
    wall.aheadMs += 20_000;
    // The time that counts is that of the commands.
    expect(await create('r1')).toEqual(first);
    await create('much-later');
    expect((await create('r1')).stream!.id).not.toBe(first.stream!.id);
  });

  it('of one session is not that of another', async () => {
    const first = await create('r1');
    const request = { params: params(), sinkCvids: [owner.instanceSid], requestId: 'r1' };
    const other = await ask(at, Streams.createStream, request, asSession(sink.sessionToken));
    expect(other.stream!.id).not.toBe(first.stream!.id);
  });
});

describe('DirectConnection with a request id', () => {
  it('is answered with one connection when it comes again, before the peer has accepted and after', async () => {
    const orders = open(at, Sessions.attach, {}, asSession(sink.sessionToken));
    await orders.next();
    const request = {
      ...{ cvid: sink.instanceSid, type: 1, port: 4_711, candidates: [], publicKey: Buffer.alloc(44) },
      ...{ roundTrip: undefined, relayVersion: 0, connectionId: '', requestId: 'c1', fallback: 0 },
    };
    const connect = (spoil: object = {}) =>
      ask(at, Network.directConnection, { ...request, ...spoil }, asSession(owner.sessionToken));
    const early = [connect(), connect()];
    const messages = await orders.until(({ order }) => order?.kind?.$case === 'connection');
    const { orderId } = messages.at(-1)!.order!;
    await ask(
      at,
      Sessions.answer,
      { orderId, code: 0, description: '', data: Buffer.of() },
      asSession(sink.sessionToken),
    );
    const answers = await Promise.all([...early, connect()]);
    expect(new Set(answers.map(({ request: { connectionId } = {} as never }) => connectionId)).size).toBe(1);
    expect(await refused(connect({ port: 4_712 }))).toMatchObject({ reason: 'FIELD_INVALID', fields: ['request_id'] });
    orders.call.cancel();
    const list = { pageSize: 0, pageToken: '' };
    expect((await ask(at, Network.listConnections, list, asAdmin())).connections).toHaveLength(1);
  });
});

import { Metadata, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { NetworkServiceService as Network } from '../../gen/switchyard/v1/network_service.js';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { StreamServiceService as Streams } from '../../gen/switchyard/v1/stream_service.js';
import { CODE_OF_REASON } from '../../src/grpc/status.js';
import type { Case, Who, World } from './bad-input-cases/case.js';
import { networkCases } from './bad-input-cases/network.js';
import { sessionCases } from './bad-input-cases/session.js';
import { streamCases } from './bad-input-cases/stream.js';
import { agent, asAdmin, asHeaders, ask, asSession, type Method, open, type Running, refused, run } from './running.js';

/** Each field of each request, wrong in each way that it can be wrong in: refused in full, and nothing has changed. */
describe('bad input', () => {
  let at: Running;
  let world: World;

  beforeAll(async () => {
    at = await run();
    const session = async (number: number) => {
      const { instanceSid, sessionToken, serverSid } = await ask(at, Sessions.session, agent(number));
      return { sid: instanceSid, token: sessionToken, serverSid };
    };
    const stale = (await session(4)).token;
    await session(4);
    const [one, two, three] = [await session(1), await session(2), await session(3)];
    const request = { params: undefined, sinkCvids: [two.sid], requestId: '' };
    const { stream } = await ask(at, Streams.createStream, request, asSession(one.token));
    const { id, sinks } = stream!;
    world = { serverSid: one.serverSid, one, two, three, stale, stream: { id, branch: sinks[0].id }, nobody: 99 << 8 };
  });
  afterAll(() => at.stop());

  const metadataOf = (who: Who) => {
    if (who === 'nobody') return new Metadata();
    if (who === 'admin') return asAdmin();
    return asSession(who === 'stale' ? world.stale : world[who].token);
  };
  const position = async () =>
    (await ask(at, Sessions.listSessions, { pageSize: 1, pageToken: '', instanceType: 0, instanceUuid: '' })).position;
  const call = (method: Case['method'] & { responseStream?: boolean }, request: unknown, metadata: Metadata) =>
    method.responseStream ? open(at, method, request, metadata).ending() : refused(ask(at, method, request, metadata));

  const table = [...sessionCases(), ...networkCases(), ...streamCases()];
  it.each(table.map((one) => [one.what, one] as const))(
    '%s',
    async (_what, { method, request, who, reason, fields }) => {
      const before = await position();
      const refusal = await call(method, request(world), metadataOf(who));
      expect(refusal).toMatchObject({ code: CODE_OF_REASON[reason], reason, domain: 'switchyard', fields });
      expect(await position()).toEqual(before);
    },
  );

  const needsSession = [
    ...[Sessions.keepAlive, Sessions.attach, Sessions.answer],
    ...[Network.reportLink, Streams.createStream, Streams.updateStreamParams, Streams.terminateStream],
  ];
  const needsEither = [
    ...[Sessions.terminateSession, Streams.stopStream, Streams.getStream, Streams.listStreams, Streams.watchStreams],
    Network.watchConnections,
  ];
  const needsNobody = [
    ...[Sessions.session, Sessions.getSession, Sessions.listSessions, Network.getNode, Network.findPath],
    ...[Network.watchNetworkDelta, Network.watchEndpointClosed, Sessions.watchSessions],
  ];
  // biome-ignore lint/suspicious/noExplicitAny: a table of all methods
  type Row = [string, Method<any, any> & { requestDeserialize(bytes: Buffer): unknown }];
  // biome-ignore lint/suspicious/noExplicitAny: as above
  const rows = (...methods: any[]): Row[] => methods.map((method) => [method.path.split('/')[2], method]);
  const refusal = async ([, method]: Row, metadata: Metadata) => {
    const before = await position();
    const { code, reason } = await call(method, method.requestDeserialize(Buffer.alloc(0)), metadata);
    expect(await position()).toEqual(before);
    return { code, reason };
  };
  const { UNAUTHENTICATED } = status;

  it.each(rows(...needsSession, ...needsEither))('%s without a token is refused', async (...row) => {
    const wanted = { code: UNAUTHENTICATED, reason: 'SESSION_TOKEN_MISSING' };
    expect(await refusal(row, new Metadata())).toEqual(wanted);
  });

  it.each(rows(...needsSession))('%s by an administrator without a session is refused', async (...row) => {
    expect(await refusal(row, asAdmin())).toEqual({ code: UNAUTHENTICATED, reason: 'SESSION_TOKEN_MISSING' });
  });

  it.each(rows(...needsSession, ...needsEither, ...needsNobody))('%s with a bad token is refused', async (...row) => {
    const invalid = { code: UNAUTHENTICATED, reason: 'SESSION_TOKEN_INVALID' };
    const { one, two, stale } = world;
    const foreign = one.token.slice(0, 8) + two.token.slice(8);
    const mixed = `${one.token.slice(0, 12)}${two.token.slice(12)}`;
    for (const token of ['x', mixed, foreign, `${one.token}A`, `${one.token}, ${one.token}`]) {
      const { code, reason } = await refusal(row, asSession(token));
      expect({ code, reason: reason === 'SESSION_EXPIRED' ? invalid.reason : reason }).toEqual(invalid);
    }
    expect(await refusal(row, asSession(stale))).toEqual({ code: UNAUTHENTICATED, reason: 'SESSION_SUPERSEDED' });
    const wrongAdmin = asHeaders({ 'switchyard-admin': 'a-wrong-token-of-tests' });
    expect(await refusal(row, wrongAdmin)).toEqual({ code: UNAUTHENTICATED, reason: 'ADMIN_TOKEN_INVALID' });
  });

  it('StopStream answers what cannot be stopped with INVALID, whatever is wrong with it', async () => {
    const before = await position();
    for (const id of [0, -1, -(2 ** 31), 2 ** 31 - 1, world.stream.id]) {
      const request = { id, validateOnly: false };
      const { result, stoppedIds } = await ask(at, Streams.stopStream, request, metadataOf('three'));
      expect({ result, stoppedIds }).toEqual({ result: 1, stoppedIds: [] });
    }
    expect(await position()).toEqual(before);
  });

  it('refuses calls out of order: before their session, order or stream, and after them', async () => {
    const { instanceSid, sessionToken } = await ask(at, Sessions.session, agent(50));
    const as = asSession(sessionToken);
    const answer = { orderId: 'o1', code: 0, description: '', data: Buffer.alloc(0) };
    expect((await refused(ask(at, Sessions.answer, answer, as))).reason).toBe('ORDER_NOT_FOUND');
    const sinks = { params: undefined, sinkCvids: [world.one.sid], requestId: '' };
    const { id } = (await ask(at, Streams.createStream, sinks, as)).stream!;
    await ask(at, Streams.terminateStream, { id }, as);
    const update = { id, params: undefined, updateMask: ['name'] };
    for (const call of [
      ask(at, Streams.terminateStream, { id }, as),
      ask(at, Streams.updateStreamParams, update, as),
    ]) {
      expect((await refused(call)).reason).toBe('STREAM_NOT_FOUND');
    }
    const ended = open(at, Network.watchEndpointClosed, { cvids: [instanceSid], after: undefined });
    await ended.next();
    await ask(at, Sessions.terminateSession, { cvid: 0, reason: '' }, as);
    await ended.next();
    ended.call.cancel();
    for (const [, method] of rows(...needsSession, ...needsEither, ...needsNobody)) {
      const { code, reason } = await call(method, method.requestDeserialize(Buffer.alloc(0)), as);
      expect([method.path, code, reason]).toEqual([method.path, UNAUTHENTICATED, 'SESSION_TERMINATED']);
    }
  });
});

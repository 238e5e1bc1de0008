import type { ClientDuplexStream, Metadata } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ConnectionState } from '../../gen/switchyard/v1/connection.js';
import { IdentityServiceService as Identities, IdentityKind } from '../../gen/switchyard/v1/identity.js';
import { DirectConnectionRequest, NetworkServiceService as Network } from '../../gen/switchyard/v1/network_service.js';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import {
  type RelayRequest,
  type RelayResponse,
  RelayRequest as Request,
  StreamServiceService as Streams,
} from '../../gen/switchyard/v1/stream_service.js';
import { systemClock } from '../../src/client/system.js';
import type { Role } from '../../src/core/model/trust/identity.js';
import { ACCESS_LIMITS } from '../../src/replica/access/access-tokens.js';
import { ProofPurpose } from '../../src/trust/signed-bytes.js';
import { keyOf, proofOf } from '../trust/proving.js';
import { agent, asAdmin, asHeaders, ask, asSession, open, Reading, type Running, run } from './running.js';

const WATCH = { after: undefined, coalesce: false, cvids: [] };
const GRANT = { from: ['role:client'], to: ['role:agent'], may: ['connection.ask', 'stream.create'] };

describe('what goes on in a network whose policy requires proofs', () => {
  let at: Running;
  let next = 1;
  let skippedMs = 0;
  const hourly: (() => void)[] = [];

  beforeAll(async () => {
    const clock = {
      ...systemClock,
      nowMs: () => systemClock.nowMs() + skippedMs,
      after: (delayMs: number, call: () => void) => {
        if (delayMs < ACCESS_LIMITS.validMs / 2 || delayMs > ACCESS_LIMITS.validMs)
          return systemClock.after(delayMs, call);
        hourly.push(call);
        return { cancel: () => void hourly.splice(hourly.indexOf(call), 1) };
      },
    };
    at = await run({ auth: 'required', 'session-ttl': '4h', 'session-ttl-max': '24h' }, { clock });
  });
  afterAll(() => at.stop());

  const uuidOf = (number: number) => agent(number).instanceUuid;

  async function describeIdentity(number: number, roles: readonly Role[]) {
    const described = { kind: IdentityKind.INSTANCE, roles: [...roles], name: '', labels: {}, updateMask: ['roles'] };
    await ask(at, Identities.updateIdentity, { identityUuid: uuidOf(number), ...described }, asAdmin());
  }

  async function prove(number: number, purpose: ProofPurpose) {
    return proofOf(keyOf(number), uuidOf(number), await ask(at, Identities.challenge, { network: '' }), { purpose });
  }

  async function approved(...roles: Role[]) {
    const number = next++;
    await ask(at, Identities.bindKey, { identityUuid: uuidOf(number), publicKey: keyOf(number).publicKey }, asAdmin());
    await describeIdentity(number, roles);
    return number;
  }

  /** A session of a new identity with these roles. */
  async function member(...roles: Role[]) {
    const number = await approved(...roles);
    const proof = await prove(number, ProofPurpose.SESSION);
    const { instanceSid: sid, sessionToken } = await ask(at, Sessions.session, { ...agent(number), proof });
    return { number, sid, as: asSession(sessionToken) };
  }

  const putPolicy = (...grants: object[]) => {
    const document = JSON.stringify({ auth: 'required', grants });
    return ask(at, Identities.putPolicy, { document, validateOnly: false, ifRevision: undefined }, asAdmin());
  };

  function relay(as: Metadata, id: number) {
    const { path, requestSerialize, responseDeserialize } = Streams.relay;
    const call: ClientDuplexStream<RelayRequest, RelayResponse> = at.client.makeBidiStreamRequest(
      ...([path, requestSerialize, responseDeserialize, as] as const),
    );
    call.write(Request.fromPartial({ open: { id } }));
    return { call, reading: new Reading(call) };
  }

  /** A stream from a new client to a new agent, both of its ends open. */
  async function flowing() {
    const [client, device] = [await member('client'), await member('agent')];
    const request = { params: undefined, sinkCvids: [device.sid], requestId: '' };
    const { stream } = await ask(at, Streams.createStream, request, client.as);
    const source = relay(client.as, stream!.id);
    const sink = relay(device.as, stream!.sinks[0].id);
    await Promise.all([source.reading.next(), sink.reading.next()]);
    return { client, device, source, sink, id: stream!.id };
  }

  it('ends both ends of a relay and the stream when its source is revoked', async () => {
    const { client, source, sink } = await flowing();
    await ask(at, Identities.revokeIdentity, { identityUuid: uuidOf(client.number) }, asAdmin());
    expect((await source.reading.ending()).reason).toMatch(/^(STREAM_STOPPED|IDENTITY_REVOKED)$/);
    expect(await sink.reading.ending()).toMatchObject({ reason: 'STREAM_STOPPED' });
  });

  it('ends the relay of an end that loses its role with the missing permission, and then the stream', async () => {
    const { client, source, sink, id, device } = await flowing();
    await describeIdentity(client.number, ['observer']);
    expect(await source.reading.ending()).toMatchObject({
      reason: 'PERMISSION_DENIED',
      metadata: { permission: 'session.own' },
    });
    expect(await sink.reading.ending()).toMatchObject({ reason: 'STREAM_STOPPED' });
    const { streams } = await ask(at, Streams.listStreams, { pageSize: 10, pageToken: '', cvid: 0 }, device.as);
    expect(streams.map((stream) => stream.id)).not.toContain(id);
  });

  it('lets no block through that comes after the refusal', async () => {
    const { client, device, source, sink } = await flowing();
    await describeIdentity(device.number, ['observer']);
    expect(await sink.reading.ending()).toMatchObject({ reason: 'PERMISSION_DENIED' });
    source.call.write(Request.fromPartial({ block: Buffer.from('late') }));
    expect(await source.reading.ending()).toMatchObject({ reason: 'STREAM_STOPPED' });
    expect(client.sid).toBeGreaterThan(0);
  });

  it('stops the streams that another policy does not grant, and no others', async () => {
    const { source, sink, device } = await flowing();
    const kept = await flowing();
    const uuid = `uuid:${uuidOf(kept.device.number)}`;
    await putPolicy({ ...GRANT, to: [uuid] });
    try {
      expect(await source.reading.ending()).toMatchObject({ reason: 'STREAM_STOPPED' });
      expect(await sink.reading.ending()).toMatchObject({ reason: 'STREAM_STOPPED' });
      expect(device.sid).toBeGreaterThan(0);
      kept.source.call.write(Request.fromPartial({ block: Buffer.from('still') }));
      expect((await kept.sink.reading.next()).block.toString()).toBe('still');
    } finally {
      await putPolicy(GRANT);
      kept.source.call.cancel();
      kept.sink.call.cancel();
    }
  });

  it('closes a brokered connection that another policy does not grant', async () => {
    const [client, device] = [await member('client'), await member('agent')];
    const orders = open(at, Sessions.attach, {}, device.as);
    await orders.next();
    const request = DirectConnectionRequest.fromPartial({ cvid: device.sid, type: 1, port: 5_000 });
    const asking = ask(at, Network.directConnection, request, client.as);
    const [{ order }] = (await orders.until((one) => one.order?.kind?.$case === 'connection')).slice(-1);
    const answer = { orderId: order!.orderId, code: 0, description: '', data: Buffer.alloc(0) };
    await ask(at, Sessions.answer, answer, device.as);
    await asking;
    await putPolicy();
    try {
      const ended = (await orders.until((one) => one.order?.kind?.$case === 'connectionEnded')).at(-1)!;
      expect(ended.order?.kind?.$case).toBe('connectionEnded');
      const { connections } = await ask(at, Network.listConnections, { pageSize: 5, pageToken: '' }, device.as);
      expect(connections.map(({ state }) => state)).toEqual([ConnectionState.CANCELLED]);
    } finally {
      await putPolicy(GRANT);
      orders.call.cancel();
    }
  });

  it('tells the end that is asked which of its ports the policy grants, and closes the connection when they become others', async () => {
    const [client, device] = [await member('client'), await member('agent')];
    const byPort = { ...GRANT, may: ['connection.ask'] };
    await putPolicy({ ...byPort, ports: [22, '8000-8099'] }, { ...byPort, ports: ['8100-8200', 443] });
    const orders = open(at, Sessions.attach, {}, device.as);
    try {
      await orders.next();
      const request = DirectConnectionRequest.fromPartial({ cvid: device.sid, type: 1, port: 5_000 });
      const asking = ask(at, Network.directConnection, request, client.as);
      const [{ order }] = (await orders.until((one) => one.order?.kind?.$case === 'connection')).slice(-1);
      const connection = order?.kind?.$case === 'connection' ? order.kind.value : undefined;
      const ranges = [
        { first: 22, last: 22 },
        { first: 443, last: 443 },
        { first: 8_000, last: 8_200 },
      ];
      expect(connection?.peer?.ports).toEqual({ ranges });
      const answer = { orderId: order!.orderId, code: 0, description: '', data: Buffer.alloc(0) };
      await ask(at, Sessions.answer, answer, device.as);
      // Nobody is told what it may reach by its own connection but the end that opens its ports.
      expect((await asking).request?.peer).toMatchObject({ identityUuid: uuidOf(device.number), ports: undefined });
      const isEnd = (one: { order?: { kind?: { $case: string } | undefined } | undefined }) =>
        one.order?.kind?.$case === 'connectionEnded';
      // The same ports in other words end nothing; fewer do.
      await putPolicy({ ...byPort, ports: [443, 22, '8000-8200'] });
      await putPolicy({ ...byPort, ports: [22] });
      expect((await orders.until(isEnd)).filter(isEnd)).toHaveLength(1);
      const { connections } = await ask(at, Network.listConnections, { pageSize: 5, pageToken: '' }, device.as);
      expect(connections.map(({ state }) => state)).toEqual([ConnectionState.CANCELLED]);
    } finally {
      await putPolicy(GRANT);
      orders.call.cancel();
    }
  });

  it('ends a watch when the access token has expired that began it, and says that', async () => {
    const number = await approved('observer');
    const { accessToken } = await ask(at, Identities.login, { proof: await prove(number, ProofPurpose.LOGIN) });
    const as = asHeaders({ 'switchyard-access': accessToken });
    const watching = open(at, Network.watchNetworkDelta, WATCH, as);
    await watching.next();
    expect(hourly).toHaveLength(1);
    skippedMs += ACCESS_LIMITS.validMs;
    for (const call of hourly.splice(0)) call();
    expect(await watching.ending()).toMatchObject({
      reason: 'AUTH_REQUIRED',
      message: expect.stringContaining('has expired: log in again'),
    });
  });

  it('ends a watch by access token when its identity is revoked', async () => {
    const number = await approved('observer');
    const { accessToken } = await ask(at, Identities.login, { proof: await prove(number, ProofPurpose.LOGIN) });
    const watching = open(at, Network.watchNetworkDelta, WATCH, asHeaders({ 'switchyard-access': accessToken }));
    await watching.next();
    await ask(at, Identities.revokeIdentity, { identityUuid: uuidOf(number) }, asAdmin());
    expect((await watching.ending()).reason).toBe('AUTH_REQUIRED');
  });
});

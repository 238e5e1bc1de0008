import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { NetworkServiceService as Network } from '../../gen/switchyard/v1/network_service.js';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { StreamServiceService as Streams } from '../../gen/switchyard/v1/stream_service.js';
import {
  type ExchangeRequest,
  type ExchangeResponse,
  TransportServiceService as TransportService,
} from '../../gen/switchyard/v1/transport_service.js';
import { REASONS } from '../../src/core/model/fault.js';
import { ByteWriter } from '../../src/system/codec/bytes.js';
import { decodeEvent, encodeEvent } from '../../src/system/codec/event.js';
import { decodePacket, encodePacketHeader, type Packet } from '../../src/system/codec/packet.js';
import { GrpcFrom } from '../grpc/from.js';
import { agent, ask, asSession, open, type Running, refused, run } from '../grpc/running.js';
import { agent as eventAgent, RawTalk } from '../system/talking.js';

const RESOURCE_EXHAUSTED = 8;
const [HERE, ELSEWHERE] = ['127.0.0.2', '127.0.0.3'];

let at: Running;
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await at.stop();
});

/** A server of eight seats, unless told otherwise: four for an address, two for a connection. */
async function start(flags: Record<string, string> = {}): Promise<void> {
  at = await run({
    'sessions-max': '8',
    'system-tcp-listen': '127.0.0.1:0',
    'metrics-listen': '127.0.0.1:0',
    ...flags,
  });
}

async function grpcFrom(address: string): Promise<GrpcFrom> {
  const connection = await GrpcFrom.connect(address, at.address);
  closing.push(() => connection.close());
  return connection;
}

/** Asks for a session by system events; answers with the code of the Answer, and what it says. */
async function eventSession(address: string, number: number) {
  const [host, port] = at.server.addresses.tcp!.split(':');
  const socket = connect({ host, port: Number(port), localAddress: address });
  await once(socket, 'connect');
  closing.push(() => socket.destroy());
  const talk = new RawTalk(socket);
  talk.sendEvent({ type: 'Session', body: eventAgent(number) }, 1);
  return talk.answer();
}

/** The same in an Exchange call of the client. */
async function exchangeSession(number: number): Promise<number> {
  const { path, requestSerialize, responseDeserialize } = TransportService.exchange;
  const call = at.client.makeBidiStreamRequest<ExchangeRequest, ExchangeResponse>(
    path,
    requestSerialize,
    responseDeserialize,
  );
  call.on('error', () => {});
  closing.push(() => call.cancel());
  const writer = new ByteWriter();
  encodePacketHeader(writer, { streamId: 0, event: true, compressed: false, noise: false, packetId: 1 });
  encodeEvent(writer, { type: 'Session', body: eventAgent(number) });
  call.write({ packet: Buffer.from(writer.finish()) });
  const [{ packet }] = (await once(call, 'data')) as [ExchangeResponse];
  const event = decodeEvent((decodePacket(packet) as Packet).body, 'client') as { body: { code: number } };
  return event.body.code;
}

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`http://${at.server.addresses.metrics}/metrics`)).text();
  const line = text.split('\n').find((one) => one.startsWith(`${name} `));
  return Number(line?.slice(name.length));
}

describe('The share of sessions', () => {
  it('refuses the 3rd session of one gRPC connection when its share is 2, and tells which option that is', async () => {
    await start();
    for (const number of [1, 2]) await ask(at, Sessions.session, agent(number));
    expect(await refused(ask(at, Sessions.session, agent(3)))).toMatchObject({
      code: RESOURCE_EXHAUSTED,
      reason: 'SESSION_LIMIT',
      message: '2 sessions of one connection are the limit (--sessions-per-connection)',
      retryMs: 5_000,
    });
    await ask(at, Sessions.session, agent(1));
    expect(await metric('switchyard_share_refused_total{share="sessions-per-connection"}')).toBe(1);
    expect(await metric('switchyard_share_largest{share="sessions-per-connection"}')).toBe(2);
    expect(await metric('switchyard_sessions')).toBe(2);
  });

  it('is one over gRPC and system events: the 5th of an address is refused at both, another address is served', async () => {
    await start();
    const [one, two] = [await grpcFrom(HERE), await grpcFrom(HERE)];
    await one.get(Sessions.session, agent(1));
    await two.get(Sessions.session, agent(2));
    for (const number of [3, 4]) expect(await eventSession(HERE, number)).toMatchObject({ code: 0 });
    const message = '4 sessions of one address are the limit (--sessions-per-address)';
    expect(await one.refused(Sessions.session, agent(5))).toMatchObject({ reason: 'SESSION_LIMIT', message });
    expect(await eventSession(HERE, 5)).toMatchObject({
      code: REASONS.SESSION_LIMIT,
      description: message,
      retryAfterMs: 5_000,
    });
    await (await grpcFrom(ELSEWHERE)).get(Sessions.session, agent(6));
    expect(await eventSession(ELSEWHERE, 7)).toMatchObject({ code: 0 });
  });

  it('counts Exchange calls for the gRPC connection that carries them', async () => {
    await start();
    for (const number of [1, 2]) expect(await exchangeSession(number)).toBe(0);
    expect(await exchangeSession(3)).toBe(REASONS.SESSION_LIMIT);
    expect(await refused(ask(at, Sessions.session, agent(3)))).toMatchObject({ reason: 'SESSION_LIMIT' });
  });

  it('is given back by sessions that end, and stays with the address when a connection closes', async () => {
    await start({ 'sessions-per-connection': '4' });
    const first = await grpcFrom(HERE);
    const tokens = [];
    for (const number of [1, 2, 3, 4]) tokens.push((await first.get(Sessions.session, agent(number))).sessionToken);
    await first.close();
    closing.pop();
    const second = await grpcFrom(HERE);
    expect(await second.refused(Sessions.session, agent(5))).toMatchObject({ reason: 'SESSION_LIMIT' });
    await second.get(Sessions.session, agent(4));
    await second.get(Sessions.terminateSession, { cvid: 0, reason: '' }, tokens[0]);
    await expectSoon(() => second.ask(Sessions.session, agent(5)).then((outcome) => 'answer' in outcome));
  });

  it('goes to the address that attaches with the token', async () => {
    await start({ 'sessions-per-connection': '4' });
    const owner = await grpcFrom(HERE);
    let token = '';
    for (const number of [1, 2, 3, 4]) token = (await owner.get(Sessions.session, agent(number))).sessionToken;
    expect(await owner.refused(Sessions.session, agent(5))).toMatchObject({ reason: 'SESSION_LIMIT' });
    const attachment = open(at, Sessions.attach, {}, asSession(token));
    await attachment.next();
    await owner.get(Sessions.session, agent(5));
    attachment.call.cancel();
  });

  it('is not exceeded by 500 calls in one turn', async () => {
    await start({ 'sessions-max': '400' });
    const calls = Array.from({ length: 500 }, (_, number) => ask(at, Sessions.session, agent(number)));
    const outcomes = await Promise.allSettled(calls);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(100);
    expect(await metric('switchyard_sessions')).toBe(100);
  });
});

describe('The shares of what sessions hold', () => {
  const params = undefined;

  it('refuse the 3rd stream of one address when its share is 2, and serve another address', async () => {
    await start({ 'streams-per-address': '2' });
    const [here, there] = [await grpcFrom(HERE), await grpcFrom(ELSEWHERE)];
    const one = await here.get(Sessions.session, agent(1));
    const other = await there.get(Sessions.session, agent(2));
    const creating = { params, sinkCvids: [other.instanceSid], requestId: '' };
    for (const _ of [1, 2]) await here.get(Streams.createStream, creating, one.sessionToken);
    expect(await here.refused(Streams.createStream, creating, one.sessionToken)).toMatchObject({
      reason: 'STREAM_LIMIT',
      message: '2 streams of one address are the limit (--streams-per-address)',
      retryMs: 1_000,
    });
    const back = { params, sinkCvids: [one.instanceSid], requestId: '' };
    await there.get(Streams.createStream, back, other.sessionToken);
  });

  it('refuse a branch, and a report, that is one too many for an address', async () => {
    await start({ 'branches-per-address': '1', 'reports-per-address': '1' });
    const here = await grpcFrom(HERE);
    const one = await here.get(Sessions.session, agent(1));
    const two = await here.get(Sessions.session, agent(2));
    const creating = { params, sinkCvids: [two.instanceSid], requestId: '' };
    await here.get(Streams.createStream, creating, one.sessionToken);
    expect(await here.refused(Streams.createStream, creating, one.sessionToken)).toMatchObject({
      reason: 'STREAM_LIMIT',
      message: '1 branches of one address are the limit (--branches-per-address)',
    });
    const report = (link: number) => ({
      peerCvid: two.instanceSid,
      link,
      state: 1,
      connectionId: '',
      path: 0,
      roundTrip: undefined,
      failed: false,
    });
    await here.get(Network.reportLink, report(1), one.sessionToken);
    await here.get(Network.reportLink, report(1), one.sessionToken);
    expect(await here.refused(Network.reportLink, report(2), one.sessionToken)).toMatchObject({
      reason: 'LINK_LIMIT',
      message: '1 links of one address that wait are the limit (--reports-per-address)',
      retryMs: 5_000,
    });
  });

  it('refuse the 2nd pending connection of one address when its share is 1, and serve another address', async () => {
    await start({ 'connections-pending-max': '4', 'connections-pending-per-connection': '2' });
    const [here, there] = [await grpcFrom(HERE), await grpcFrom(ELSEWHERE)];
    const one = await here.get(Sessions.session, agent(1));
    const other = await there.get(Sessions.session, agent(2));
    const peer = await ask(at, Sessions.session, agent(3));
    const attachment = open(at, Sessions.attach, {}, asSession(peer.sessionToken));
    await attachment.next();
    const asking = askingFor(peer.instanceSid);
    const first = here.ask(Network.directConnection, asking, one.sessionToken);
    await expectSoon(
      async () => (await metric('switchyard_share_largest{share="connections-pending-per-address"}')) === 1,
    );
    expect(await here.refused(Network.directConnection, { ...asking, port: 5_001 }, one.sessionToken)).toMatchObject({
      code: RESOURCE_EXHAUSTED,
      reason: 'CONNECTION_LIMIT',
      message: '1 pending connections of one address are the limit (--connections-pending-per-address)',
      retryMs: 2_000,
    });
    const second = there.ask(Network.directConnection, asking, other.sessionToken);
    await expectSoon(async () => (await metric('switchyard_commands_total{kind="AskConnection",reason="ok"}')) === 2);
    attachment.call.cancel();
    await ask(at, Sessions.terminateSession, { cvid: 0, reason: '' }, asSession(peer.sessionToken));
    expect(await Promise.all([first, second])).toMatchObject([
      { refusal: { reason: 'PEER_LEFT' } },
      { refusal: { reason: 'PEER_LEFT' } },
    ]);
    expect(await metric('switchyard_share_largest{share="connections-pending-per-address"}')).toBe(0);
  });

  it('refuse the 2nd pending connection of one gRPC connection when its share is 1, also from an exempt address', async () => {
    await start({ 'connections-pending-per-connection': '1', 'address-exempt': '127.0.0.0/8' });
    const [one, other] = [await grpcFrom(HERE), await grpcFrom(HERE)];
    const [first, second] = [await one.get(Sessions.session, agent(1)), await one.get(Sessions.session, agent(2))];
    const third = await other.get(Sessions.session, agent(3));
    const peer = await ask(at, Sessions.session, agent(4));
    const attachment = open(at, Sessions.attach, {}, asSession(peer.sessionToken));
    await attachment.next();
    const asking = askingFor(peer.instanceSid);
    const asked = [one.ask(Network.directConnection, asking, first.sessionToken)];
    await expectSoon(
      async () => (await metric('switchyard_share_largest{share="connections-pending-per-connection"}')) === 1,
    );
    expect(await one.refused(Network.directConnection, asking, second.sessionToken)).toMatchObject({
      code: RESOURCE_EXHAUSTED,
      reason: 'CONNECTION_LIMIT',
      message: '1 pending connections of one connection are the limit (--connections-pending-per-connection)',
      retryMs: 2_000,
    });
    expect(await metric('switchyard_share_refused_total{share="connections-pending-per-connection"}')).toBe(1);
    asked.push(other.ask(Network.directConnection, asking, third.sessionToken));
    await expectSoon(async () => (await metric('switchyard_commands_total{kind="AskConnection",reason="ok"}')) === 2);
    attachment.call.cancel();
    await ask(at, Sessions.terminateSession, { cvid: 0, reason: '' }, asSession(peer.sessionToken));
    expect((await Promise.all(asked)).map((outcome) => 'refusal' in outcome && outcome.refusal.reason)).toEqual([
      'PEER_LEFT',
      'PEER_LEFT',
    ]);
    expect(await metric('switchyard_share_largest{share="connections-pending-per-connection"}')).toBe(0);
  });
});

/** A request for a connection to a session. */
function askingFor(cvid: number) {
  return {
    cvid,
    type: 1,
    port: 5_000,
    candidates: [],
    publicKey: Buffer.alloc(64, 1),
    roundTrip: undefined,
    connectionId: '',
    requestId: '',
    fallback: 0,
    relayVersion: 0,
  };
}

/** Waits until something holds; a test that waits for ever fails by its own limit. */
async function expectSoon(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await wait(20);
}

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { IdentityServiceService as Identities } from '../../../gen/switchyard/v1/identity.js';
import { SessionServiceService as Sessions } from '../../../gen/switchyard/v1/session_service.js';
import { StreamServiceService as Streams } from '../../../gen/switchyard/v1/stream_service.js';
import { TransportServiceService as Transports } from '../../../gen/switchyard/v1/transport_service.js';
import { systemClock } from '../../../src/client/system.js';
import { REASONS } from '../../../src/core/model/fault.js';
import { decodeBody } from '../../../src/system/codec/body.js';
import { decodeEvent, EVENTS } from '../../../src/system/codec/event.js';
import { ProofPurpose } from '../../../src/trust/signed-bytes.js';
import { RawTalk, agent as systemAgent, type Talk, talk } from '../../system/talking.js';
import { type Member, makeMember } from '../../trust/members.js';
import { keyOf, proofOf } from '../../trust/proving.js';
import { asAdmin, asHeaders, ask, type Running, refused, run } from '../running.js';

/** Calls a second that a client may make; of a device the policy says nothing. */
const RATE = 3;

describe('calls a second in the policy', () => {
  let at: Running;
  let nowMs = 0;
  let talking: Talk | undefined;
  // Stands still, so that a busy machine grants no calls.
  const clock = { ...systemClock, nowMs: () => nowMs };

  beforeAll(async () => {
    at = await run({ auth: 'required', 'system-tcp-listen': '127.0.0.1:0' }, { clock });
    const document = JSON.stringify({
      auth: 'required',
      grants: [{ from: ['*'], to: ['role:agent'] }],
      limits: { client: { calls_per_second: RATE } },
    });
    await ask(at, Identities.putPolicy, { document, validateOnly: false, ifRevision: undefined }, asAdmin());
  });
  afterAll(async () => {
    talking?.client.close();
    await at.stop();
  });

  const transports = ({ as }: Pick<Member, 'as'>) =>
    ask(at, Transports.enumerateTransport, { codeName: 'tcp', encrypted: false }, as);
  const spend = async (member: Pick<Member, 'as'>) => {
    for (let n = 0; n < RATE; n++) await transports(member);
    return refused(transports(member));
  };

  it('are kept over gRPC: one more is RATE_LIMITED with the time after which it is answered', async () => {
    const client = await makeMember(at, { number: 1, roles: ['client'] });
    const { reason, retryMs } = await spend(client);
    expect([reason, retryMs]).toEqual(['RATE_LIMITED', 334]);
    nowMs += 334;
    await transports(client);
    expect((await refused(transports(client))).reason).toBe('RATE_LIMITED');
  });

  it('are kept over system events, and counted together with those over gRPC', async () => {
    const uuid = (await makeMember(at, { number: 2, roles: ['client'] })).uuid;
    talking = await talk(`tcp://${at.server.addresses.tcp}`);
    const { client } = talking;
    const { binding: _, bindingKind: _kind, ...proof } = proofOf(keyOf(2), uuid, await client.ask('Challenge', {}), {});
    await client.ask('Session', { ...systemAgent(2), proof });
    const request = { codeName: 'tcp', encrypted: false };
    for (let n = 0; n < RATE; n++) await client.ask('EnumerateTransport', request);
    const error = await client.ask('EnumerateTransport', request).catch((one) => one);
    expect([error.reason, error.message]).toEqual(['RATE_LIMITED', expect.stringContaining('try again in 334 ms')]);
    const challenge = await ask(at, Identities.challenge, { network: 'default' });
    const login = proofOf(keyOf(2), uuid, challenge, { purpose: ProofPurpose.LOGIN });
    const { accessToken } = await ask(at, Identities.login, { proof: login });
    const elsewhere = asHeaders({ 'switchyard-access': accessToken });
    expect((await refused(transports({ as: elsewhere }))).reason).toBe('RATE_LIMITED');
    await client.ask('KeepAlive', {} as never);
  });

  it('count each watch over system events as one call, and answer the request for one too many, which ends no watch', async () => {
    const { uuid } = await makeMember(at, { number: 6, roles: ['client'] });
    const raw = await RawTalk.connect(at.server.addresses.tcp!);
    raw.sendEvent({ type: 'Challenge', body: {} }, 1);
    const challenge = decodeBody(EVENTS.Challenge.answerTable, (await raw.answer()).data!);
    if ('reason' in challenge) throw new Error(challenge.description);
    const { binding: _, bindingKind: _kind, ...proof } = proofOf(keyOf(6), uuid, challenge, {});
    raw.sendEvent({ type: 'Session', body: { ...systemAgent(6), proof } }, 2);
    expect(await raw.answer()).toMatchObject({ packetId: 2, code: 0 });
    const watch = { deltas: true, endpointsClosed: true };
    raw.sendEvent({ type: 'KeepAlive', body: { watch } }, 3);
    raw.sendEvent({ type: 'KeepAlive', body: { watch } }, 4);
    raw.sendEvent({ type: 'KeepAlive', body: { watch } }, 5);
    const answers = [];
    for (let n = 0; n < 5; n++) answers.push(await raw.answer());
    expect(answers.map(({ packetId, code }) => [packetId, code])).toEqual([
      [3, 0],
      [4, 0],
      [4, REASONS.RATE_LIMITED],
      [5, 0],
      [5, REASONS.RATE_LIMITED],
    ]);
    const { sid } = await makeMember(at, { number: 7, roles: ['agent'] });
    await raw.packets.until(({ event, body }) => {
      const told = event ? decodeEvent(body, 'client') : undefined;
      if (told === undefined || !('type' in told) || told.type !== 'NetworkDelta') return false;
      return told.body.nodeAdded?.some(({ cvid }) => cvid === sid) ?? false;
    });
    raw.socket.destroy();
  });

  it('never refuse what renews a session, ends something or answers', async () => {
    const client = await makeMember(at, { number: 3, roles: ['client'] });
    const device = await makeMember(at, { number: 4, roles: ['agent'] });
    const request = { params: undefined, sinkCvids: [device.sid], requestId: '' };
    const { stream } = await ask(at, Streams.createStream, request, client.as);
    nowMs += 1_000;
    expect((await spend(client)).reason).toBe('RATE_LIMITED');
    await ask(at, Sessions.keepAlive, {} as never, client.as);
    const answer = { orderId: 'o1', code: 0, description: '', data: Buffer.alloc(0) };
    expect((await refused(ask(at, Sessions.answer, answer, client.as))).reason).toBe('ORDER_NOT_FOUND');
    await ask(at, Streams.terminateStream, { id: stream!.id } as never, client.as);
    await ask(at, Sessions.terminateSession, { cvid: client.sid } as never, client.as);
  });

  it('do not hold up a role of which the policy says nothing', async () => {
    const device = await makeMember(at, { number: 5, roles: ['agent'] });
    for (let n = 0; n < RATE * 3; n++) await transports(device);
  });
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { IdentityServiceService as Identities } from '../../../gen/switchyard/v1/identity.js';
import type { Role } from '../../../src/core/model/trust/identity.js';
import type { Listeners } from '../../../src/system/client/index.js';
import type { EventBody } from '../../../src/system/codec/event.js';
import { ProofPurpose } from '../../../src/trust/signed-bytes.js';
import { agent, asAdmin, ask, type Running, run } from '../../grpc/running.js';
import { keyOf, proofOf } from '../../trust/proving.js';
import { type Talk, talk } from '../talking.js';

describe('system events where callers have to prove who they are', () => {
  let at: Running;
  const talks: Talk[] = [];
  let next = 1;

  beforeAll(async () => {
    at = await run({ auth: 'required', 'system-tcp-listen': '127.0.0.1:0' });
  });
  afterAll(async () => {
    for (const { client } of talks) client.close();
    await at.stop();
  });

  const connect = async (listeners: Partial<Listeners> = {}) => {
    const one = await talk(`tcp://${at.server.addresses.tcp}`, listeners);
    talks.push(one);
    return one;
  };

  async function prove({ client }: Talk, number: number, purpose: ProofPurpose) {
    const challenge = await client.ask('Challenge', {});
    expect(challenge.mode).toBe(3);
    const {
      binding: _,
      bindingKind: _kind,
      ...proof
    } = proofOf(keyOf(number), agent(number).instanceUuid, challenge, { purpose });
    return proof;
  }

  /** A new identity with a role, in a session of a connection of its own. */
  async function member(role: Role, listeners: Partial<Listeners> = {}) {
    const number = next++;
    const { instanceUuid } = agent(number);
    const identity = { identityUuid: instanceUuid, publicKey: keyOf(number).publicKey };
    await ask(at, Identities.bindKey, identity, asAdmin());
    const described = { kind: 0, roles: [role], name: '', labels: {}, updateMask: ['roles'] };
    await ask(at, Identities.updateIdentity, { ...described, identityUuid: instanceUuid }, asAdmin());
    const one = await connect(listeners);
    const proof = await prove(one, number, ProofPurpose.SESSION);
    const session = await one.client.ask('Session', { instanceUuid, instanceType: 2, proof });
    return { ...one, number, sid: session.instanceSid, token: session.sessionToken };
  }

  it('refuse a session without a proof, and what a stranger asks', async () => {
    const stranger = await connect();
    const session = { instanceUuid: agent(900).instanceUuid, instanceType: 2 };
    await expect(stranger.client.ask('Session', session)).rejects.toMatchObject({ reason: 'AUTH_REQUIRED' });
    await expect(stranger.client.ask('EnumerateTransport', {})).rejects.toMatchObject({ reason: 'AUTH_REQUIRED' });
    await expect(stranger.client.ask('CreateStream', { params: {} })).rejects.toMatchObject({
      reason: 'AUTH_REQUIRED',
    });
  });

  it('take a token only on a connection on which its identity has shown itself', async () => {
    const { token: sessionToken, number, sid } = await member('client');
    const other = await connect();
    await expect(other.client.ask('KeepAlive', { sessionToken })).rejects.toMatchObject({ reason: 'AUTH_REQUIRED' });
    const proof = await prove(other, number, ProofPurpose.ATTACH);
    await other.client.ask('KeepAlive', { sessionToken, proof });
    const sink = await member('agent');
    const { stream } = await other.client.ask('CreateStream', { params: {}, sinkCvids: [sink.sid] });
    expect(stream.ownerCvid).toBe(sid);
  });

  it('hide from an agent whom it has nothing to do with, and let a client reach it', async () => {
    const [one, other, client] = [await member('agent'), await member('agent'), await member('client')];
    const hidden = one.client.ask('CreateStream', { params: {}, sinkCvids: [other.sid] });
    await expect(hidden).rejects.toMatchObject({ reason: 'NODE_NOT_FOUND' });
    await expect(one.client.ask('TerminateSession', { cvid: other.sid })).rejects.toMatchObject({
      reason: 'SESSION_NOT_FOUND',
    });
    const granted = await client.client.ask('CreateStream', { params: {}, sinkCvids: [one.sid] });
    expect(granted.stream.id).toBeGreaterThan(0);
    await expect(client.client.ask('CreateStream', { params: {}, sinkCvids: [client.sid] })).rejects.toMatchObject({
      reason: expect.stringMatching(/PERMISSION_DENIED|FIELD_INVALID/),
    });
  });

  it('refuse to end the session of another in the words of the policy, and where it may be ended send the caller to gRPC', async () => {
    const [client, other, operator] = [await member('client'), await member('agent'), await member('operator')];
    await client.client.ask('CreateStream', { params: {}, sinkCvids: [other.sid] });
    await expect(client.client.ask('TerminateSession', { cvid: other.sid })).rejects.toMatchObject({
      reason: 'PERMISSION_DENIED',
      message: 'your roles do not allow session.terminate',
    });
    await expect(operator.client.ask('TerminateSession', { cvid: other.sid })).rejects.toMatchObject({
      reason: 'ADMIN_REQUIRED',
      message: 'over system events only the own session can be terminated: call TerminateSession over gRPC',
    });
  });

  it('tell an agent that is asked for a connection who asks, and which of its ports the policy lets that one reach', async () => {
    const policy = {
      auth: 'required',
      grants: [{ from: ['role:client'], to: ['role:agent'], ports: [443, '8000-8099'] }],
    };
    const { document: before } = await ask(at, Identities.getPolicy, {}, asAdmin());
    const put = (document: string) =>
      ask(at, Identities.putPolicy, { document, validateOnly: false, ifRevision: undefined }, asAdmin());
    await put(JSON.stringify(policy));
    const orders: EventBody<'Connection'>[] = [];
    const listen = (order: EventBody<'Connection'>) => {
      orders.push(order);
      return {};
    };
    const agentOf = await member('agent', { connection: listen });
    const client = await member('client');
    const wish = { cvid: agentOf.sid, type: 1, port: 5_000 };
    const { request } = await client.client.ask('DirectConnection', wish);
    const whom = { network: 'default', identityUuid: agent(client.number).instanceUuid, roles: ['client'] };
    const ranges = [
      { first: 443, last: 443 },
      { first: 8_000, last: 8_099 },
    ];
    expect(orders).toMatchObject([
      { peer: { ...whom, keyId: /^[0-9a-f]{64}$/.exec(orders[0].peer!.keyId)?.[0], ports: { ranges } } },
    ]);
    // Who asks is told who was asked, and reaches no port of its own by that.
    expect(request.peer).toMatchObject({ roles: ['agent'], identityUuid: agent(agentOf.number).instanceUuid });
    expect(request.peer?.ports).toBeUndefined();
    await put(before);
  });

  it('close the connection of a session whose identity loses its role, and say which permission is gone', async () => {
    const { client, number } = await member('client');
    const described = { kind: 0, roles: ['observer'], name: '', labels: {}, updateMask: ['roles'] };
    await ask(at, Identities.updateIdentity, { ...described, identityUuid: agent(number).instanceUuid }, asAdmin());
    expect(await client.closed).toMatchObject({ reason: 'PERMISSION_DENIED' });
    await expect(client.ask('EnumerateTransport', {})).rejects.toMatchObject({ reason: 'PERMISSION_DENIED' });
  });

  it('tell a session that its identity is revoked, and close its connection', async () => {
    const { client, ends, number, sid } = await member('client');
    const { instanceUuid: identityUuid } = agent(number);
    await ask(at, Identities.revokeIdentity, { identityUuid }, asAdmin());
    expect(await ends.next()).toMatchObject({ cvid: sid, reason: 5 });
    await client.closed;
  });
});

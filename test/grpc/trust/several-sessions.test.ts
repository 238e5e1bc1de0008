import { Client, credentials, type Metadata, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { IdentityServiceService as Identities, IdentityKind } from '../../../gen/switchyard/v1/identity.js';
import { NetworkServiceService as Network } from '../../../gen/switchyard/v1/network_service.js';
import { SessionServiceService as Sessions } from '../../../gen/switchyard/v1/session_service.js';
import { StreamServiceService as Streams } from '../../../gen/switchyard/v1/stream_service.js';
import type { Role } from '../../../src/core/model/trust/identity.js';
import { ProofPurpose, type SignedContent } from '../../../src/trust/signed-bytes.js';
import { type Talk, talk } from '../../system/talking.js';
import { keyOf, proofOf } from '../../trust/proving.js';
import { agent, asAdmin, asHeaders, ask, asSession, open, type Running, refused, run } from '../running.js';

const WATCH = { after: undefined, coalesce: false, cvids: [] };
const uuidOf = (number: number) => agent(number).instanceUuid;

describe('a person with several sessions, in a network whose policy requires proofs', () => {
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

  async function identity(kind: IdentityKind, roles: readonly Role[], name = '') {
    const number = next++;
    const identityUuid = uuidOf(number);
    await ask(at, Identities.bindKey, { identityUuid, publicKey: keyOf(number).publicKey }, asAdmin());
    const described = { kind, roles: [...roles], name, labels: {}, updateMask: ['kind', 'roles', 'name'] };
    await ask(at, Identities.updateIdentity, { identityUuid, ...described }, asAdmin());
    return number;
  }

  const person = (name = '') => identity(IdentityKind.PERSON, ['client'], name);

  /** A proof of a person for a session of an instance. */
  async function prove(number: number, signed: Partial<SignedContent>, via: Pick<Running, 'client'> = at) {
    return proofOf(keyOf(number), uuidOf(number), await ask(via, Identities.challenge, { network: '' }), signed);
  }

  /** One more session of a person, of an instance that is drawn for it. */
  async function opened(number: number, fields: { readonly name?: string } = {}) {
    const instance = next++;
    const proof = await prove(number, { instanceUuid: uuidOf(instance) });
    const { instanceSid, sessionToken, identity } = await ask(at, Sessions.session, {
      ...agent(instance),
      ...fields,
      proof,
    });
    return { instance, sid: instanceSid, as: asSession(sessionToken), identity };
  }

  const isThere = (as: Metadata) =>
    ask(at, Sessions.getSession, { cvid: 0 }, as).then(
      () => true,
      () => false,
    );

  it('opens two that live side by side, and each says whose it is', async () => {
    const anna = await person();
    const [one, two] = [await opened(anna), await opened(anna)];
    expect(one.identity).toMatchObject({ identityUuid: uuidOf(anna), kind: IdentityKind.PERSON, roles: ['client'] });
    expect([await isThere(one.as), await isThere(two.as)]).toEqual([true, true]);
    const known = await ask(at, Identities.whoAmI, {}, two.as);
    expect(known).toMatchObject({ cvid: two.sid, principal: { identityUuid: uuidOf(anna) } });
    const read = await ask(at, Identities.getIdentity, { identityUuid: uuidOf(anna) }, one.as);
    const cvids = [one.sid, two.sid].sort((x, y) => x - y);
    expect(read.identity).toMatchObject({ cvids, cvid: cvids[0] });
    const listed = await ask(at, Identities.listIdentities, { pageSize: 1_000, pageToken: '' }, asAdmin());
    expect(listed.identities.find(({ identityUuid }) => identityUuid === uuidOf(anna))?.cvids).toEqual(cvids);
  });

  it('opens 32 at once and no 33rd, by neither door, unless one of them ends or begins anew', async () => {
    const anna = await person();
    const sessions = [];
    for (let number = 0; number < 32; number++) sessions.push(await opened(anna));
    const instance = next++;
    const one = async () => ({
      ...agent(instance),
      proof: await prove(anna, { instanceUuid: uuidOf(instance) }),
    });
    const full = await refused(ask(at, Sessions.session, await one()));
    expect(full).toMatchObject({ code: status.RESOURCE_EXHAUSTED, reason: 'SESSION_LIMIT' });
    expect(full.message).toContain('32 sessions of one identity are the limit');
    const events = await talk(`tcp://${at.server.addresses.tcp}`);
    talks.push(events);
    const signed = { instanceUuid: uuidOf(instance) };
    const challenge = await events.client.ask('Challenge', {});
    const { binding: _, bindingKind: _kind, ...proof } = proofOf(keyOf(anna), uuidOf(anna), challenge, signed);
    const asked = events.client.ask('Session', { instanceUuid: uuidOf(instance), instanceType: 2, proof });
    await expect(asked).rejects.toMatchObject({ reason: 'SESSION_LIMIT' });
    for (const { as } of sessions) expect(await isThere(as)).toBe(true);
    // One that comes again takes its own place.
    const again = sessions[0]!.instance;
    const renewed = await prove(anna, { instanceUuid: uuidOf(again) });
    await ask(at, Sessions.session, { ...agent(again), proof: renewed });
    await ask(at, Sessions.terminateSession, { cvid: 0, reason: '' }, sessions[1]!.as);
    await ask(at, Sessions.session, await one());
    // Another person has sessions of its own.
    await opened(await person());
  });

  it('has one of them in each place of the graph, both under the name of the identity', async () => {
    const anna = await person('anna');
    const [one, two] = [await opened(anna), await opened(anna, { name: 'anna' })];
    for (const { sid, instance } of [one, two]) {
      const { node } = await ask(at, Network.getNode, { cvid: sid }, one.as);
      expect(node).toMatchObject({ name: 'anna', instanceUuid: uuidOf(instance) });
    }
    const proof = await prove(anna, { instanceUuid: uuidOf(next) });
    const wrong = await refused(ask(at, Sessions.session, { ...agent(next++), name: 'bert', proof }));
    expect(wrong).toMatchObject({ reason: 'FIELD_INVALID', fields: ['name'] });
  });

  it('asks for a stream from one of its sessions to the other as its grants say', async () => {
    const both = await identity(IdentityKind.SERVICE, ['client', 'agent']);
    const [one, two] = [await opened(both), await opened(both)];
    const request = { params: undefined, sinkCvids: [two.sid], requestId: '' };
    const { stream } = await ask(at, Streams.createStream, request, one.as);
    expect(stream?.sinks.map(({ cvid }) => cvid)).toEqual([two.sid]);
  });

  it('proves each of them on another connection, for the instance that it is of', async () => {
    const anna = await person();
    const [one, two] = [await opened(anna), await opened(anna)];
    const other = {
      client: new Client(at.address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 }),
    };
    try {
      const elsewhere = await refused(ask(other, Sessions.keepAlive, {}, one.as));
      expect(elsewhere.reason).toBe('AUTH_REQUIRED');
      const purpose = ProofPurpose.ATTACH;
      const mixed = await prove(anna, { purpose, instanceUuid: uuidOf(two.instance) }, other);
      expect((await refused(ask(other, Sessions.keepAlive, { proof: mixed }, one.as))).reason).toBe('PROOF_INVALID');
      const proof = await prove(anna, { purpose, instanceUuid: uuidOf(one.instance) }, other);
      await ask(other, Sessions.keepAlive, { proof }, one.as);
      // The identity has shown itself here, so all its sessions count here.
      await ask(other, Sessions.keepAlive, {}, two.as);
    } finally {
      other.client.close();
    }
  });

  it('is refused with a proof that names nobody but the instance, and one of somebody else', async () => {
    const [anna, bert] = [await person(), await person()];
    const instance = next++;
    const unnamed = await prove(anna, { instanceUuid: uuidOf(instance) });
    const request = { ...agent(instance), proof: { ...unnamed, identityUuid: '' } };
    expect((await refused(ask(at, Sessions.session, request))).reason).toMatch(/^(PROOF_INVALID|AUTH_REQUIRED)$/);
    const foreign = { ...(await prove(anna, { instanceUuid: uuidOf(instance) })), identityUuid: uuidOf(bert) };
    expect((await refused(ask(at, Sessions.session, { ...agent(instance), proof: foreign }))).reason).toBe(
      'PROOF_INVALID',
    );
    const device = await identity(IdentityKind.INSTANCE, ['agent']);
    const taken = await prove(anna, { instanceUuid: uuidOf(device) });
    expect((await refused(ask(at, Sessions.session, { ...agent(device), proof: taken }))).reason).toBe(
      'IDENTITY_MISMATCH',
    );
    const another = await prove(device, { instanceUuid: uuidOf(instance) });
    expect((await refused(ask(at, Sessions.session, { ...agent(instance), proof: another }))).reason).toBe(
      'IDENTITY_MISMATCH',
    );
  });

  it('loses all of them, and what runs in them, in the revision in which it is revoked', async () => {
    const anna = await person();
    const [one, two] = [await opened(anna), await opened(anna)];
    const watches = [one, two].map(({ as }) => open(at, Network.watchNetworkDelta, WATCH, as));
    await Promise.all(watches.map((watch) => watch.next()));
    const attached = open(at, Sessions.attach, {}, two.as);
    await attached.next();
    await ask(at, Identities.revokeIdentity, { identityUuid: uuidOf(anna) }, asAdmin());
    for (const watch of [...watches, attached]) {
      expect((await watch.ending()).reason).toMatch(/^(IDENTITY_REVOKED|SESSION_REVOKED|AUTH_REQUIRED)$/);
    }
    expect([await isThere(one.as), await isThere(two.as)]).toEqual([false, false]);
  });

  it('loses its watches in all of them when it loses its role', async () => {
    const anna = await person();
    const [one, two] = [await opened(anna), await opened(anna)];
    const watches = [one, two].map(({ as }) => open(at, Network.watchNetworkDelta, WATCH, as));
    await Promise.all(watches.map((watch) => watch.next()));
    const update = { identityUuid: uuidOf(anna), kind: 0, roles: ['agent'], name: '', labels: {} };
    await ask(at, Identities.updateIdentity, { ...update, updateMask: ['roles'] }, asAdmin());
    for (const watch of watches) expect((await watch.ending()).reason).toBe('PERMISSION_DENIED');
  });

  it('sends an access token and the token of one of its sessions in one call', async () => {
    const [anna, bert] = [await person(), await person()];
    const login = { proof: await prove(anna, { purpose: ProofPurpose.LOGIN }) };
    const { accessToken } = await ask(at, Identities.login, login);
    const [own, foreign] = [await opened(anna), await opened(bert)];
    const both = ({ as }: { readonly as: Metadata }) =>
      asHeaders({ 'switchyard-access': accessToken, 'switchyard-session': String(as.get('switchyard-session')[0]) });
    expect((await ask(at, Identities.whoAmI, {}, both(own))).cvid).toBe(own.sid);
    expect((await refused(ask(at, Identities.whoAmI, {}, both(foreign)))).reason).toBe('IDENTITY_MISMATCH');
  });

  it('has others by system events, which end with them', async () => {
    const anna = await person();
    const one = await opened(anna);
    const two = await talk(`tcp://${at.server.addresses.tcp}`);
    talks.push(two);
    const instance = next++;
    const challenge = await two.client.ask('Challenge', {});
    const signed = { instanceUuid: uuidOf(instance) };
    const { binding: _, bindingKind: _kind, ...proof } = proofOf(keyOf(anna), uuidOf(anna), challenge, signed);
    const request = { instanceUuid: uuidOf(instance), instanceType: 2, proof };
    const { instanceSid, identity: principal } = await two.client.ask('Session', request);
    expect(principal).toMatchObject({ identityUuid: uuidOf(anna), kind: IdentityKind.PERSON });
    const { identity: read } = await ask(at, Identities.getIdentity, { identityUuid: uuidOf(anna) }, one.as);
    expect(read?.cvids).toEqual([one.sid, instanceSid].sort((x, y) => x - y));
    await ask(at, Identities.revokeIdentity, { identityUuid: uuidOf(anna) }, asAdmin());
    await expect(two.client.ask('KeepAlive', {})).rejects.toBeDefined();
    expect(await isThere(one.as)).toBe(false);
  });
});

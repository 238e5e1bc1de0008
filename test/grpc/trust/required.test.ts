import { Client, credentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { IdentityServiceService as Identities, IdentityKind } from '../../../gen/switchyard/v1/identity.js';
import { LinkType } from '../../../gen/switchyard/v1/link.js';
import { LinkState, NetworkServiceService as Network } from '../../../gen/switchyard/v1/network_service.js';
import { ServerServiceService as Servers } from '../../../gen/switchyard/v1/server.js';
import { SessionServiceService as Sessions } from '../../../gen/switchyard/v1/session_service.js';
import { StreamServiceService as Streams } from '../../../gen/switchyard/v1/stream_service.js';
import type { Role } from '../../../src/core/model/trust/identity.js';
import { ProofPurpose } from '../../../src/trust/signed-bytes.js';
import { keyOf, proofOf } from '../../trust/proving.js';
import { agent, asAdmin, ask, asSession, open, type Running, refused, run } from '../running.js';

const PAGE = { pageSize: 10, pageToken: '' };
const LINK = {
  link: LinkType.TRANSPORT_TCP,
  state: LinkState.ESTABLISHED,
  connectionId: '',
  path: 0,
  roundTrip: undefined,
  failed: false,
};
const LISTING = { ...PAGE, instanceType: 0, instanceUuid: '' };

/** The request for a stream to a session. */
function streamTo(sid: number) {
  return { params: undefined, sinkCvids: [sid], requestId: '' };
}

/** A proof of an instance for a purpose, over a challenge of its own. */
async function prove(at: Running, number: number, purpose: ProofPurpose) {
  const challenge = await ask(at, Identities.challenge, { network: '' });
  return proofOf(keyOf(number), agent(number).instanceUuid, challenge, { purpose });
}

/** Binds the key of an instance and gives it roles, as an administrator. */
async function approve(at: Running, number: number, roles: readonly Role[], name = '') {
  const { instanceUuid: identityUuid } = agent(number);
  await ask(at, Identities.bindKey, { identityUuid, publicKey: keyOf(number).publicKey }, asAdmin());
  await describeIdentity(at, number, roles, name);
}

async function describeIdentity(at: Running, number: number, roles: readonly Role[], name = '') {
  const described = { kind: IdentityKind.INSTANCE, roles: [...roles], name, labels: {} };
  const updateMask = ['roles', 'name'];
  const { instanceUuid: identityUuid } = agent(number);
  return ask(at, Identities.updateIdentity, { identityUuid, ...described, updateMask }, asAdmin());
}

/** Opens a session by a proof. */
async function openProven(at: Running, number: number, fields: { readonly name?: string } = {}) {
  const proof = await prove(at, number, ProofPurpose.SESSION);
  const { instanceSid, sessionToken } = await ask(at, Sessions.session, {
    ...agent(number),
    name: '',
    ...fields,
    proof,
  });
  return { sid: instanceSid, as: asSession(sessionToken) };
}

describe('a network whose policy requires proofs', () => {
  let at: Running;
  let next = 1;

  beforeAll(async () => {
    at = await run({ auth: 'required' });
  });
  afterAll(() => at.stop());

  /** A session of a new identity with these roles. */
  async function member(...roles: Role[]) {
    const number = next++;
    await approve(at, number, roles);
    return { number, ...(await openProven(at, number)) };
  }

  it('says so in Challenge, and tells nobody more than the version and the UUID of the server', async () => {
    const { mode, serverUuid } = await ask(at, Identities.challenge, { network: '' });
    expect(mode).toBe(3);
    const server = await ask(at, Servers.getServer, {});
    expect(server).toMatchObject({ serverUuid, serverSid: 0, position: undefined, addresses: [], limits: [] });
    expect(server.version).not.toBe('');
    const known = await ask(at, Servers.getServer, {}, (await member('agent')).as);
    expect(known.position?.revision).toBeGreaterThan(0n);
    expect(known.limits).toEqual([]);
    expect((await ask(at, Servers.getServer, {}, (await member('operator')).as)).limits).not.toEqual([]);
  });

  it('refuses a session without a proof, with a key that is not known, and of an identity without a role', async () => {
    const number = next++;
    const before = await ask(at, Identities.listIdentities, PAGE, asAdmin());
    expect(await refused(ask(at, Sessions.session, agent(number)))).toMatchObject({ reason: 'AUTH_REQUIRED' });
    expect(await refused(openProven(at, number))).toMatchObject({ reason: 'AUTH_REQUIRED' });
    expect((await ask(at, Identities.listIdentities, PAGE, asAdmin())).identities).toEqual(before.identities);
    await approve(at, number, []);
    expect(await refused(openProven(at, number))).toMatchObject({ reason: 'AUTH_REQUIRED' });
    await describeIdentity(at, number, ['observer']);
    expect(await refused(openProven(at, number))).toMatchObject({ reason: 'PERMISSION_DENIED' });
    await describeIdentity(at, number, ['agent']);
    expect((await openProven(at, number)).sid).toBeGreaterThan(0);
  });

  it('refuses every call without a credential, and names the permission', async () => {
    const refusals = [
      refused(ask(at, Sessions.listSessions, LISTING)),
      refused(ask(at, Network.getNode, { cvid: 1 })),
      refused(ask(at, Identities.whoAmI, {})),
      refused(ask(at, Identities.listIdentities, PAGE)),
    ];
    expect((await Promise.all(refusals)).map(({ reason }) => reason)).toEqual(Array(4).fill('AUTH_REQUIRED'));
  });

  it('shows an agent itself and its peers, and everything else exactly as what is not there', async () => {
    const [one, other, client] = [await member('agent'), await member('agent'), await member('client')];
    expect((await ask(at, Network.getNode, { cvid: one.sid }, one.as)).node?.cvid).toBe(one.sid);
    const unknown = 2 ** 30 + 2;
    const asked = (cvid: number) =>
      Promise.all([
        refused(ask(at, Network.getNode, { cvid }, one.as)),
        refused(ask(at, Sessions.getSession, { cvid }, one.as)),
        refused(ask(at, Sessions.terminateSession, { cvid, reason: '' }, one.as)),
        refused(ask(at, Network.reportLink, { ...LINK, peerCvid: cvid }, one.as)),
        refused(ask(at, Streams.createStream, streamTo(cvid), one.as)),
      ]);
    const hidden = (await asked(other.sid)).map((refusal) =>
      JSON.stringify(refusal).replaceAll(String(other.sid), 'SID'),
    );
    const missing = (await asked(unknown)).map((refusal) => JSON.stringify(refusal).replaceAll(String(unknown), 'SID'));
    expect(hidden).toEqual(missing);
    expect(hidden.every((refusal) => refusal.includes('NOT_FOUND'))).toBe(true);
    // A stream of a client's leads to it: then they know of each other.
    await ask(at, Streams.createStream, streamTo(one.sid), client.as);
    expect((await ask(at, Network.getNode, { cvid: client.sid }, one.as)).node?.cvid).toBe(client.sid);
    expect(await refused(ask(at, Sessions.listSessions, LISTING, one.as))).toMatchObject({
      reason: 'PERMISSION_DENIED',
    });
    expect((await ask(at, Sessions.listSessions, LISTING, client.as)).sessions.length).toBeGreaterThan(2);
  });

  it('lets clients reach agents and nobody else', async () => {
    const [first, second] = [await member('client'), await member('client')];
    const denied = await refused(ask(at, Streams.createStream, streamTo(second.sid), first.as));
    expect(denied).toMatchObject({ reason: 'PERMISSION_DENIED', metadata: { permission: 'stream.create' } });
    const operator = await member('operator');
    expect((await ask(at, Sessions.getSession, { cvid: second.sid }, operator.as)).session?.cvid).toBe(second.sid);
    expect(await refused(ask(at, Identities.listIdentities, PAGE, operator.as))).toMatchObject({
      reason: 'PERMISSION_DENIED',
      metadata: { permission: 'identity.read' },
    });
  });

  it('takes the token of a session only on connections on which its identity has shown itself', async () => {
    const { number, as, sid } = await member('client');
    const client = new Client(at.address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
    const there = { ...at, client };
    try {
      expect(await refused(ask(there, Sessions.listSessions, LISTING, as))).toMatchObject({ reason: 'AUTH_REQUIRED' });
      expect(await refused(ask(there, Sessions.keepAlive, {}, as))).toMatchObject({ reason: 'AUTH_REQUIRED' });
      const proof = await prove(there, number, ProofPurpose.ATTACH);
      await ask(there, Sessions.keepAlive, { proof }, as);
      expect((await ask(there, Sessions.getSession, { cvid: 0 }, as)).session?.cvid).toBe(sid);
      expect((await ask(at, Sessions.getSession, { cvid: 0 }, as)).session?.cvid).toBe(sid);
    } finally {
      client.close();
    }
  });

  it('ends a watch when its reader loses the role, and refuses what it asks for next', async () => {
    const { number, as } = await member('client');
    const watching = open(at, Network.watchNetworkDelta, { after: undefined, coalesce: false, cvids: [] }, as);
    await watching.next();
    await describeIdentity(at, number, ['agent']);
    expect(await watching.ending()).toMatchObject({ reason: 'PERMISSION_DENIED' });
    expect(await refused(ask(at, Sessions.listSessions, LISTING, as))).toMatchObject({ reason: 'PERMISSION_DENIED' });
  });

  it("gives a session its identity's name, and keeps what it says of itself apart", async () => {
    const number = next++;
    await approve(at, number, ['agent'], 'boat-7');
    expect(await refused(openProven(at, number, { name: 'boat-8' }))).toMatchObject({ fields: ['name'] });
    const proof = await prove(at, number, ProofPurpose.SESSION);
    const request = { ...agent(number), name: 'boat-7', labels: { site: 'Kiel' }, proof };
    const { sessionToken } = await ask(at, Sessions.session, request);
    const { session } = await ask(at, Sessions.getSession, { cvid: 0 }, asSession(sessionToken));
    expect(session).toMatchObject({ name: 'boat-7', labels: { 'self/site': 'Kiel' } });
  });
});

describe("a session's token where sessions are bound to no connection (--session-binding none)", () => {
  it('is good on a connection on which nothing was proved, and opens no session in its place', async () => {
    const at = await run({ auth: 'required', 'session-binding': 'none' });
    const client = new Client(at.address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
    const there = { ...at, client };
    try {
      const number = 1;
      await approve(at, number, ['client']);
      const { sid, as } = await openProven(at, number);
      await ask(there, Sessions.keepAlive, {}, as);
      expect((await ask(there, Sessions.getSession, { cvid: 0 }, as)).session?.cvid).toBe(sid);
      // The token alone does not stand for the key.
      expect(await refused(ask(there, Sessions.session, agent(number), as))).toMatchObject({ reason: 'AUTH_REQUIRED' });
      expect((await ask(at, Sessions.getSession, { cvid: 0 }, as)).session?.cvid).toBe(sid);
    } finally {
      client.close();
      await at.stop();
    }
  });
});

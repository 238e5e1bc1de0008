import type { ServerResponse } from 'node:http';
import { Client, credentials } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  IdentityServiceService as Identities,
  IdentityKind,
  PrincipalVia,
} from '../../../gen/switchyard/v1/identity.js';
import { SessionServiceService as Sessions } from '../../../gen/switchyard/v1/session_service.js';
import { IssuerLogins } from '../../../src/replica/access/issuer-logins.js';
import { subjectUuid } from '../../../src/trust/oidc/subject-uuid.js';
import { keySet, makeKey, TestIssuer } from '../../trust/oidc/issuer.js';
import { agent, asAdmin, asHeaders, ask, asSession, open, type Running, refused, run } from '../running.js';

const WATCH = { after: undefined, cvids: [] };
const LISTING = { pageSize: 10, pageToken: '', instanceType: 0, instanceUuid: '' };
let issuer: TestIssuer;
let at: Running;

beforeAll(async () => {
  issuer = await TestIssuer.start();
});
afterAll(() => issuer.stop());
beforeEach(async () => {
  issuer.keys = [makeKey('first')];
  issuer.answer = undefined;
  at = await run({ auth: 'required', 'oidc-ca': issuer.authorityFile });
  await putPolicy({});
});
afterEach(() => at.stop());

/** Puts a policy that takes tokens of the issuer: operators are those of the group `ops`, and all others of `staff` are clients. */
function putPolicy(row: object, rest: object = {}) {
  const roles = [
    { claim: 'groups', has: 'ops', give: ['operator'] },
    { claim: 'groups', has: 'staff', give: ['client'] },
  ];
  const issuers = [{ issuer: issuer.url, audience: ['switchyard'], roles, ...row }];
  const document = JSON.stringify({ auth: 'required', issuers, ...rest });
  return ask(at, Identities.putPolicy, { document, validateOnly: false, ifRevision: undefined }, asAdmin());
}

const bearer = (token: string, more: Record<string, string> = {}) =>
  asHeaders({ authorization: `Bearer ${token}`, ...more });
const staff = (claims: object = {}) => issuer.token({ sub: 'anna', groups: ['staff'], ...claims });
const anna = () => subjectUuid('default', issuer.url, 'anna');

describe('a caller with a token of an issuer', () => {
  it('is an identity that comes with its first call, with the roles that the policy gives to its claims', async () => {
    const { principal } = await ask(at, Identities.whoAmI, {}, bearer(await staff()));
    expect(principal).toMatchObject({
      identityUuid: anna(),
      kind: IdentityKind.PERSON,
      roles: ['client'],
      via: PrincipalVia.ISSUER,
    });
    await ask(at, Sessions.listSessions, LISTING, bearer(await staff()));
    const { identity } = await ask(at, Identities.getIdentity, { identityUuid: anna() }, asAdmin());
    const vouched = `${issuer.url} anna`;
    expect(identity?.keys).toMatchObject([{ vouched, origin: 6, publicKey: Buffer.alloc(0) }]);
    expect(
      (await refused(ask(at, Identities.listIdentities, { pageSize: 1, pageToken: '' }, bearer(await staff())))).reason,
    ).toBe('PERMISSION_DENIED');
  });

  it('is nobody when the policy gives it no role, and nothing of it is stored', async () => {
    const { reason, message } = await refused(
      ask(at, Identities.whoAmI, {}, bearer(await staff({ groups: ['guests'] }))),
    );
    expect({ reason, message }).toEqual({
      reason: 'AUTH_REQUIRED',
      message: `the policy gives "anna" of ${issuer.url} no role`,
    });
    const found = ask(at, Identities.getIdentity, { identityUuid: anna() }, asAdmin());
    expect((await refused(found)).reason).toBe('IDENTITY_NOT_FOUND');
  });

  it('gets the roles of its newest token, and an older one does not give them back', async () => {
    const nowS = Math.floor(Date.now() / 1_000);
    const old = await staff({ groups: ['ops'], iat: nowS - 10 });
    await ask(at, Identities.listTickets, { pageSize: 1, pageToken: '' }, bearer(old));
    await ask(at, Identities.whoAmI, {}, bearer(await staff()));
    const asked = ask(at, Identities.listTickets, { pageSize: 1, pageToken: '' }, bearer(old));
    expect((await refused(asked)).reason).toBe('PERMISSION_DENIED');
    const { principal } = await ask(at, Identities.whoAmI, {}, bearer(await staff({ groups: [] })));
    expect(principal?.roles).toEqual([]);
  });

  it('gets the roles of the policy that has come while its token was checked', async () => {
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let isAsked = false;
    issuer.answer = async (path, response) => {
      isAsked = true;
      await released;
      const discovery = { issuer: issuer.url, jwks_uri: `${issuer.url}/jwks` };
      response.end(JSON.stringify(path === '/jwks' ? await keySet(issuer.keys) : discovery));
    };
    const asked = ask(at, Identities.whoAmI, {}, bearer(await staff({ groups: ['ops'] })));
    while (!isAsked) await new Promise((resolve) => void setTimeout(resolve, 5));
    await putPolicy({ roles: [{ claim: 'groups', has: 'ops', give: ['observer'] }] });
    release();
    expect((await asked).principal?.roles).toEqual(['observer']);
  });

  it('loses what another policy gives no more with its next call, also in what it has begun', async () => {
    const watch = open(at, Sessions.watchSessions, WATCH, bearer(await staff()));
    await watch.next();
    await putPolicy({ roles: [{ claim: 'groups', has: 'ops', give: ['operator'] }] });
    const { principal } = await ask(at, Identities.whoAmI, {}, bearer(await staff({ jti: 'next' })));
    expect(principal?.roles).toEqual([]);
    expect((await watch.ending()).reason).toBe('AUTH_REQUIRED');
    await putPolicy({ audience: ['another'] });
    expect((await refused(ask(at, Identities.whoAmI, {}, bearer(await staff())))).reason).toBe('PROOF_INVALID');
  });

  it('is refused in all that it has begun when its identity is revoked, by every other token, too', async () => {
    const watch = open(at, Sessions.watchSessions, WATCH, bearer(await staff()));
    await watch.next();
    await ask(at, Identities.revokeIdentity, { identityUuid: anna() }, asAdmin());
    expect((await watch.ending()).reason).toBe('AUTH_REQUIRED');
    for (const token of [await staff(), await staff({ jti: 'another' })]) {
      expect((await refused(ask(at, Identities.whoAmI, {}, bearer(token)))).reason).toBe('IDENTITY_REVOKED');
    }
  });

  it('gets no access token by an issuer that a policy drops between the check of its token and the login', async () => {
    const token = await staff();
    const { accept } = IssuerLogins.prototype;
    const checked = jest.spyOn(IssuerLogins.prototype, 'accept').mockImplementation(async function (
      this: IssuerLogins,
      ...given
    ) {
      const holder = await accept.apply(this, given);
      await putPolicy({}, { issuers: [] });
      return holder;
    });
    try {
      const asked = ask(at, Identities.login, { proof: undefined }, bearer(token));
      expect(await refused(asked)).toMatchObject({
        reason: 'AUTH_REQUIRED',
        message: expect.stringContaining('taken away while it was checked'),
      });
    } finally {
      checked.mockRestore();
    }
  });

  it('is refused in all that it has begun when the policy names its issuer no more', async () => {
    const { accessToken } = await ask(at, Identities.login, { proof: undefined }, bearer(await staff()));
    const access = asHeaders({ 'switchyard-access': accessToken });
    await ask(at, Sessions.listSessions, LISTING, access);
    const watches = [bearer(await staff()), access].map((as) => open(at, Sessions.watchSessions, WATCH, as));
    const { sessionToken } = await ask(
      at,
      Sessions.session,
      { ...agent(1), instanceUuid: anna() },
      bearer(await staff()),
    );
    watches.push(open(at, Sessions.watchSessions, WATCH, asSession(sessionToken)));
    for (const watch of watches) await watch.next();
    await putPolicy({}, { issuers: [] });
    for (const watch of watches) expect((await watch.ending()).reason).toBe('AUTH_REQUIRED');
    expect((await refused(ask(at, Sessions.listSessions, LISTING, access))).reason).toBe('AUTH_REQUIRED');
    expect((await refused(ask(at, Identities.whoAmI, {}, bearer(await staff())))).reason).toBe('PROOF_INVALID');
    // An access token stays dead when another policy names the issuer again.
    await putPolicy({});
    expect((await refused(ask(at, Sessions.listSessions, LISTING, access))).reason).toBe('AUTH_REQUIRED');
    await ask(at, Sessions.listSessions, LISTING, bearer(await staff()));
  });

  it('opens several sessions side by side, each of an instance that is drawn for it', async () => {
    const opened = [1, 2].map(async (number) => ask(at, Sessions.session, agent(number), bearer(await staff())));
    for (const { sessionToken, identity } of await Promise.all(opened)) {
      expect(identity).toMatchObject({ identityUuid: anna(), roles: ['client'] });
      await ask(at, Sessions.keepAlive, {}, asSession(sessionToken));
    }
    const { identity } = await ask(at, Identities.getIdentity, { identityUuid: anna() }, asAdmin());
    expect(identity?.cvids).toHaveLength(2);
    const own = await ask(at, Sessions.session, { ...agent(3), instanceUuid: anna() }, bearer(await staff()));
    expect(own.instanceSid).toBeGreaterThan(0);
    const bert = bearer(await staff({ sub: 'bert' }));
    expect((await refused(ask(at, Sessions.session, agent(1), bert))).reason).toBe('IDENTITY_MISMATCH');
    const taken = ask(at, Sessions.session, { ...agent(4), instanceUuid: anna() }, bert);
    expect((await refused(taken)).reason).toBe('IDENTITY_MISMATCH');
  });

  it('opens the session of its own identity, which counts where it has shown itself', async () => {
    const as = bearer(await staff());
    const mine = { ...agent(1), instanceUuid: anna() };
    const { sessionToken, identity } = await ask(at, Sessions.session, mine, as);
    expect(identity).toMatchObject({ identityUuid: anna(), roles: ['client'] });
    await ask(at, Sessions.keepAlive, { proof: undefined }, asSession(sessionToken));
    const other = {
      client: new Client(at.address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 }),
    };
    const elsewhere = ask(other, Sessions.keepAlive, { proof: undefined }, asSession(sessionToken));
    expect((await refused(elsewhere)).reason).toBe('AUTH_REQUIRED');
    const shown = bearer(await staff(), { 'switchyard-session': sessionToken });
    await ask(other, Sessions.keepAlive, { proof: undefined }, shown);
    await ask(other, Sessions.keepAlive, { proof: undefined }, asSession(sessionToken));
    other.client.close();
    const bert = bearer(await staff({ sub: 'bert' }), { 'switchyard-session': sessionToken });
    expect((await refused(ask(at, Identities.whoAmI, {}, bert))).reason).toBe('IDENTITY_MISMATCH');
  });

  it('goes on with keys that the server has while its issuer is away, and is told to come again where it has none', async () => {
    await ask(at, Identities.whoAmI, {}, bearer(await staff()));
    const asked = issuer.fetches;
    issuer.answer = (_path, response) => response.writeHead(503).end();
    await ask(at, Identities.whoAmI, {}, bearer(await staff({ jti: 'next' })));
    expect(issuer.fetches).toBe(asked);
    const other = await run({ auth: 'required', 'oidc-ca': issuer.authorityFile });
    try {
      const document = JSON.stringify({
        issuers: [{ issuer: issuer.url, audience: ['switchyard'], roles: [{ give: ['client'] }] }],
      });
      await ask(other, Identities.putPolicy, { document, validateOnly: false, ifRevision: undefined }, asAdmin());
      const { reason, code, retryMs } = await refused(ask(other, Identities.whoAmI, {}, bearer(await staff())));
      expect({ reason, code }).toEqual({ reason: 'ISSUER_UNAVAILABLE', code: 14 });
      expect(retryMs).toBeGreaterThan(0);
    } finally {
      await other.stop();
    }
  });

  it.each<[string, (path: string, response: ServerResponse) => void]>([
    ['a redirect', (_path, response) => response.writeHead(302, { location: 'https://127.0.0.1:1/' }).end()],
    ['a document of 300 KiB', (_path, response) => response.end(`{"x":"${'y'.repeat(307_200)}"}`)],
    ['what is no JSON', (_path, response) => response.end('<html>')],
    ['a connection that breaks', (_path, response) => response.destroy()],
  ])('is told to come again when its issuer answers with %s', async (_, answer) => {
    issuer.answer = answer;
    expect((await refused(ask(at, Identities.whoAmI, {}, bearer(await staff())))).reason).toBe('ISSUER_UNAVAILABLE');
  });

  it('is told to come again when the certificate of its issuer is of no authority that the server knows', async () => {
    const other = await run({ auth: 'required' });
    try {
      const document = JSON.stringify({ issuers: [{ issuer: issuer.url, audience: ['switchyard'] }] });
      await ask(other, Identities.putPolicy, { document, validateOnly: false, ifRevision: undefined }, asAdmin());
      const asked = ask(other, Identities.whoAmI, {}, bearer(await staff()));
      expect((await refused(asked)).reason).toBe('ISSUER_UNAVAILABLE');
    } finally {
      await other.stop();
    }
  });

  it('may bring other kinds of authorization, which say nothing here', async () => {
    const { reason } = await refused(ask(at, Identities.whoAmI, {}, asHeaders({ authorization: 'Basic eDp5' })));
    expect(reason).toBe('AUTH_REQUIRED');
  });
});

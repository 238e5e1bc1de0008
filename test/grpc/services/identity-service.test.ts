import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Client, credentials, type Metadata, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  AuthMode,
  IdentityServiceService as Identities,
  IdentityKind,
  KeyOrigin,
  PrincipalVia,
} from '../../../gen/switchyard/v1/identity.js';
import { CloseReason } from '../../../gen/switchyard/v1/network.js';
import { NetworkServiceService as Network } from '../../../gen/switchyard/v1/network_service.js';
import { SessionServiceService as Sessions } from '../../../gen/switchyard/v1/session_service.js';
import { leafKeyIdOf } from '../../../src/server/certificates/certificates.js';
import { ProofPurpose, type SignedContent } from '../../../src/trust/signed-bytes.js';
import type { SigningKey } from '../../../src/trust/signing-key.js';
import { keyOf, proofOf } from '../../trust/proving.js';
import { agent, asAdmin, ask, asSession, open, type Running, refused, run } from '../running.js';

const CERT = fileURLToPath(new URL('../../client/tls/cert.pem', import.meta.url));
const KEY = fileURLToPath(new URL('../../client/tls/key.pem', import.meta.url));

/** A proof over a challenge of its own. */
async function prove(at: Running, uuid: string, key: SigningKey, signed: Partial<SignedContent> = {}) {
  return proofOf(key, uuid, await ask(at, Identities.challenge, { network: '' }), signed);
}

/** Opens a session by a key. */
async function openBy(at: Running, number: number, key: SigningKey) {
  const request = agent(number);
  return ask(at, Sessions.session, { ...request, proof: await prove(at, request.instanceUuid, key) });
}

function uuidOf(number: number): string {
  return agent(number).instanceUuid;
}

describe('keys over gRPC', () => {
  let at: Running;
  let next = 1;

  beforeAll(async () => {
    at = await run({ auth: 'open' });
  });
  afterAll(() => at.stop());

  it('Challenge says everything that the signed bytes need, and answers alike for a network that is not there', async () => {
    const one = await ask(at, Identities.challenge, { network: '' });
    const other = await ask(at, Identities.challenge, { network: 'nowhere' });
    for (const answer of [one, other]) {
      expect(answer).toMatchObject({ mode: AuthMode.OPEN, validFor: { seconds: 60n, nanos: 0 } });
      expect(answer.nonce).toHaveLength(40);
      expect(Math.abs(answer.serverTime!.getTime() - Date.now())).toBeLessThan(60_000);
    }
    expect(other.serverUuid).toBe(one.serverUuid);
    // Every network has an epoch of its own, and one that is not there looks as if it had.
    expect(other.epoch).toHaveLength(one.epoch.length);
    expect(other.epoch).not.toBe(one.epoch);
    expect(other.nonce.equals(one.nonce)).toBe(false);
    for (const network of ['UPPER', 'a b', 'x'.repeat(33)]) {
      expect(await refused(ask(at, Identities.challenge, { network }))).toMatchObject({ fields: ['network'] });
    }
  });

  it('the first key binds its instance, and the answer and WhoAmI say as whom the session was opened', async () => {
    const number = next++;
    const { sessionToken, instanceSid, identity } = await openBy(at, number, keyOf(1));
    const principal = {
      network: 'default',
      identityUuid: uuidOf(number),
      kind: IdentityKind.INSTANCE,
      keyId: keyOf(1).keyId.toString('hex'),
      roles: [],
      name: '',
      via: PrincipalVia.SESSION,
    };
    expect(identity).toEqual(principal);
    const who = await ask(at, Identities.whoAmI, {}, asSession(sessionToken));
    const mode = AuthMode.OPEN;
    expect(who).toEqual({ principal, cvid: instanceSid, administrator: false, mode });
    expect(await ask(at, Identities.whoAmI, {}, asAdmin())).toEqual({
      principal: undefined,
      cvid: 0,
      administrator: true,
      mode,
    });
  });

  it('a fleet is not taken over with the UUIDs of the public list: 200 of 200 sessions stand', async () => {
    const numbers = Array.from({ length: 200 }, () => next++);
    const sids = await Promise.all(
      numbers.map(async (number) => (await openBy(at, number, keyOf(number))).instanceSid),
    );
    const uuids = new Set(numbers.map(uuidOf));
    const page = { pageSize: 1_000, pageToken: '', instanceType: 0, instanceUuid: '' };
    const listed = (await ask(at, Sessions.listSessions, page)).sessions.filter((one) => uuids.has(one.instanceUuid));
    expect(listed).toHaveLength(200);
    const thief = keyOf(-1);
    const reasons = await Promise.all(
      listed.flatMap(({ instanceUuid }) => {
        const request = { ...agent(1), instanceUuid };
        const byThief = prove(at, instanceUuid, thief).then((proof) =>
          ask(at, Sessions.session, { ...request, proof }),
        );
        return [refused(ask(at, Sessions.session, request)), refused(byThief)];
      }),
    );
    expect(new Set(reasons.map(({ reason }) => reason))).toEqual(new Set(['PROOF_INVALID']));
    for (const cvid of sids) expect((await ask(at, Sessions.getSession, { cvid })).session?.cvid).toBe(cvid);
  });

  it('a proof that was overheard opens nothing a second time', async () => {
    const number = next++;
    await openBy(at, number, keyOf(2));
    const proof = await prove(at, uuidOf(number), keyOf(2));
    const { instanceSid } = await ask(at, Sessions.session, { ...agent(number), proof });
    expect(await refused(ask(at, Sessions.session, { ...agent(number), proof }))).toMatchObject({
      code: status.UNAUTHENTICATED,
      reason: 'PROOF_INVALID',
    });
    expect((await ask(at, Sessions.getSession, { cvid: instanceSid })).session?.cvid).toBe(instanceSid);
  });

  it.each<[string, string, Partial<SignedContent>]>([
    ['another purpose', 'PROOF_INVALID', { purpose: ProofPurpose.ATTACH }],
    ['another server', 'PROOF_INVALID', { serverUuid: uuidOf(1) }],
    ['another network', 'PROOF_INVALID', { network: 'north-sea' }],
    ['another instance', 'PROOF_INVALID', { instanceUuid: uuidOf(1) }],
    ['a certificate, of a server that has none', 'PROOF_INVALID', { bindingKind: 1, binding: Buffer.alloc(32) }],
  ])('a proof for %s is refused and binds nothing', async (_, reason, signed) => {
    const number = next++;
    const proof = await prove(at, uuidOf(number), keyOf(3), signed);
    expect(await refused(ask(at, Sessions.session, { ...agent(number), proof }))).toMatchObject({ reason });
    await ask(at, Sessions.session, agent(number));
  });

  it('a proof of another identity is refused, and only who has a key of that one is told whose it is', async () => {
    const [number, other] = [next++, next++];
    await openBy(at, other, keyOf(3));
    const shown = async (key: SigningKey) => {
      const proof = await prove(at, uuidOf(other), key, { instanceUuid: uuidOf(number) });
      return (await refused(ask(at, Sessions.session, { ...agent(number), proof }))).reason;
    };
    expect([await shown(keyOf(3)), await shown(keyOf(4))]).toEqual(['IDENTITY_MISMATCH', 'PROOF_INVALID']);
    await ask(at, Sessions.session, agent(number));
  });

  it('an instance that has never shown a key is opened by anybody, as before there were keys', async () => {
    const number = next++;
    const { instanceSid } = await ask(at, Sessions.session, agent(number));
    expect((await ask(at, Sessions.session, agent(number))).instanceSid).not.toBe(instanceSid);
  });

  it('KeepAlive and Attach take a proof of the holder, and refuse another', async () => {
    const number = next++;
    const { sessionToken } = await openBy(at, number, keyOf(4));
    const attach = { purpose: ProofPurpose.ATTACH };
    const good = () => prove(at, uuidOf(number), keyOf(4), attach);
    await ask(at, Sessions.keepAlive, { proof: await good() }, asSession(sessionToken));
    const reading = open(at, Sessions.attach, { proof: await good() }, asSession(sessionToken));
    expect((await reading.next()).order?.kind?.$case).toBe('heartbeat');
    const bad = await prove(at, uuidOf(number), keyOf(5), attach);
    expect(await refused(ask(at, Sessions.keepAlive, { proof: bad }, asSession(sessionToken)))).toMatchObject({
      reason: 'PROOF_INVALID',
    });
    const refusedAttach = open(at, Sessions.attach, { proof: bad }, asSession(sessionToken));
    expect(await refusedAttach.ending()).toMatchObject({ reason: 'PROOF_INVALID' });
    reading.call.cancel();
  });

  describe('an administrator', () => {
    it('binds a key: the squatter is out in the same revision, for good, and the owner is in', async () => {
      const number = next++;
      const { sessionToken } = await openBy(at, number, keyOf(6));
      const attached = open(at, Sessions.attach, {}, asSession(sessionToken));
      await attached.next();
      const request = { identityUuid: uuidOf(number).toUpperCase(), publicKey: keyOf(7).publicKey };
      const { identity } = await ask(at, Identities.bindKey, request, asAdmin());
      expect(identity).toMatchObject({ cvid: 0, revoked: false, barredKeyIds: [keyOf(6).keyId.toString('hex')] });
      expect(identity?.keys).toMatchObject([{ origin: KeyOrigin.ADMINISTRATOR, publicKey: keyOf(7).publicKey }]);
      expect(await attached.ending()).toMatchObject({ code: status.ABORTED, reason: 'IDENTITY_REVOKED' });
      expect(await refused(ask(at, Sessions.keepAlive, {}, asSession(sessionToken)))).toMatchObject({
        code: status.UNAUTHENTICATED,
        reason: 'IDENTITY_REVOKED',
      });
      expect(await refused(openBy(at, number, keyOf(6)))).toMatchObject({ reason: 'PROOF_INVALID' });
      await openBy(at, number, keyOf(7));
    });

    it('revokes an identity, and watchers of closed endpoints hear REVOKED', async () => {
      const number = next++;
      const { instanceSid } = await openBy(at, number, keyOf(8));
      const closed = open(at, Network.watchEndpointClosed, { after: undefined, cvids: [instanceSid] });
      await ask(at, Sessions.getSession, { cvid: instanceSid });
      await ask(at, Identities.revokeIdentity, { identityUuid: uuidOf(number) }, asAdmin());
      const heard = (await closed.until(({ endpointClosed }) => endpointClosed !== undefined)).at(-1);
      expect(heard?.endpointClosed).toMatchObject({ cvid: instanceSid, reason: CloseReason.REVOKED });
      closed.call.cancel();
      expect(await refused(openBy(at, number, keyOf(8)))).toMatchObject({ reason: 'IDENTITY_REVOKED' });
      expect(await refused(ask(at, Sessions.session, agent(number)))).toMatchObject({ reason: 'IDENTITY_REVOKED' });
    });

    it('forgets an identity, whose UUID then takes the next first key', async () => {
      const number = next++;
      await openBy(at, number, keyOf(9));
      const request = { identityUuid: uuidOf(number) };
      await ask(at, Identities.forgetKey, request, asAdmin());
      expect(await refused(ask(at, Identities.getIdentity, request, asAdmin()))).toMatchObject({
        code: status.NOT_FOUND,
        reason: 'IDENTITY_NOT_FOUND',
      });
      await openBy(at, number, keyOf(10));
    });

    it('lists every identity once, page by page', async () => {
      const own = await run({ auth: 'open' });
      try {
        for (let number = 1; number <= 7; number++) await openBy(own, number, keyOf(number));
        const listed: string[] = [];
        let pageToken = '';
        do {
          const page = await ask(own, Identities.listIdentities, { pageSize: 3, pageToken }, asAdmin());
          expect(page.identities.length).toBeLessThanOrEqual(3);
          listed.push(...page.identities.map(({ identityUuid }) => identityUuid));
          pageToken = page.nextPageToken;
        } while (pageToken !== '');
        expect(listed).toEqual([1, 2, 3, 4, 5, 6, 7].map(uuidOf));
      } finally {
        await own.stop();
      }
    });

    it.each<[string, Parameters<typeof ask>[1], object, string[]]>([
      [
        'BindKey of no UUID and no key',
        Identities.bindKey as never,
        { identityUuid: 'x', publicKey: Buffer.alloc(0) },
        ['identity_uuid', 'public_key'],
      ],
      ['GetIdentity of no UUID', Identities.getIdentity as never, { identityUuid: '' }, ['identity_uuid']],
      ['ForgetKey of no UUID', Identities.forgetKey as never, { identityUuid: '' }, ['identity_uuid']],
      ['RevokeIdentity of no UUID', Identities.revokeIdentity as never, { identityUuid: '' }, ['identity_uuid']],
      [
        'ListIdentities of a wrong page',
        Identities.listIdentities as never,
        { pageSize: -1, pageToken: '?' },
        ['page_size', 'page_token'],
      ],
      ['RotateKey without proofs', Identities.rotateKey as never, {}, ['old_proof', 'new_proof']],
    ])('%s is refused by its fields', async (_, method, request, fields) => {
      expect(await refused(ask(at, method, request, asAdmin()))).toMatchObject({ reason: 'FIELD_INVALID', fields });
    });
  });

  it('what concerns the keys of others is refused to everybody but an administrator', async () => {
    const number = next++;
    const { sessionToken } = await openBy(at, number, keyOf(11));
    const other = { identityUuid: uuidOf(number + 500) };
    const credentialsOf: (Metadata | undefined)[] = [undefined, asSession(sessionToken)];
    for (const metadata of credentialsOf) {
      for (const method of [Identities.getIdentity, Identities.forgetKey, Identities.revokeIdentity]) {
        expect(await refused(ask(at, method as never, other as never, metadata))).toMatchObject({
          code: status.PERMISSION_DENIED,
          reason: 'ADMIN_REQUIRED',
        });
      }
      const bind = { ...other, publicKey: keyOf(1).publicKey };
      expect(await refused(ask(at, Identities.bindKey, bind, metadata))).toMatchObject({ reason: 'ADMIN_REQUIRED' });
      const list = { pageSize: 0, pageToken: '' };
      expect(await refused(ask(at, Identities.listIdentities, list, metadata))).toMatchObject({
        reason: 'ADMIN_REQUIRED',
      });
    }
    const own = await ask(at, Identities.getIdentity, { identityUuid: uuidOf(number) }, asSession(sessionToken));
    expect(own.identity?.keys).toHaveLength(1);
  });

  it('a key is rotated by a proof of the old and one of the new; both open sessions for a while', async () => {
    const number = next++;
    await openBy(at, number, keyOf(12));
    const rotate = { purpose: ProofPurpose.ROTATE };
    const proofs = async (old: SigningKey, fresh: SigningKey) => ({
      oldProof: await prove(at, uuidOf(number), old, rotate),
      newProof: await prove(at, uuidOf(number), fresh, rotate),
    });
    const { identity, overlap } = await ask(at, Identities.rotateKey, await proofs(keyOf(12), keyOf(13)));
    expect(overlap?.seconds).toBe(86_400n);
    expect(identity?.keys.map(({ origin }) => origin)).toEqual([KeyOrigin.FIRST_USE, KeyOrigin.ROTATION]);
    expect(identity?.keys.map(({ goodUntil }) => goodUntil === undefined)).toEqual([false, true]);
    await openBy(at, number, keyOf(12));
    await openBy(at, number, keyOf(13));
    const byThief = await proofs(keyOf(-1), keyOf(-2));
    expect(await refused(ask(at, Identities.rotateKey, byThief))).toMatchObject({ reason: 'PROOF_INVALID' });
    const lie = await proofs(keyOf(13), keyOf(14));
    const stolen = { ...lie, newProof: { ...lie.newProof, publicKey: keyOf(15).publicKey } };
    expect(await refused(ask(at, Identities.rotateKey, stolen))).toMatchObject({ reason: 'PROOF_INVALID' });
  });
});

describe('keys over TLS', () => {
  it('a proof bound to the certificate of the server is good, and one bound to that of a man in the middle refused', async () => {
    const tls = await run({ auth: 'open', 'tls-cert': CERT, 'tls-key': KEY });
    const secure = credentials.createSsl(readFileSync(CERT), null, null);
    const client = new Client(tls.address, secure, { 'grpc.ssl_target_name_override': 'switchyard.test' });
    const at = { ...tls, client };
    try {
      const binding = leafKeyIdOf({ cert: readFileSync(CERT) });
      const bound = await prove(at, uuidOf(1), keyOf(1), { bindingKind: 1, binding: binding! });
      await ask(at, Sessions.session, { ...agent(1), proof: bound });
      const seen = await prove(at, uuidOf(1), keyOf(1), { bindingKind: 1, binding: Buffer.alloc(32, 1) });
      expect(await refused(ask(at, Sessions.session, { ...agent(1), proof: seen }))).toMatchObject({
        reason: 'PROOF_INVALID',
      });
      const unbound = await prove(at, uuidOf(1), keyOf(1));
      await ask(at, Sessions.session, { ...agent(1), proof: unbound });
    } finally {
      client.close();
      await tls.stop();
    }
  });
});

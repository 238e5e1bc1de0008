import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { Client, credentials } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { KeyUsageFlags } from '@peculiar/asn1-x509';
import { WebSocket } from 'ws';
import { IdentityServiceService as Identities, PrincipalVia } from '../../../gen/switchyard/v1/identity.js';
import { SessionServiceService as Sessions } from '../../../gen/switchyard/v1/session_service.js';
import { ByteWriter } from '../../../src/system/codec/bytes.js';
import { decodeEvent, encodeEvent } from '../../../src/system/codec/event.js';
import { decodePacket, encodePacketHeader, type Packet } from '../../../src/system/codec/packet.js';
import { RawTalk, agent as systemAgent } from '../../system/talking.js';
import {
  type CertificateParts,
  type ClientCertificate,
  issueCertificate,
  makeAuthority,
  spiffe,
  type TestAuthority,
} from '../../trust/client-certificate.js';
import { keyOf, proofOf } from '../../trust/proving.js';
import { agent, asAdmin, ask, asSession, open, type Running, refused, run } from '../running.js';

const [cert, key] = ['cert', 'key'].map((name) =>
  fileURLToPath(new URL(`../../client/tls/${name}.pem`, import.meta.url)),
);
const ca = readFileSync(cert);
const LISTING = { pageSize: 10, pageToken: '', instanceType: 0, instanceUuid: '' };
const { instanceUuid: UUID } = agent(1);
const SIGNING = KeyUsageFlags.digitalSignature | KeyUsageFlags.keyCertSign;
const DOMAIN = { trust_domain: 'fleet.example', give: ['client'] };

let folder: string;
let authority: TestAuthority;
let at: Running;
let clients: Client[];

const authorityFile = () => join(folder, 'authorities.pem');
const believe = (...all: readonly TestAuthority[]) =>
  writeFileSync(authorityFile(), all.map(({ certificate }) => certificate.toString()).join(''));

/** A server that believes in one authority, whose policy gives its instances the role `client`. */
async function start(flags: Record<string, string> = {}, policy: object = { certificates: [DOMAIN] }) {
  at = await run({ auth: 'required', 'tls-cert': cert, 'tls-key': key, 'identity-ca': authorityFile(), ...flags });
  if (flags.auth === 'open') return;
  const document = JSON.stringify({ auth: 'required', ...policy });
  await ask(connect(), Identities.putPolicy, { document, validateOnly: false, ifRevision: undefined }, asAdmin());
}

/** A connection of its own, with a client certificate or without one. */
function connect(shown?: ClientCertificate): Pick<Running, 'client'> {
  const channel = credentials.createSsl(ca, shown?.key ?? null, shown?.cert ?? null, {
    checkServerIdentity: () => undefined,
  });
  const client = new Client(at.address, channel, { 'grpc.use_local_subchannel_pool': 1 });
  clients.push(client);
  return { client };
}

const issue = (parts: CertificateParts = { uris: [spiffe(UUID)] }, by = authority) => issueCertificate(by, parts);
const whoAmI = async (shown: ClientCertificate) => (await ask(connect(shown), Identities.whoAmI, {})).principal;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'identity-ca-'));
  authority = makeAuthority();
  believe(authority);
  clients = [];
});
afterEach(async () => {
  for (const client of clients) client.close();
  await at.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('a client certificate of an authority that is believed', () => {
  it('is an identity that comes with its first call, and opens its session without a proof', async () => {
    await start();
    const yard = connect(issue({ uris: [spiffe(UUID)], dnsNames: ['boat-7'] }));
    const { principal } = await ask(yard, Identities.whoAmI, {});
    expect(principal).toMatchObject({ identityUuid: UUID, roles: ['client'], via: PrincipalVia.CERTIFICATE });
    const { sessionToken } = await ask(yard, Sessions.session, agent(1));
    await ask(yard, Sessions.listSessions, LISTING, asSession(sessionToken));
    const challenge = await ask(yard, Identities.challenge, { network: '' });
    // Clients that have a key show it in any case.
    const proof = proofOf(keyOf(1), UUID, challenge);
    const again = await ask(yard, Sessions.session, { ...agent(1), proof });
    await ask(yard, Sessions.keepAlive, { proof }, asSession(again.sessionToken));
    const { identity } = await ask(connect(), Identities.getIdentity, { identityUuid: UUID }, asAdmin());
    expect(identity?.keys).toMatchObject([{ vouched: spiffe(UUID), origin: 5 }]);
  });

  it('goes on with the session where another certificate of the same URI comes, and nobody else does', async () => {
    await start();
    const { sessionToken } = await ask(connect(issue()), Sessions.session, agent(1));
    const as = asSession(sessionToken);
    await ask(connect(issue()), Sessions.keepAlive, { proof: undefined }, as);
    expect((await refused(ask(connect(), Sessions.keepAlive, { proof: undefined }, as))).reason).toBe('AUTH_REQUIRED');
    const other = connect(issue({ uris: [spiffe(agent(2).instanceUuid)] }));
    const asked = ask(other, Sessions.keepAlive, { proof: undefined }, as);
    expect((await refused(asked)).reason).toBe('IDENTITY_MISMATCH');
    expect((await refused(ask(other, Sessions.session, agent(1)))).reason).toBe('IDENTITY_MISMATCH');
    const domain = connect(issue({ uris: [spiffe(UUID, { domain: 'other.example' })] }));
    expect((await refused(ask(domain, Sessions.session, agent(1)))).reason).toBe('AUTH_REQUIRED');
  });

  it.each<[string, CertificateParts, RegExp]>([
    ['without a URI', { dnsNames: ['boat-7'] }, /has 0 URIs/],
    ['with two URIs', { uris: [spiffe(UUID), spiffe(agent(2).instanceUuid)] }, /has 2 URIs/],
    ['with another URI', { uris: [`${spiffe(UUID)}/x`] }, /not spiffe:/],
    ['with a UUID in upper case', { uris: [spiffe('ABCDEFAB-0000-4000-8000-000000000001')] }, /lower case/],
    ['of another network', { uris: [spiffe(UUID, { network: 'other' })] }, /for the network other/],
    ['of an authority', { uris: [spiffe(UUID)], isAuthority: true }, /authority's/],
    ['whose key may sign certificates', { uris: [spiffe(UUID)], usage: SIGNING }, /sign certificates/],
    ['that has expired', { uris: [spiffe(UUID)], untilMs: Date.now() - 1_000 }, /expired/],
    ['that is not good yet', { uris: [spiffe(UUID)], fromMs: Date.now() + 600_000 }, /not good yet/],
  ])('%s is refused in every call, and nothing is stored', async (_, parts, why) => {
    await start();
    const { reason, message } = await refused(whoAmI(issue(parts)));
    expect({ reason, message }).toEqual({
      reason: 'CERTIFICATE_INVALID',
      message: expect.stringMatching(why) as unknown,
    });
    const stored = ask(connect(), Identities.getIdentity, { identityUuid: UUID }, asAdmin());
    expect((await refused(stored)).reason).toBe('IDENTITY_NOT_FOUND');
  });

  it('ends with its time: its connection is closed, and what it has begun', async () => {
    await start();
    const untilMs = Math.ceil((Date.now() + 2_500) / 1_000) * 1_000;
    const yard = connect(issue({ uris: [spiffe(UUID)], untilMs }));
    const watch = open(yard, Sessions.watchSessions, { after: undefined, cvids: [] });
    await watch.next();
    const { code, reason } = await watch.ending();
    expect(code === 14 || reason === 'AUTH_REQUIRED').toBe(true);
    expect(Date.now()).toBeGreaterThanOrEqual(untilMs);
    const { code: after, reason: why } = await refused(ask(yard, Identities.whoAmI, {}));
    expect(after === 14 || why === 'CERTIFICATE_INVALID').toBe(true);
  });

  it('is refused when its identity is revoked or bound to a key, whatever certificate it has', async () => {
    await start();
    const yard = connect(issue());
    await ask(yard, Sessions.session, agent(1));
    await ask(connect(), Identities.bindKey, { identityUuid: UUID, publicKey: keyOf(9).publicKey }, asAdmin());
    expect((await refused(whoAmI(issue()))).message).toContain('barred');
    await ask(connect(), Identities.revokeIdentity, { identityUuid: UUID }, asAdmin());
    expect((await refused(whoAmI(issue()))).reason).toBe('IDENTITY_REVOKED');
  });

  it('of a trust domain that the policy does not name proves nothing in required, and no other network either', async () => {
    await start({}, {});
    expect((await refused(whoAmI(issue()))).reason).toBe('AUTH_REQUIRED');
  });

  it('binds its instance on first use in open, and proves nothing of one that has shown a key before', async () => {
    await start({ auth: 'open' });
    await ask(connect(issue()), Sessions.session, agent(1));
    expect((await refused(ask(connect(), Sessions.session, agent(1)))).reason).toBe('PROOF_INVALID');
    const challenge = await ask(connect(), Identities.challenge, { network: '' });
    const proof = proofOf(keyOf(2), agent(2).instanceUuid, challenge);
    await ask(connect(), Sessions.session, { ...agent(2), proof });
    const late = connect(issue({ uris: [spiffe(agent(2).instanceUuid)] }));
    expect((await refused(ask(late, Sessions.session, agent(2)))).reason).toBe('PROOF_INVALID');
    expect((await ask(late, Identities.whoAmI, {})).principal).toBeUndefined();
  });

  it('of any of several authorities is taken, and those of a new file are read again', async () => {
    const [second, third] = [makeAuthority(), makeAuthority()];
    believe(authority, second);
    await start();
    expect(await whoAmI(issue(undefined, second))).toMatchObject({ identityUuid: UUID });
    const foreign = await refused(whoAmI(issue(undefined, third)));
    expect(foreign).toMatchObject({
      reason: 'CERTIFICATE_INVALID',
      message: expect.stringContaining('vouches') as unknown,
    });
    believe(third);
    at.server.reload({ logLevel: 'silent' });
    expect(await whoAmI(issue(undefined, third))).toMatchObject({ identityUuid: UUID });
    expect((await refused(whoAmI(issue()))).reason).toBe('CERTIFICATE_INVALID');
    writeFileSync(authorityFile(), 'no certificate');
    at.server.reload({ logLevel: 'silent' });
    expect(await whoAmI(issue(undefined, third))).toMatchObject({ identityUuid: UUID });
  });
});

describe('system events with a client certificate', () => {
  const options = (shown?: ClientCertificate) => ({ ca, checkServerIdentity: () => undefined as never, ...shown });

  it('open the session of its instance over tls and wss, and no other', async () => {
    await start({ 'system-tls-listen': '127.0.0.1:0', 'system-wss-listen': '127.0.0.1:0' });
    const { tls, wss } = at.server.addresses;
    const talk = async (shown?: ClientCertificate) => {
      const socket = connectTls({ port: Number(tls.split(':')[1]), host: '127.0.0.1', ...options(shown) });
      await once(socket, 'secureConnect');
      return { socket, talk: new RawTalk(socket) };
    };
    const own = await talk(issue());
    const { instanceSid, sessionToken } = await own.talk.session(1);
    expect(instanceSid).toBeGreaterThan(0);
    const other = await talk(issue({ uris: [spiffe(agent(2).instanceUuid)] }));
    await expect(other.talk.session(1)).rejects.toThrow();
    other.talk.sendEvent({ type: 'KeepAlive', body: { sessionToken } }, 2);
    const mixed = await other.talk.answer();
    expect(mixed.description).toContain(
      `the client certificate is of identity ${agent(2).instanceUuid}, the session of`,
    );
    const nobody = await talk();
    await expect(nobody.talk.session(1)).rejects.toThrow();
    const ws = new WebSocket(`wss://${wss}`, 'switchyard', options(issue()));
    await once(ws, 'open');
    const writer = new ByteWriter();
    encodePacketHeader(writer, { streamId: 0, event: true, compressed: false, noise: false, packetId: 5 });
    encodeEvent(writer, { type: 'Session', body: systemAgent(1) });
    ws.send(writer.finish());
    const [message] = (await once(ws, 'message')) as [Buffer];
    const { body } = decodePacket(message) as Packet;
    expect(decodeEvent(body, 'client')).toMatchObject({ type: 'Answer', body: { code: 0 } });
    ws.close();
    for (const { socket } of [own, other, nobody]) socket.destroy();
  });
});

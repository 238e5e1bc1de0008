import { randomBytes, randomUUID } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  IdentityServiceService as Identities,
  IdentityKind,
  type IssueTicketRequest,
  KeyOrigin,
} from '../../../gen/switchyard/v1/identity.js';
import { SessionServiceService as Sessions } from '../../../gen/switchyard/v1/session_service.js';
import { ProofPurpose, type SignedContent } from '../../../src/trust/signed-bytes.js';
import type { SigningKey } from '../../../src/trust/signing-key.js';
import { decodeTicket } from '../../../src/trust/ticket.js';
import { keyOf, proofOf } from '../../trust/proving.js';
import { agent, asAdmin, ask, type Running, refused, run } from '../running.js';

const NOTHING: IssueTicketRequest = {
  kind: 0,
  roles: [],
  uses: 0,
  validFor: undefined,
  names: '',
  identityUuid: '',
  addresses: [],
};

describe('tickets over gRPC', () => {
  let at: Running;
  let next = 1;
  const issue = (fields: Partial<IssueTicketRequest> = {}) =>
    ask(at, Identities.issueTicket, { ...NOTHING, ...fields }, asAdmin());
  const secretOf = async (fields: Partial<IssueTicketRequest> = {}) =>
    Buffer.from(decodeTicket((await issue(fields)).text).secret);
  const enroll = async (
    secret: Buffer,
    uuid: string,
    key: SigningKey,
    { name = '', ...signed }: Partial<SignedContent> & { readonly name?: string } = {},
  ) => {
    const challenge = await ask(at, Identities.challenge, { network: '' });
    const proof = proofOf(key, uuid, challenge, { purpose: ProofPurpose.ENROLL, ...signed });
    return ask(at, Identities.enroll, { secret, proof, name });
  };

  beforeAll(async () => {
    at = await run({ auth: 'open' });
  });
  afterAll(() => at.stop());

  it('a ticket says where the server is and nothing else of it, and lists and answers have no secret', async () => {
    const { text, ticket } = await issue({ roles: ['agent'], uses: 300, names: 'boat-*' });
    expect(decodeTicket(text)).toMatchObject({ isEncrypted: false, pins: [], addresses: [at.address] });
    expect(ticket).toMatchObject({
      kind: IdentityKind.INSTANCE,
      roles: ['agent'],
      uses: 300,
      used: 0,
      names: 'boat-*',
    });
    expect(ticket!.expiresAt!.getTime() - ticket!.issuedAt!.getTime()).toBe(86_400_000);
    const { tickets } = await ask(at, Identities.listTickets, { pageSize: 0, pageToken: '' }, asAdmin());
    expect(tickets).toContainEqual(ticket);
    const named = await issue({ addresses: ['hub.example:8768', '[2001:db8::7]:1'] });
    expect(decodeTicket(named.text).addresses).toEqual(['hub.example:8768', '[2001:db8::7]:1']);
  });

  it('who enrols opens sessions with the key, and the identity has what the ticket gives', async () => {
    const number = next++;
    const uuid = agent(number).instanceUuid;
    const secret = await secretOf({ roles: ['agent', 'client'], kind: IdentityKind.INSTANCE });
    const { identity, position } = await enroll(secret, uuid, keyOf(number), { name: `boat-${number}` });
    expect(identity).toMatchObject({
      identityUuid: uuid,
      roles: ['agent', 'client'],
      name: `boat-${number}`,
      revoked: false,
    });
    expect(identity!.keys).toMatchObject([{ origin: KeyOrigin.TICKET, keyId: keyOf(number).keyId.toString('hex') }]);
    expect(Number(position!.revision)).toBeGreaterThan(0);
    const challenge = await ask(at, Identities.challenge, { network: '' });
    const proof = proofOf(keyOf(number), uuid, challenge);
    expect((await ask(at, Sessions.session, { ...agent(number), proof })).identity?.roles).toEqual(['agent', 'client']);
    expect(await refused(ask(at, Sessions.session, agent(number)))).toMatchObject({ reason: 'PROOF_INVALID' });
  });

  it('the same ticket, identity and key again get the same answer and spend nothing', async () => {
    const uuid = randomUUID();
    const secret = await secretOf({ uses: 2 });
    const first = await enroll(secret, uuid, keyOf(700));
    for (let again = 0; again < 3; again++) {
      expect((await enroll(secret, uuid, keyOf(700))).identity).toEqual(first.identity);
    }
    await enroll(secret, randomUUID(), keyOf(701));
    expect(await refused(enroll(secret, randomUUID(), keyOf(702)))).toMatchObject({
      code: status.UNAUTHENTICATED,
      reason: 'TICKET_INVALID',
    });
  });

  it('a ticket redeemed by 100 at once has one winner', async () => {
    const secret = await secretOf();
    const uuids = Array.from({ length: 100 }, () => randomUUID());
    const outcomes = await Promise.allSettled(uuids.map((uuid, index) => enroll(secret, uuid, keyOf(1_000 + index))));
    const winners = outcomes.flatMap((outcome, index) => (outcome.status === 'fulfilled' ? [uuids[index]] : []));
    expect(winners).toHaveLength(1);
    for (const uuid of uuids) {
      const read = ask(at, Identities.getIdentity, { identityUuid: uuid }, asAdmin());
      if (uuid === winners[0]) expect((await read).identity?.identityUuid).toBe(uuid);
      else expect(await refused(read)).toMatchObject({ reason: 'IDENTITY_NOT_FOUND' });
    }
  });

  it('a ticket for anybody does not take the place of somebody who has a key, and one issued for the UUID does', async () => {
    const number = next++;
    const { instanceUuid } = agent(number);
    const challenge = await ask(at, Identities.challenge, { network: '' });
    await ask(at, Sessions.session, { ...agent(number), proof: proofOf(keyOf(1), instanceUuid, challenge) });
    const secret = await secretOf();
    expect(await refused(enroll(secret, instanceUuid, keyOf(2)))).toMatchObject({ reason: 'IDENTITY_MISMATCH' });
    const own = await secretOf({ identityUuid: instanceUuid });
    expect(await refused(enroll(own, randomUUID(), keyOf(2)))).toMatchObject({ reason: 'IDENTITY_MISMATCH' });
    const { identity } = await enroll(own, instanceUuid, keyOf(2));
    expect(identity).toMatchObject({ barredKeyIds: [keyOf(1).keyId.toString('hex')], cvid: 0 });
  });

  it.each<[string, Partial<SignedContent>, string]>([
    ['another purpose', { purpose: ProofPurpose.SESSION }, 'PROOF_INVALID'],
    ['another instance', { instanceUuid: randomUUID() }, 'PROOF_INVALID'],
    ['another server', { serverUuid: randomUUID() }, 'PROOF_INVALID'],
  ])('a proof of %s enrols nobody', async (_, signed, reason) => {
    const secret = await secretOf();
    expect(await refused(enroll(secret, randomUUID(), keyOf(5), signed))).toMatchObject({ reason });
    expect((await enroll(secret, randomUUID(), keyOf(5))).identity?.revoked).toBe(false);
  });

  it('revoking a ticket lists who has enrolled by it, and revokes them where that is asked for', async () => {
    const { text, ticket } = await issue({ uses: 3 });
    const secret = Buffer.from(decodeTicket(text).secret);
    const uuids = [randomUUID(), randomUUID()];
    for (const [index, uuid] of uuids.entries()) await enroll(secret, uuid, keyOf(2_000 + index));
    const { ticketId } = ticket!;
    const first = await ask(at, Identities.revokeTicket, { ticketId, andIdentities: false }, asAdmin());
    expect(first).toMatchObject({ identityUuids: uuids, ticket: { revoked: true, used: 2 } });
    expect(await refused(enroll(secret, randomUUID(), keyOf(2_009)))).toMatchObject({ reason: 'TICKET_INVALID' });
    const again = await ask(at, Identities.revokeTicket, { ticketId, andIdentities: true }, asAdmin());
    expect(again.identityUuids).toEqual(uuids);
    for (const uuid of uuids) {
      const { identity } = await ask(at, Identities.getIdentity, { identityUuid: uuid }, asAdmin());
      expect(identity).toMatchObject({ revoked: true, ticketId });
    }
  });

  it('only administrators issue, list and revoke', async () => {
    const page = { pageSize: 0, pageToken: '' };
    for (const call of [
      ask(at, Identities.issueTicket, NOTHING),
      ask(at, Identities.listTickets, page),
      ask(at, Identities.revokeTicket, { ticketId: '0'.repeat(16), andIdentities: false }),
    ]) {
      expect(await refused(call)).toMatchObject({ reason: 'ADMIN_REQUIRED' });
    }
  });

  it.each<[string, Partial<IssueTicketRequest>, string[]]>([
    ['a role that is none', { roles: ['root', 'agent', 'agent'] }, ['roles[0]', 'roles[2]']],
    ['too many uses', { uses: 10_001 }, ['uses']],
    ['fewer uses than none', { uses: -1 }, ['uses']],
    ['several uses for one identity', { uses: 2, identityUuid: randomUUID() }, ['uses']],
    ['an identity that is no UUID', { identityUuid: 'boat' }, ['identity_uuid']],
    ['a kind that is none', { kind: 9 as IdentityKind }, ['kind']],
    ['a pattern with capitals', { names: 'Boat-*' }, ['names']],
    ['no time at all', { validFor: { seconds: 0n, nanos: 0 } }, ['valid_for']],
    ['two years', { validFor: { seconds: 63_072_000n, nanos: 0 } }, ['valid_for']],
    ['an address without a port', { addresses: ['hub.example', 'hub.example:0'] }, ['addresses[0]', 'addresses[1]']],
    ['nine addresses', { addresses: Array.from({ length: 9 }, () => 'h:1') }, ['addresses']],
  ])('a ticket with %s is refused by its field', async (_, fields, wrong) => {
    expect(await refused(issue(fields))).toMatchObject({ reason: 'FIELD_INVALID', fields: wrong });
  });

  it('an enrolment without a proof, with a short secret or a wrong name is refused by its fields', async () => {
    const nothing = ask(at, Identities.enroll, { secret: Buffer.alloc(31), proof: undefined, name: 'Boat' });
    expect(await refused(nothing)).toMatchObject({ fields: ['secret', 'proof', 'name'] });
    const revoked = ask(at, Identities.revokeTicket, { ticketId: 'XYZ', andIdentities: false }, asAdmin());
    expect(await refused(revoked)).toMatchObject({ fields: ['ticket_id'] });
    const unknown = ask(at, Identities.revokeTicket, { ticketId: '0'.repeat(16), andIdentities: false }, asAdmin());
    expect(await refused(unknown)).toMatchObject({ code: status.NOT_FOUND, reason: 'TICKET_NOT_FOUND' });
  });

  it('tickets are listed in pages, each exactly once', async () => {
    await Promise.all(Array.from({ length: 12 }, () => issue()));
    const seen: string[] = [];
    for (let pageToken = ''; ; ) {
      const page = await ask(at, Identities.listTickets, { pageSize: 5, pageToken }, asAdmin());
      seen.push(...page.tickets.map(({ ticketId }) => ticketId));
      if (page.nextPageToken === '') break;
      pageToken = page.nextPageToken;
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.length).toBeGreaterThan(20);
  });
});

describe('guesses of tickets', () => {
  it('are refused after 20 of one address in a minute, good tickets too', async () => {
    const at = await run({ auth: 'open' });
    try {
      const challenge = await ask(at, Identities.challenge, { network: '' });
      const guess = () => {
        const proof = proofOf(keyOf(1), randomUUID(), challenge, { purpose: ProofPurpose.ENROLL });
        return refused(ask(at, Identities.enroll, { secret: randomBytes(32), proof, name: '' }));
      };
      for (let count = 0; count < 20; count++) expect(await guess()).toMatchObject({ reason: 'TICKET_INVALID' });
      expect(await guess()).toMatchObject({ reason: 'RATE_LIMITED', code: status.RESOURCE_EXHAUSTED });
    } finally {
      await at.stop();
    }
  });
});

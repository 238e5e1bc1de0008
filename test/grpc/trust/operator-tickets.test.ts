import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { IdentityServiceService as Identities, IdentityKind } from '../../../gen/switchyard/v1/identity.js';
import type { Role } from '../../../src/core/model/trust/identity.js';
import { ProofPurpose } from '../../../src/trust/signed-bytes.js';
import { decodeTicket } from '../../../src/trust/ticket.js';
import { type Member, makeMember } from '../../trust/members.js';
import { makeKey, TestIssuer } from '../../trust/oidc/issuer.js';
import { keyOf, proofOf } from '../../trust/proving.js';
import { asAdmin, asHeaders, ask, type Running, refused, run } from '../running.js';

/** The key of an operator that redeems its own tickets. */
const STOLEN = 99;

/** What an administrator says of an identity. */
interface Described {
  readonly roles?: Role[];
  readonly labels?: Record<string, string>;
  readonly name?: string;
}

describe('a ticket that somebody has issued for one identity', () => {
  let issuer: TestIssuer;
  let at: Running;
  let operator: Member;
  let next = 10;

  beforeAll(async () => {
    issuer = await TestIssuer.start();
    issuer.keys = [makeKey('first')];
    at = await run({ auth: 'required', 'oidc-ca': issuer.authorityFile });
    const roles = ['admin', 'operator'].map((role) => ({ claim: 'groups', has: role, give: [role] }));
    const issuers = [{ issuer: issuer.url, audience: ['switchyard'], roles }];
    const grants = [{ from: ['name:anna'], to: ['role:agent'] }];
    const document = JSON.stringify({ auth: 'required', issuers, grants });
    await ask(at, Identities.putPolicy, { document, validateOnly: false, ifRevision: undefined }, asAdmin());
    operator = await makeMember(at, { number: 1, roles: ['operator'] });
  });
  afterAll(async () => {
    await at.stop();
    await issuer.stop();
  });

  const issue = (identityUuid: string, as = operator.as, roles: Role[] = []) =>
    ask(
      at,
      Identities.issueTicket,
      {
        ...{ kind: IdentityKind.INSTANCE, roles, uses: 1, validFor: undefined, names: '', identityUuid },
        addresses: ['hub:1'],
      } as never,
      as,
    );

  async function redeem(text: string, uuid: string) {
    const challenge = await ask(at, Identities.challenge, { network: '' } as never);
    const proof = proofOf(keyOf(STOLEN), uuid, challenge, { purpose: ProofPurpose.ENROLL });
    return ask(at, Identities.enroll, { secret: Buffer.from(decodeTicket(text).secret), proof, name: '' });
  }

  const describeAs = (identityUuid: string, fields: Described) => {
    const described = { kind: 0, roles: [], name: '', labels: {}, ...fields, updateMask: Object.keys(fields) };
    return ask(at, Identities.updateIdentity, { identityUuid, ...described }, asAdmin());
  };
  const identity = async (identityUuid: string) =>
    (await ask(at, Identities.getIdentity, { identityUuid }, asAdmin())).identity;

  it.each<[string, Described]>([
    ['an administrator', { roles: ['admin'] }],
    ['an observer that is a client, too', { roles: ['client', 'observer'] }],
    ['an agent with a label, by which the policy may grant', { labels: { site: 'Kiel' } }],
    ['an agent with a name by which the policy grants', { name: 'anna' }],
  ])(
    'replaces no key of %s by an operator, even when it has become that after the ticket was issued',
    async (_what, fields) => {
      const { uuid } = await makeMember(at, { number: next++, roles: ['agent'] });
      const early = await issue(uuid);
      await describeAs(uuid, fields);
      const before = await identity(uuid);
      for (const { text } of [early, await issue(uuid)]) {
        expect(await refused(redeem(text, uuid))).toMatchObject({ reason: 'IDENTITY_MISMATCH' });
      }
      expect(await identity(uuid)).toEqual(before);
      // That of an administrator does.
      const { text } = await issue(uuid, asAdmin());
      expect((await redeem(text, uuid)).identity?.roles).toEqual(before?.roles);
    },
  );

  it('replaces the lost key of an agent, which the operator could have let in itself', async () => {
    const { uuid } = await makeMember(at, { number: next++, roles: ['agent'] });
    expect((await redeem((await issue(uuid)).text, uuid)).identity?.roles).toEqual(['agent']);
  });

  it('is the same redemption again after its identity got labels, and answers the same', async () => {
    const { uuid } = await makeMember(at, { number: next++, roles: ['agent'] });
    const { text } = await issue(uuid);
    await redeem(text, uuid);
    await describeAs(uuid, { labels: { site: 'Kiel' } });
    const before = await identity(uuid);
    expect((await redeem(text, uuid)).identity).toEqual(before);
  });

  /** An agent that an operator could not have made so. */
  async function labelled(): Promise<string> {
    const { uuid } = await makeMember(at, { number: next++, roles: ['agent'] });
    await describeAs(uuid, { labels: { site: 'Kiel' } });
    return uuid;
  }

  it('replaces its keys where an identity with the role of an administrator issued it, and not once that has lost the role', async () => {
    const administrator = await makeMember(at, { number: next++, roles: ['admin'] });
    const [first, second] = [await labelled(), await labelled()];
    const texts = [await issue(first, administrator.as), await issue(second, administrator.as)].map(({ text }) => text);
    expect((await redeem(texts[0], first)).identity?.roles).toEqual(['agent']);
    await describeAs(administrator.uuid, { roles: ['operator'] });
    expect(await refused(redeem(texts[1], second))).toMatchObject({ reason: 'IDENTITY_MISMATCH' });
  });

  it('replaces its keys where an issuer vouches for the administrator, and not once its newest token gives less', async () => {
    const nowS = Math.floor(Date.now() / 1_000);
    const bearer = async (group: string, iat: number) =>
      asHeaders({ authorization: `Bearer ${await issuer.token({ sub: 'anna', groups: [group], iat })}` });
    const asAnna = await bearer('admin', nowS - 10);
    const [first, second] = [await labelled(), await labelled()];
    const texts = [await issue(first, asAnna), await issue(second, asAnna)].map(({ text }) => text);
    expect((await redeem(texts[0], first)).identity?.roles).toEqual(['agent']);
    await ask(at, Identities.whoAmI, {}, await bearer('operator', nowS));
    expect(await refused(redeem(texts[1], second))).toMatchObject({ reason: 'IDENTITY_MISMATCH' });
  });

  it("is the operator's to revoke where it issued it, or where it is for no identity and gives no more than it may", async () => {
    const { uuid } = await makeMember(at, { number: next++, roles: ['agent'] });
    const revoke = (ticketId = '') => ask(at, Identities.revokeTicket, { ticketId, andIdentities: false }, operator.as);
    for (const { ticket } of [
      await issue('', operator.as, ['agent']),
      await issue('', asAdmin(), ['agent']),
      await issue(uuid),
    ]) {
      expect((await revoke(ticket?.ticketId)).ticket?.revoked).toBe(true);
    }
    for (const { ticket } of [await issue('', asAdmin(), ['admin']), await issue(uuid, asAdmin())]) {
      expect(await refused(revoke(ticket?.ticketId))).toMatchObject({ reason: 'PERMISSION_DENIED' });
    }
    expect(await refused(revoke('0123456789abcdef'))).toMatchObject({ reason: 'TICKET_NOT_FOUND' });
  });
});

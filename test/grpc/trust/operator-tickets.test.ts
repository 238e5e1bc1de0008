import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { IdentityServiceService as Identities, IdentityKind } from '../../../gen/switchyard/v1/identity.js';
import type { Role } from '../../../src/core/model/trust/identity.js';
import { ProofPurpose } from '../../../src/trust/signed-bytes.js';
import { decodeTicket } from '../../../src/trust/ticket.js';
import { type Member, makeMember } from '../../trust/members.js';
import { keyOf, proofOf } from '../../trust/proving.js';
import { asAdmin, ask, type Running, refused, run } from '../running.js';

/** The key of an operator that redeems its own tickets. */
const STOLEN = 99;

describe('a ticket that an operator has issued for one identity', () => {
  let at: Running;
  let operator: Member;
  let next = 10;

  beforeAll(async () => {
    at = await run({ auth: 'required' });
    operator = await makeMember(at, { number: 1, roles: ['operator'] });
  });
  afterAll(() => at.stop());

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

  const describeAs = (identityUuid: string, fields: { roles?: Role[]; labels?: Record<string, string> }) => {
    const described = { kind: 0, roles: [], name: '', labels: {}, ...fields, updateMask: Object.keys(fields) };
    return ask(at, Identities.updateIdentity, { identityUuid, ...described }, asAdmin());
  };
  const identity = async (identityUuid: string) =>
    (await ask(at, Identities.getIdentity, { identityUuid }, asAdmin())).identity;

  it.each<[string, { roles?: Role[]; labels?: Record<string, string> }]>([
    ['an administrator', { roles: ['admin'] }],
    ['an observer that is a client, too', { roles: ['client', 'observer'] }],
    ['an agent with a label, by which the policy may grant', { labels: { site: 'Kiel' } }],
  ])('replaces no key of %s, even when it has become that after the ticket was issued', async (_what, fields) => {
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
  });

  it('replaces the lost key of an agent, which the operator could have let in itself', async () => {
    const { uuid } = await makeMember(at, { number: next++, roles: ['agent'] });
    expect((await redeem((await issue(uuid)).text, uuid)).identity?.roles).toEqual(['agent']);
  });

  it('is its own to revoke, and one for an administrator is not', async () => {
    const [own, other] = [await issue('', operator.as, ['agent']), await issue('', asAdmin(), ['admin'])];
    const revoke = (ticketId = '') => ask(at, Identities.revokeTicket, { ticketId, andIdentities: false }, operator.as);
    expect((await revoke(own.ticket?.ticketId)).ticket?.revoked).toBe(true);
    expect(await refused(revoke(other.ticket?.ticketId))).toMatchObject({ reason: 'PERMISSION_DENIED' });
  });
});

import { describe, expect, it } from '@jest/globals';
import { replacerFault } from '../../../src/core/decide/ticket.js';
import type { Command, Enroll } from '../../../src/core/model/command.js';
import { type Identity, IdentityKind } from '../../../src/core/model/trust/identity.js';
import { Network, opening } from '../network.js';

const AT_MS = 1_000;
const [OPERATOR, AGENT, ADMIN] = [1, 2, 3].map((number) => opening(number).uuid);
const hashOf = (name: string) => name.padEnd(32, '.');
const keyed = (key: string) => ({ key: `public key ${key}`, keyId: hashOf(key), atMs: AT_MS });

/** An operator, an administrator, and an agent by the key `own`. */
const MEMBERS: readonly Command[] = [
  { kind: 'BindKey', uuid: OPERATOR, ...keyed('operator') },
  { kind: 'UpdateIdentity', uuid: OPERATOR, roles: ['operator'] },
  { kind: 'BindKey', uuid: ADMIN, ...keyed('admin') },
  { kind: 'UpdateIdentity', uuid: ADMIN, roles: ['admin'] },
  { kind: 'BindKey', uuid: AGENT, ...keyed('own') },
  { kind: 'UpdateIdentity', uuid: AGENT, roles: ['agent'] },
];

/** A ticket for the agent, and its redemption by the key `other`. */
function replacing(name: string, issuer: string): readonly [Command, Enroll] {
  const ticket = { hash: hashOf(name), issuer, uses: 1, identityKind: IdentityKind.INSTANCE, roles: [], names: '' };
  return [
    { kind: 'IssueTicket', ...ticket, forUuid: AGENT, expiresAtMs: AT_MS + 60_000, atMs: AT_MS },
    { kind: 'Enroll', ticketHash: hashOf(name), uuid: AGENT, ...keyed('other'), name: '' },
  ];
}

function keysOf({ state }: Pick<Network, 'state'>): string[] | undefined {
  return state.identities.get(AGENT)?.keys.map(({ key }) => key);
}

/** A network with these commands. */
function networkOf(...commands: readonly Command[]): Network {
  const network = new Network();
  for (const command of commands) network.apply(command);
  return network;
}

describe("an operator's ticket for one identity", () => {
  const [issued, redeemed] = replacing('t', OPERATOR);
  const describedAs = (fields: Partial<Pick<Identity, 'roles' | 'labels' | 'name'>>) =>
    ({ kind: 'UpdateIdentity', uuid: AGENT, ...fields }) as const;
  const granting = (from: string, to: string) => {
    const document = JSON.stringify({ grants: [{ from: [from], to: [to] }] });
    return { kind: 'PutPolicy', document } as const;
  };

  it.each<[string, Command]>([
    ['a label', describedAs({ labels: { site: 'Kiel' } })],
    ['a role that operators do not give', describedAs({ roles: ['agent', 'observer'] })],
    ['grants for its UUID', granting(`uuid:${AGENT}`, '*')],
    ['grants to its UUID', granting('role:client', `uuid:${AGENT.toUpperCase()}`)],
  ])('replaces no key of an identity with %s, and an administrator’s does', (_what, command) => {
    const network = networkOf(...MEMBERS, issued, command);
    expect(replacerFault(network.state, redeemed)).toMatchObject({ reason: 'IDENTITY_MISMATCH' });
    const [byAdmin, again] = replacing('u', ADMIN);
    network.apply(byAdmin);
    expect(replacerFault(network.state, again)).toBeUndefined();
    network.apply(again);
    expect(keysOf(network)).toEqual(['public key other']);
  });

  it('replaces no key of an identity by whose name the policy grants', () => {
    const network = networkOf(...MEMBERS, issued, describedAs({ name: 'anna' }));
    expect(replacerFault(network.state, redeemed)).toBeUndefined();
    network.apply(granting('name:anna', '*'));
    expect(replacerFault(network.state, redeemed)).toMatchObject({ reason: 'IDENTITY_MISMATCH' });
  });

  it('replaces the key of an agent that a policy grants nothing but by its role', () => {
    const network = networkOf(...MEMBERS, granting('role:client', `uuid:${OPERATOR}`), issued);
    expect(replacerFault(network.state, redeemed)).toBeUndefined();
  });

  it('is the same redemption again after labels came, and changes nothing', () => {
    const network = networkOf(...MEMBERS, issued, redeemed, describedAs({ labels: { site: 'Kiel' } }));
    expect(replacerFault(network.state, redeemed)).toBeUndefined();
    expect(network.apply(redeemed).changes).toEqual([]);
  });

  it('stays redeemed in a journal of a build that let it', () => {
    const network = networkOf(...MEMBERS, issued, describedAs({ labels: { site: 'Kiel' } }), redeemed);
    expect(keysOf(network)).toEqual(['public key other']);
  });
});

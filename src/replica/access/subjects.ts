import { type Access, authRequired, type Subject } from '../../core/decide/policy/authorize.js';
import { Fault } from '../../core/model/fault.js';
import { DEFAULT_NETWORK } from '../../core/model/network.js';
import { type Identity, IdentityKind, KeyOrigin } from '../../core/model/trust/identity.js';
import type { GrantParty } from '../../core/model/trust/policy.js';
import type { Principal } from '../../core/model/trust/principal.js';
import type { StateView } from '../../core/store/state-view.js';
import { vouchedText } from '../../trust/vouched-key.js';

const EXPIRED = {
  token: 'the access token has expired: log in again',
  issuer: "the issuer's token has expired",
  certificate: 'the client certificate has expired',
} as const;

/** The principal that the administrator's token proves. */
export const ADMINISTRATOR: Principal = {
  network: DEFAULT_NETWORK,
  identityUuid: '',
  kind: IdentityKind.PERSON,
  roles: ['admin'],
  via: 'administrator',
};

/** The refusal of an identity that nobody has let in, and of a key that one never had: who shows it is not told which. */
export function unknownIdentity(uuid: string): Fault {
  const way = 'it redeems a ticket, or an administrator binds its key with switchyard identity bind and approves it';
  const other = `where it was known by another key, an administrator binds the new one, or runs switchyard ticket issue --for ${uuid}`;
  return new Fault('AUTH_REQUIRED', `identity ${uuid} is not known here by this key: ${way}; ${other}`, [], undefined, {
    permission: 'session.open',
  });
}

/** The refusal of what was begun by something that has ended since. */
export function expiredFault(via: keyof typeof EXPIRED): Fault {
  return new Fault('AUTH_REQUIRED', EXPIRED[via]);
}

/** Whether an identity rests on the word of an issuer that the policy names no more. */
export function isDisowned({ policy }: Pick<StateView, 'policy'>, { keys }: Identity, keyId: string): boolean {
  const key = keys.find(({ id }) => id === keyId);
  if (key?.origin !== KeyOrigin.ISSUER) return false;
  const [issuer] = vouchedText(key.key).split(' ');
  return !policy?.policy.issuers.some((one) => one.issuer === issuer);
}

/** What grants look at of a principal. */
export function partyOf({ identities }: StateView, { identityUuid: uuid, roles }: Principal): GrantParty {
  return identities.get(uuid) ?? { uuid, name: '', roles, labels: {} };
}

/** Why nobody may not do what every principal may; undefined for a principal, and where nobody has to be one. */
export function refuseNobody({ mode }: Access, { principal, isAdministrator }: Subject): Fault | undefined {
  return mode !== 'required' || isAdministrator || principal !== undefined
    ? undefined
    : authRequired(principal, 'this');
}

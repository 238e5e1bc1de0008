import { Fault } from '../../model/fault.js';
import { OPEN_PERMISSIONS, type Permission } from '../../model/trust/permission.js';
import type { AuthMode, GrantParty, Policy } from '../../model/trust/policy.js';
import type { Principal } from '../../model/trust/principal.js';
import { isGranted, permits, roleWith } from './permits.js';

/** As whom a call is made. */
export interface Subject {
  /** Absent: nobody proved an identity that counts on this connection. */
  readonly principal: Principal | undefined;
  /** What grants look at; absent without a principal. */
  readonly party: GrantParty | undefined;
  /** The call carries the administrator's token. */
  readonly isAdministrator: boolean;
}

/** By what is decided. */
export interface Access {
  /** The mode that holds in this process: that of the policy, or a stricter one. */
  readonly mode: AuthMode;
  readonly policy: Pick<Policy, 'grants'>;
}

const OPEN: ReadonlySet<Permission> = new Set(OPEN_PERMISSIONS);
const ADMIN = ['admin'];

/**
 * Decides whether a call may do something, and with which target where the policy grants it for targets. Undefined: it may.
 *
 * A refusal names the permission and not the policy, which is for administrators to read.
 */
export function authorize(
  { mode, policy }: Access,
  { principal, party, isAdministrator }: Subject,
  permission: Permission,
  target?: GrantParty,
): Fault | undefined {
  if (isAdministrator && roleWith(ADMIN, permission) !== undefined) return undefined;
  if (mode !== 'required' && OPEN.has(permission)) return undefined;
  if (party !== undefined && permits(policy, party, permission, target)) return undefined;
  if (party !== undefined && party.roles.length > 0) return denied(permission, isGranted(permission));
  if (isAdministrator) return denied(permission, false);
  return mode === 'required' ? authRequired(principal, permission) : adminRequired(permission);
}

/** The refusal of somebody who is known, and may not do this. */
function denied(permission: Permission, isForTarget: boolean): Fault {
  const what = isForTarget ? `${permission} with this target` : permission;
  return new Fault('PERMISSION_DENIED', `your roles do not allow ${what}`, [], undefined, { permission });
}

/** The refusal of somebody who is not known, or has no role. `what` is the permission, or what stands for it. */
export function authRequired(principal: Principal | undefined, what: Permission | 'this'): Fault {
  const message =
    principal === undefined
      ? `${what} needs a proof of an identity: this server's callers have to say who they are`
      : `identity ${principal.identityUuid} has no role: an administrator gives it one with switchyard identity approve`;
  return new Fault('AUTH_REQUIRED', message, [], undefined, what === 'this' ? {} : { permission: what });
}

function adminRequired(permission: Permission): Fault {
  return new Fault('ADMIN_REQUIRED', `${permission} needs the metadata switchyard-admin`, [], undefined, {
    permission,
  });
}

import type { Role } from '../../model/trust/identity.js';
import {
  GRANTED_PERMISSIONS,
  type GrantedPermission,
  type Permission,
  ROLE_PERMISSIONS,
} from '../../model/trust/permission.js';
import type { Grant, GrantParty, Policy, PortRange, Selector } from '../../model/trust/policy.js';

const GRANTED: ReadonlySet<string> = new Set(GRANTED_PERMISSIONS);
const OF_ROLE: ReadonlyMap<string, ReadonlySet<Permission>> = new Map(
  Object.entries(ROLE_PERMISSIONS).map(([role, permissions]) => [role, new Set(permissions)]),
);

/** Whether a policy lets a principal do something in the mode `required`, and with this target where it needs one. */
export function permits(
  policy: Pick<Policy, 'grants'>,
  from: GrantParty,
  permission: Permission,
  to: GrantParty | undefined,
): boolean {
  if (!isGranted(permission)) return roleWith(from.roles, permission) !== undefined;
  return to !== undefined && grantFor(policy, from, permission, to) !== -1;
}

/** Whether a permission is granted for pairs of principals and targets. */
export function isGranted(permission: Permission): permission is GrantedPermission {
  return GRANTED.has(permission);
}

/** The first of these roles that has a permission by itself. */
export function roleWith(roles: readonly string[], permission: Permission): Role | undefined {
  return roles.find((role) => OF_ROLE.get(role)?.has(permission) === true) as Role | undefined;
}

/** The place of the first grant that lets a principal do something with a target; -1: none does. */
export function grantFor(
  { grants }: Pick<Policy, 'grants'>,
  from: GrantParty,
  permission: GrantedPermission,
  to: GrantParty,
): number {
  return grants.findIndex((grant) => isFor(grant, from, permission, to));
}

/**
 * The ports of a target that a principal may reach by its connections, ascending and apart from each other; undefined: all that the target
 * opens. Whether it may ask for a connection at all, {@link permits} says.
 */
export function grantedPorts(
  { grants }: Pick<Policy, 'grants'>,
  from: GrantParty,
  to: GrantParty,
): readonly PortRange[] | undefined {
  const ranges: PortRange[] = [];
  for (const grant of grants) {
    if (!isFor(grant, from, 'connection.ask', to)) continue;
    if (grant.ports === undefined) return undefined;
    ranges.push(...grant.ports);
  }
  return merged(ranges);
}

/** Whether a port is in one of these ranges. */
export function hasPort(ranges: readonly PortRange[], port: number): boolean {
  return ranges.some(({ first, last }) => first <= port && port <= last);
}

/** Whether a grant of a policy is for one identity by its UUID or name, on either side. */
export function selects(
  policy: Pick<Policy, 'grants'> | undefined,
  { uuid, name }: Pick<GrantParty, 'uuid' | 'name'>,
): boolean {
  const isOne = (one: Selector) => (one.by === 'uuid' && one.uuid === uuid) || (one.by === 'name' && one.name === name);
  return (policy?.grants ?? []).some(({ from, to }) => [...from, ...to].some(isOne));
}

function merged(ranges: readonly PortRange[]): readonly PortRange[] {
  const apart: { first: number; last: number }[] = [];
  for (const { first, last } of [...ranges].sort((x, y) => x.first - y.first)) {
    const before = apart.at(-1);
    if (before !== undefined && first <= before.last + 1) before.last = Math.max(before.last, last);
    else apart.push({ first, last });
  }
  return apart;
}

function isFor(grant: Grant, from: GrantParty, permission: GrantedPermission, to: GrantParty): boolean {
  return grant.may.includes(permission) && isOneOf(from, grant.from) && isOneOf(to, grant.to);
}

function isOneOf(party: GrantParty, selectors: readonly Selector[]): boolean {
  return selectors.some((selector) => isSelected(party, selector));
}

function isSelected({ uuid, name, roles, labels }: GrantParty, selector: Selector): boolean {
  switch (selector.by) {
    case 'all':
      return true;
    case 'role':
      return roles.includes(selector.role);
    case 'label':
      return Object.hasOwn(labels, selector.key) && labels[selector.key] === selector.value;
    case 'uuid':
      return uuid === selector.uuid;
    case 'name':
      return name !== '' && name === selector.name;
  }
}

import type {
  ExplainRequest,
  ExplainResponse,
  GetPolicyResponse,
  PutPolicyRequest,
  PutPolicyResponse,
} from '../../../gen/switchyard/v1/identity.js';
import { Checked } from '../../core/decide/check.js';
import { identityNotFound } from '../../core/decide/identity.js';
import { grantFor, isGranted, roleWith } from '../../core/decide/policy/permits.js';
import type { PutPolicy } from '../../core/model/command.js';
import { Fault } from '../../core/model/fault.js';
import type { Identity } from '../../core/model/trust/identity.js';
import { PERMISSIONS, type Permission } from '../../core/model/trust/permission.js';
import { AUTH_MODE_NUMBERS, type Selector } from '../../core/model/trust/policy.js';
import type { StateView } from '../../core/store/state-view.js';
import { tryOutCurrently } from '../../replica/currency.js';
import type { Backing } from '../backing.js';
import type { Caller } from '../caller.js';
import { positionMessage } from '../encode/message.js';

/** Reads the policy. */
export function getPolicy({ replica, gatekeeper }: Backing): GetPolicyResponse {
  const { document = '', revision = 0 } = replica.state.policy ?? {};
  return { document, revision: BigInt(revision), mode: AUTH_MODE_NUMBERS[gatekeeper.mode] };
}

/** Stores a policy, or only checks it. */
export async function putPolicy(
  { replica, gatekeeper }: Backing,
  { document, validateOnly, ifRevision }: PutPolicyRequest,
  { by }: Caller,
): Promise<PutPolicyResponse | Fault> {
  const { state } = replica;
  const condition = ifRevision === undefined ? {} : { ifRevision: Number(ifRevision) };
  const command: PutPolicy = { kind: 'PutPolicy', document, ...condition };
  const outcome = validateOnly ? await tryOutCurrently(replica, command) : await replica.submit({ ...command, ...by });
  if (outcome instanceof Fault) return outcome;
  const revision = BigInt(state.policy?.revision ?? 0);
  const mode = AUTH_MODE_NUMBERS[gatekeeper.mode];
  return { revision, mode, position: positionMessage(state.position) };
}

/** Says who may do what, and why. */
export function explainAccess({ replica: { state } }: Backing, request: ExplainRequest): ExplainResponse | Fault {
  const checked = new Checked(state.limits);
  const permission = PERMISSIONS.find((one) => one === request.permission);
  if (permission === undefined) {
    checked.wrong('permission', `${JSON.stringify(request.permission.slice(0, 48))}; ${PERMISSIONS.join(', ')} are`);
  } else if (isGranted(permission) && request.to === '') {
    checked.wrong('to', `${permission} is granted for a target: name one`);
  }
  if (request.from === '') checked.wrong('from', 'the UUID or the name of an identity is needed');
  const wrong = Fault.fields(checked.violations);
  if (wrong !== undefined) return wrong;
  const from = findIdentity(state, request.from);
  const to = request.to === '' ? undefined : findIdentity(state, request.to);
  if (from instanceof Fault) return from;
  return to instanceof Fault ? to : explained(state, from, { permission: permission!, to });
}

function findIdentity({ identities }: StateView, text: string): Identity | Fault {
  return identities.get(text.toLowerCase()) ?? identities.named(text) ?? identityNotFound(text.slice(0, 63));
}

function explained(
  { policy }: StateView,
  from: Identity,
  { permission, to }: { readonly permission: Permission; readonly to: Identity | undefined },
): ExplainResponse {
  if (from.revoked) return { allowed: false, because: 'the identity is revoked' };
  if (!isGranted(permission)) {
    const role = roleWith(from.roles, permission);
    const because =
      role === undefined ? `no role of the identity has ${permission}` : `the role ${role} has ${permission}`;
    return { allowed: role !== undefined, because };
  }
  const grants = policy?.policy.grants ?? [];
  const at = to === undefined ? -1 : grantFor({ grants }, from, permission, to);
  if (at === -1) return { allowed: false, because: `no grant of the policy lets it do ${permission} with this target` };
  const sides = [grants[at].from, grants[at].to].map((selectors) => selectors.map(selectorText).join(', '));
  return { allowed: true, because: `grants[${at}] lets ${sides[0]} do this with ${sides[1]}` };
}

function selectorText(selector: Selector): string {
  switch (selector.by) {
    case 'all':
      return '*';
    case 'role':
      return `role:${selector.role}`;
    case 'label':
      return `label:${selector.key}=${selector.value}`;
    case 'uuid':
      return `uuid:${selector.uuid}`;
    case 'name':
      return `name:${selector.name}`;
  }
}

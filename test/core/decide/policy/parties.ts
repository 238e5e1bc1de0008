import { readPolicy } from '../../../../src/core/decide/policy/policy-document.js';
import { Fault } from '../../../../src/core/model/fault.js';
import type { GrantParty, Policy } from '../../../../src/core/model/trust/policy.js';

/** One end of a grant: nobody, but for what is said. */
export function party(fields: Partial<GrantParty> = {}): GrantParty {
  return { uuid: '', name: '', roles: [], labels: {}, ...fields };
}

/** The policy that a good document comes to. */
export function policyOf(document: object): Policy {
  const policy = readPolicy(JSON.stringify(document));
  if (policy instanceof Fault) throw new Error(policy.message);
  return policy;
}

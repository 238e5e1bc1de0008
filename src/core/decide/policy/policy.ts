import type { Change } from '../../model/change.js';
import type { PutPolicy } from '../../model/command.js';
import { Fault } from '../../model/fault.js';
import { foundingDocument } from '../../model/trust/policy.js';
import type { State } from '../../store/state.js';
import { readPolicy } from './policy-document.js';

/** Gives the network another policy. */
export function putPolicy(state: State, command: PutPolicy, revision: number): Change[] | Fault {
  const { document, ifRevision } = command;
  const policy = readPolicy(document);
  if (policy instanceof Fault) return policy;
  const { revision: now = 0, document: before } = state.policy ?? {};
  if (ifRevision !== undefined && ifRevision !== now) {
    const message = `the policy is that of revision ${now}, and not of ${ifRevision}: read it again`;
    return new Fault('OUT_OF_ORDER', message, [], undefined, { revision: String(now) });
  }
  return document === before ? [] : [{ kind: 'PolicyPut', policy: { document, revision, policy } }];
}

/** Makes a network that has no policy one whose callers prove who they are: its first ticket does. Otherwise changes nothing. */
export function hardened(state: State, revision: number): Change[] {
  if (state.policy !== undefined) return [];
  const document = foundingDocument('required');
  const policy = readPolicy(document);
  if (policy instanceof Fault) throw new Error(`the founding document is refused: ${policy.message}`);
  return [{ kind: 'PolicyPut', policy: { document, revision, policy } }];
}

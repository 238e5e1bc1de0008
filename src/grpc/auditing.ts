import type { IssueTicketResponse } from '../../gen/switchyard/v1/identity.js';
import type { AuditLog } from '../audit/audit-log.js';
import { readPolicy } from '../core/decide/policy/policy-document.js';
import { Fault } from '../core/model/fault.js';
import { ruleOf } from '../core/model/trust/permission.js';
import type { Gatekeeper } from '../replica/access/gatekeeper.js';
import { originOfPeer } from '../shares/origin.js';
import type { Caller } from './caller.js';
import { methodOfPath } from './rules.js';

/** What of a request says whom or what it is about. */
interface Described {
  readonly identityUuid?: string;
  readonly ticketId?: string;
  readonly cvid?: number;
  readonly id?: number;
  /** The document of a policy. */
  readonly document?: string;
  /** The name of a network, where the request names nothing else. */
  readonly name?: string;
  readonly validateOnly?: boolean;
  readonly proof?: { readonly identityUuid: string } | undefined;
  readonly oldProof?: { readonly identityUuid: string } | undefined;
}

/** A call, and what came of it. */
export interface AuditedCall {
  readonly call: { getPath(): string; getPeer(): string; readonly request?: unknown };
  readonly outcome: unknown;
  /** Undefined: what it showed was not good. */
  readonly caller: Caller | undefined;
  readonly gatekeeper: Pick<Gatekeeper, 'nameOf'>;
}

/** Tells the audit log who did what to whom, or who was refused. Most calls change nothing of others, and are not told. */
export function auditCall(
  audit: Pick<AuditLog, 'done' | 'refused'>,
  { call, outcome, caller, gatekeeper }: AuditedCall,
): void {
  const what = methodOfPath(call.getPath());
  const isRefused = outcome instanceof Fault;
  if (!isRefused && ruleOf(what).audited === undefined) return;
  const { validateOnly = false, ...about } = (call.request ?? {}) as Described;
  const act = { who: caller && gatekeeper.nameOf(caller), from: originOfPeer(call.getPeer()).address, what };
  if (isRefused) audit.refused(act, outcome.reason);
  else if (!validateOnly && !(ruleOf(what).audited === 'others' && isOwn(about, caller))) {
    audit.done({ ...act, on: issuedTicket(about, outcome) ?? targetOf(about) });
  }
}

/** A session ends itself, and streams at whose ends it is. */
function isOwn({ cvid }: Described, caller: Caller | undefined): boolean {
  if (caller?.sid === undefined || caller.isAdmin) return false;
  return cvid === undefined || cvid === 0 || cvid === caller.sid;
}

/** The ticket that a call has issued, which its request could not name. The outcome of what can be taken back is a `MadeForCaller`. */
function issuedTicket({ identityUuid }: Described, outcome: unknown): string | undefined {
  const { response } = (outcome ?? {}) as { readonly response?: Partial<IssueTicketResponse> };
  const ticket = response?.ticket;
  if (ticket === undefined) return undefined;
  return identityUuid ? `ticket ${ticket.ticketId} for ${identityUuid.toLowerCase()}` : `ticket ${ticket.ticketId}`;
}

function targetOf({ identityUuid, ticketId, proof, oldProof, cvid, id, document, name }: Described): string {
  const identity = identityUuid || proof?.identityUuid || oldProof?.identityUuid;
  if (identity) return `identity ${identity.toLowerCase()}`;
  if (ticketId) return `ticket ${ticketId}`;
  if (cvid) return `session ${cvid}`;
  if (id) return `stream ${id}`;
  if (document) return describePolicy(document);
  return name ? `network ${name}` : '';
}

/** The mode by which a policy lets callers in: one that is lowered shows, also where the process itself is stricter. */
function describePolicy(document: string): string {
  const policy = readPolicy(document);
  return policy instanceof Fault ? 'policy' : `policy of mode ${policy.auth}`;
}

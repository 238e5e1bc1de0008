import { msOf } from '../net/refusal.js';
import type { Identity, PolicyFacts, Ticket, TicketWish } from '../wire/trust-messages.js';

/** What the services let somebody do, as far as a page offers it. The server has the whole table of them. */
export type Permission =
  | 'network.read'
  | 'session.terminate'
  | 'stream.stop'
  | 'ticket.issue'
  | 'identity.read'
  | 'identity.manage'
  | 'policy.read'
  | 'audit.read';

/** `switchyard.v1.IdentityKind`, by number, as the command line has them. */
export const KINDS = ['', 'instance', 'service', 'person'] as const;
/** The roles that a ticket can give. */
export const ROLES = ['agent', 'client', 'observer', 'operator', 'admin'] as const;
/** Those of them that whoever issues tickets can give; the others need `identity.manage`. */
export const LOW_ROLES: readonly string[] = ['agent', 'client'];
const AUTH_REQUIRED = 3;
const HOUR_S = 3_600;

/** What an identity or a ticket is for, in a word. */
export function kindWord(kind: number): string {
  return KINDS[kind] || String(kind);
}

/** What a ticket still lets in. The page's clock decides about its end, as the server says nothing when it comes. */
export function ticketState(ticket: Ticket, nowMs: number): 'revoked' | 'expired' | 'spent' | 'good' {
  const { revoked, used, uses, expiresAt } = ticket;
  if (revoked) return 'revoked';
  if (expiresAt !== undefined && msOf(expiresAt) <= nowMs) return 'expired';
  return used >= uses ? 'spent' : 'good';
}

/** Whether an identity has a session. */
export function identityState({ revoked, cvid }: Identity): 'revoked' | 'away' | 'here' {
  return revoked ? 'revoked' : cvid === 0 ? 'away' : 'here';
}

/** Whether the next ticket makes a network, which takes callers without proof, one that does not. */
export function changesMode({ revision, mode }: PolicyFacts): boolean {
  return revision === 0 && mode !== AUTH_REQUIRED;
}

/** What a form asks for. The server says what of it cannot be. */
export function readWish(form: FormData): TicketWish {
  const textOf = (name: string) => String(form.get(name) ?? '').trim();
  return {
    kind: Number(textOf('kind')),
    roles: form.getAll('role').map(String),
    uses: Number(textOf('uses')),
    validFor: { seconds: Math.round(Number(textOf('hours')) * HOUR_S), nanos: 0 },
    names: textOf('names'),
    addresses: textOf('addresses')
      .split(/[\s,]+/)
      .filter((address) => address !== ''),
  };
}

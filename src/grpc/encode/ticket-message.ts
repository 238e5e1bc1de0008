import type { Ticket as TicketMessage } from '../../../gen/switchyard/v1/identity.js';
import { type Ticket, ticketId } from '../../core/model/trust/ticket.js';

/** A ticket, without its hash: that would let guesses of the secret be tried. */
export function ticketMessage(ticket: Ticket): TicketMessage {
  const { identityKind: kind, roles, uses, used, names, forUuid, issuedAtMs, expiresAtMs, issuer, revoked } = ticket;
  return {
    ticketId: ticketId(ticket),
    kind,
    roles: [...roles],
    uses,
    used,
    names,
    identityUuid: forUuid,
    issuedAt: new Date(issuedAtMs),
    expiresAt: new Date(expiresAtMs),
    issuerUuid: issuer,
    revoked,
  };
}

/** Bytes of a ticket's message, about. */
export function ticketSize({ roles, names }: Ticket): number {
  return 192 + 34 * roles.length + names.length;
}

import type { Change } from '../model/change.js';
import type { State } from '../store/state.js';

/** The tickets of an issuer that is trusted no more, revoked in the same revision. */
export function revokeTicketsOf(state: State, issuer: string): Change[] {
  const changes: Change[] = [];
  for (const ticket of state.tickets.all()) {
    if (ticket.issuer === issuer && !ticket.revoked) {
      changes.push({ kind: 'TicketPut', ticket: { ...ticket, revoked: true } });
    }
  }
  return changes;
}

/** Those of an issuer that is forgotten: what names it goes, too. */
export function forgetTicketsOf(state: State, issuer: string): Change[] {
  const own = [...state.tickets.all()].filter((ticket) => ticket.issuer === issuer);
  return own.map((ticket) => ({ kind: 'TicketForgotten', ticket }));
}

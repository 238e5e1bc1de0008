import type { Change } from '../model/change.js';
import type { Enroll, IssueTicket, RevokeTicket } from '../model/command.js';
import { Fault } from '../model/fault.js';
import { CloseReason } from '../model/session.js';
import { IDENTITY_BOUNDS, type Identity, KeyOrigin, mayHaveSeveral } from '../model/trust/identity.js';
import { fitsPattern, isTicketOver, LOW_ROLES, TICKET_BOUNDS, type Ticket, ticketId } from '../model/trust/ticket.js';
import type { State } from '../store/state.js';
import type { StateView } from '../store/state-view.js';
import { isOpenedBy, nameTaken } from './identity.js';
import { heldByOther, keyFault, newcomer, putIdentity, revokedFault } from './policy/opener.js';
import { roleWith, selects } from './policy/permits.js';
import { hardened } from './policy/policy.js';
import { endSessions } from './session.js';

/** Stores a ticket. Where there is no room, the oldest that is over makes room. The first one gives a network without a policy one. */
export function issueTicket(state: State, command: IssueTicket, revision: number): Change[] | Fault {
  const { hash, issuer, uses, expiresAtMs, identityKind, roles, names, forUuid, atMs } = command;
  const { ticketsMax, perIssuerMax } = TICKET_BOUNDS;
  const given = { identityKind, roles, names, forUuid, revoked: false };
  const ticket: Ticket = { number: revision, hash, issuer, issuedAtMs: atMs, expiresAtMs, uses, used: 0, ...given };
  const id = ticketId(ticket);
  if (state.tickets.get(id) !== undefined) return new Fault('TICKET_INVALID', `there is a ticket ${id} already`);
  // Somebody with the administrator's token is bounded by the bound of all.
  if (issuer !== '' && goodOf(state, issuer, atMs) >= perIssuerMax) {
    return new Fault('NETWORK_LIMIT', `${perIssuerMax} tickets of one issuer that are good are the limit: revoke some`);
  }
  const placed: Change[] = [{ kind: 'TicketPut', ticket }, ...hardened(state, revision)];
  if (state.tickets.count < ticketsMax) return placed;
  const oldestOver = overIn(state, atMs);
  if (oldestOver !== undefined) return [{ kind: 'TicketForgotten', ticket: oldestOver }, ...placed];
  return new Fault('NETWORK_LIMIT', `${ticketsMax} tickets that are good are the limit: revoke some`);
}

function goodOf(state: State, issuer: string, atMs: number): number {
  let count = 0;
  for (const one of state.tickets.all()) if (one.issuer === issuer && !isTicketOver(one, atMs)) count++;
  return count;
}

/** The oldest that is over. */
function overIn(state: State, atMs: number): Ticket | undefined {
  for (const one of state.tickets.all()) if (isTicketOver(one, atMs)) return one;
  return undefined;
}

/** Lets a ticket let nobody in any more. Who has enrolled by it stays. */
export function revokeTicket(state: State, { id }: RevokeTicket): Change[] | Fault {
  const ticket = state.tickets.get(id);
  if (ticket === undefined) return ticketNotFound(id);
  return ticket.revoked ? [] : [{ kind: 'TicketPut', ticket: { ...ticket, revoked: true } }];
}

/**
 * Spends a use of a ticket, makes the identity and binds its key: all of it or nothing. The same ticket, identity and key again
 * change nothing, so that a lost answer costs nothing.
 */
export function enroll(state: State, command: Enroll, revision: number): Change[] | Fault {
  const { uuid, keyId, atMs } = command;
  const ticket = state.tickets.ofHash(command.ticketHash);
  if (ticket === undefined) return new Fault('TICKET_INVALID', 'there is no such ticket');
  const identity = state.identities.get(uuid);
  const fault = enrolFault(state, ticket, identity, command);
  if (fault !== undefined) return fault;
  if (hasRedeemed(identity, ticket, keyId, atMs)) return [];
  const lapsed = lapsedFault(ticket, atMs);
  if (lapsed !== undefined) return lapsed;
  const named = command.name === '' ? (identity?.name ?? '') : command.name;
  const nameFault = nameProblem(ticket, named) ?? nameTaken(state, uuid, named);
  if (nameFault !== undefined) return nameFault;
  const enrolled = enrolledIdentity(identity ?? newcomer(state, uuid), ticket, command);
  const placed = putIdentity(state, { ...enrolled, name: named });
  if (placed instanceof Fault) return placed;
  const ended = endOthers(state, enrolled, command, revision);
  return [...ended, { kind: 'TicketPut', ticket: { ...ticket, used: ticket.used + 1 } }, ...placed];
}

/** The refusal of a ticket that is not there. */
export function ticketNotFound(id: string): Fault {
  return new Fault('TICKET_NOT_FOUND', `no ticket ${id}`);
}

/** Whether this very redemption was done before. */
export function hasRedeemed(identity: Identity | undefined, ticket: Ticket, keyId: string, atMs: number): boolean {
  return identity?.ticket === ticketId(ticket) && keyFault(identity, keyId, atMs) === undefined;
}

/** Why a ticket is not for this identity and key, whatever is left of it. */
function enrolFault(
  state: State,
  ticket: Ticket,
  identity: Identity | undefined,
  { uuid, keyId, atMs }: Enroll,
): Fault | undefined {
  if (ticket.revoked) return new Fault('TICKET_INVALID', 'the ticket is revoked');
  if (ticket.forUuid !== '' && ticket.forUuid !== uuid) {
    return new Fault('IDENTITY_MISMATCH', `the ticket is for another identity than ${uuid}`);
  }
  const held = identity === undefined ? state.sessions.ofInstance(uuid)?.identity : undefined;
  if (held !== undefined && ticket.forUuid !== uuid) return heldByOther(uuid);
  if (identity === undefined) return undefined;
  if (identity.revoked) return revokedFault(uuid);
  if (identity.barred.includes(keyId)) return new Fault('PROOF_INVALID', `the key is barred for instance ${uuid}`);
  if (identity.roles.length > 0 && identity.kind !== ticket.identityKind) {
    return new Fault('IDENTITY_MISMATCH', `${uuid} is an identity of another kind than those that the ticket is for`);
  }
  // Whoever shows a key that the identity has is the identity; anybody else needs a ticket that says so.
  if (keyFault(identity, keyId, atMs) === undefined) return undefined;
  if (ticket.forUuid === uuid) return undefined;
  return new Fault('IDENTITY_MISMATCH', `identity ${uuid} has another key: only a ticket issued for it replaces that`);
}

/**
 * Why who issued a ticket may not replace the keys of an identity: an operator that could would be an administrator by its own ticket. The
 * identity may have become more than an operator gives since the ticket was issued, and the issuer less.
 *
 * Doors ask before an Enroll is stored: one that is stored is done, as it was.
 */
export function replacerFault(
  { identities, tickets, policy }: StateView,
  { ticketHash, uuid, keyId, atMs }: Pick<Enroll, 'ticketHash' | 'uuid' | 'keyId' | 'atMs'>,
): Fault | undefined {
  const [ticket, identity] = [tickets.ofHash(ticketHash), identities.get(uuid)];
  if (ticket?.forUuid !== uuid || identity === undefined || keyFault(identity, keyId, atMs) === undefined)
    return undefined;
  const issuerRoles = identities.get(ticket.issuer)?.roles ?? [];
  if (ticket.issuer === '' || roleWith(issuerRoles, 'identity.manage') !== undefined) return undefined;
  const isLow = identity.roles.every((role) => LOW_ROLES.includes(role)) && Object.keys(identity.labels).length === 0;
  if (isLow && !selects(policy?.policy, identity)) return undefined;
  return new Fault('IDENTITY_MISMATCH', `only a ticket that an administrator has issued replaces the keys of ${uuid}`);
}

function lapsedFault({ used, uses, expiresAtMs }: Ticket, atMs: number): Fault | undefined {
  if (atMs >= expiresAtMs) {
    return new Fault('TICKET_INVALID', `the ticket was good until ${new Date(expiresAtMs).toISOString()}`);
  }
  return used < uses ? undefined : new Fault('TICKET_INVALID', `all uses of the ticket are spent: it had ${uses}`);
}

function nameProblem({ names }: Ticket, name: string): Fault | undefined {
  if (names === '' || fitsPattern(name, names)) return undefined;
  const given = name === '' ? 'a name is needed' : `${name} is not allowed`;
  return Fault.fields([{ field: 'name', description: `${given}: the ticket is for names like ${names}` }]);
}

/** The identity with the key, and with what the ticket gives; what it had stays, but for keys that are replaced. */
function enrolledIdentity(before: Identity, ticket: Ticket, { key, keyId: id, atMs }: Enroll): Identity {
  const roles = [...new Set([...before.roles, ...ticket.roles])].slice(0, IDENTITY_BOUNDS.rolesMax);
  const gained = { ...before, kind: ticket.identityKind, roles, ticket: ticketId(ticket) };
  if (keyFault(before, id, atMs) === undefined) return gained;
  const bound = { id, key, origin: KeyOrigin.TICKET, boundAtMs: atMs, goodUntilMs: 0 };
  const barred = [...before.barred, ...before.keys.map((known) => known.id)].filter((known) => known !== id);
  return { ...gained, keys: [bound], barred: [...new Set(barred)].slice(-IDENTITY_BOUNDS.barredMax) };
}

/**
 * What another key has opened ends where keys are replaced, or the first one comes; what one of its good keys has opened goes on
 * otherwise. What becomes an instance keeps the session of its own UUID only.
 */
function endOthers(state: State, { kind }: Identity, { uuid, keyId, atMs }: Enroll, revision: number): Change[] {
  const before = state.identities.get(uuid);
  const isReplaced = before === undefined || keyFault(before, keyId, atMs) !== undefined;
  const ended = state.sessions
    .ofIdentity(uuid)
    .filter(
      (session) =>
        (isReplaced && !isOpenedBy(session, uuid, keyId)) || (!mayHaveSeveral(kind) && session.uuid !== uuid),
    );
  return endSessions(state, ended, CloseReason.REVOKED, revision);
}

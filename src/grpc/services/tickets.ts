import { hash } from 'node:crypto';
import type {
  EnrollRequest,
  EnrollResponse,
  IssueTicketRequest,
  IssueTicketResponse,
  ListTicketsRequest,
  ListTicketsResponse,
  RevokeTicketRequest,
  RevokeTicketResponse,
} from '../../../gen/switchyard/v1/identity.js';
import { parseAddress } from '../../base/address.js';
import { ValueError } from '../../base/value-error.js';
import { Checked } from '../../core/decide/check.js';
import { ticketNotFound } from '../../core/decide/ticket.js';
import type { IssueTicket } from '../../core/model/command.js';
import { Fault } from '../../core/model/fault.js';
import { IDENTITY_BOUNDS, IdentityKind, ROLES } from '../../core/model/trust/identity.js';
import { LOW_ROLES, TICKET_BOUNDS, TICKET_ID_LENGTH, type Ticket, ticketId } from '../../core/model/trust/ticket.js';
import { encodeTicket, TICKET_ADDRESSES_MAX, TICKET_SECRET_BYTES } from '../../trust/ticket.js';
import type { Backing } from '../backing.js';
import type { MadeForCaller } from '../call-handlers.js';
import type { Caller } from '../caller.js';
import { msOf } from '../encode/duration.js';
import { identityMessage } from '../encode/identity-message.js';
import { positionMessage } from '../encode/message.js';
import { ticketMessage, ticketSize } from '../encode/ticket-message.js';
import { fillPage, nextTokenOf, readPage } from './page.js';

const DAY_MS = 86_400_000;
const VALID_MS_MIN = 1_000;
const VALID_MS_MAX = 366 * DAY_MS;
const NAMES = /^[a-z0-9.*-]{1,63}$/;
const ID = new RegExp(`^[0-9a-f]{${TICKET_ID_LENGTH}}$`);
const KINDS: readonly number[] = Object.values(IdentityKind);

/** Slots of identities that are looked at in one turn of the event loop: about a millisecond. */
const SLOTS_A_TURN = 16_384;
/** Identities that are revoked at once: a batch, beside what others ask for. */
const REVOKED_AT_ONCE = 64;

/** What ListTickets lists: it has no filter. */
const ALL_TICKETS = { method: 'ListTickets', filter: {} };

/**
 * Issues a ticket, and answers with the only copy of its secret: without a caller to take it, the ticket is revoked. The policy `required`,
 * which the first ticket gives a network that has none, stays: to take it back would open the network to callers without a proof.
 */
export async function issueTicket(
  backing: Backing,
  request: IssueTicketRequest,
  caller: Caller,
): Promise<MadeForCaller<IssueTicketResponse> | Fault> {
  const { replica, random, clock, reach, audit } = backing;
  const checked = new Checked(replica.state.limits);
  const said = readTicket(checked, request);
  const addresses = readAddresses(checked, request);
  const wrong = Fault.fields(checked.violations);
  if (wrong !== undefined) return wrong;
  const refused = issuerFault(said.roles, caller, 'IssueTicket');
  if (refused !== undefined) return refused;
  const { validMs, ...ticket } = said;
  const secret = random.bytes(TICKET_SECRET_BYTES);
  const atMs = clock.wallMs();
  const command: IssueTicket = {
    kind: 'IssueTicket',
    ...ticket,
    hash: hash('sha256', secret, 'buffer').toString('latin1'),
    issuer: caller.identityUuid ?? '',
    expiresAtMs: atMs + validMs,
    atMs,
    ...caller.by,
  };
  const applied = await replica.submit(command);
  if (applied instanceof Fault) return applied;
  const issued = replica.state.tickets.ofHash(command.hash);
  const reached = addresses.length > 0 ? addresses : reach.addresses();
  const text = encodeTicket({ secret, isEncrypted: reach.isEncrypted, pins: reach.pins(), addresses: reached });
  const position = positionMessage({ epoch: replica.state.epoch, revision: applied.revision });
  const takeBack = () => {
    if (issued === undefined) return;
    const id = ticketId(issued);
    const revoked = () => audit?.done({ who: 'server', from: '', what: 'RevokeTicket', on: `ticket ${id}` });
    replica.takeBack({ kind: 'RevokeTicket', id, ...caller.by }, revoked);
  };
  return { response: { text, ticket: issued && ticketMessage(issued), position }, takeBack };
}

/** Why a caller may not give these roles: who may not change identities gives none that may do more than itself. */
function issuerFault(
  roles: readonly string[],
  caller: Caller,
  method: 'IssueTicket' | 'RevokeTicket',
): Fault | undefined {
  const isLow = roles.every((role) => LOW_ROLES.includes(role));
  return isLow ? undefined : caller.refuse('identity.manage', method);
}

/** Lists the tickets, a page. */
export function listTickets({ replica, limits }: Backing, request: ListTicketsRequest): ListTicketsResponse | Fault {
  const { state } = replica;
  const checked = new Checked(state.limits);
  const wanted = readPage(checked, limits, ALL_TICKETS, request);
  const wrong = Fault.fields(checked.violations);
  if (wrong !== undefined) return wrong;
  const later = after(state.tickets.all(), wanted.after);
  const filled = fillPage(later, wanted, ticketSize);
  return {
    tickets: filled.page.map(ticketMessage),
    nextPageToken: nextTokenOf(ALL_TICKETS, filled, ({ number }) => number),
    position: positionMessage(state.position),
  };
}

/** Revokes a ticket and, where that is asked for, those that have enrolled by it. */
export async function revokeTicket(
  backing: Backing,
  { ticketId: id, andIdentities }: RevokeTicketRequest,
  caller: Caller,
): Promise<RevokeTicketResponse | Fault> {
  const { replica } = backing;
  const { state } = replica;
  if (!ID.test(id)) {
    const description = `${TICKET_ID_LENGTH} hexadecimal digits in lower case are needed, as ListTickets has them`;
    return Fault.fields([{ field: 'ticket_id', description }]);
  }
  const refused = andIdentities
    ? caller.refuse('identity.manage', 'RevokeIdentity')
    : revokerFault(state.tickets.get(id), id, caller);
  if (refused !== undefined) return refused;
  const applied = await replica.submit({ kind: 'RevokeTicket', id, ...caller.by });
  if (applied instanceof Fault) return applied;
  const uuids = await enrolledBy(backing, id);
  const revision = andIdentities ? await revokeAll(backing, uuids) : applied.revision;
  if (revision instanceof Fault) return revision;
  const ticket = state.tickets.get(id);
  if (ticket === undefined) return ticketNotFound(id);
  const position = positionMessage({ epoch: state.epoch, revision: Math.max(revision, applied.revision) });
  return { ticket: ticketMessage(ticket), identityUuids: uuids, position };
}

/**
 * Why a caller may not revoke a ticket: one that it could not have issued, or by which another caller replaces the keys of one identity. A
 * ticket that this server has not applied yet may be any, so it is not there until the call is tried again.
 */
function revokerFault(ticket: Ticket | undefined, id: string, caller: Caller): Fault | undefined {
  if (ticket === undefined) return caller.may('identity.manage') ? undefined : ticketNotFound(id);
  const { roles, forUuid, issuer } = ticket;
  if (forUuid !== '' && (issuer === '' || issuer !== caller.identityUuid)) {
    return caller.refuse('identity.manage', 'RevokeTicket');
  }
  return issuerFault(roles, caller, 'RevokeTicket');
}

/** Redeems a ticket. */
export async function enroll(
  { replica, enrolment }: Backing,
  { secret, proof, name }: EnrollRequest,
  { origin }: Caller,
): Promise<EnrollResponse | Fault> {
  const enrolled = await enrolment.enroll({ secret, proof, name, origin });
  if (enrolled instanceof Fault) return enrolled;
  const identity = replica.state.identities.get(enrolled.uuid);
  return {
    identity: identity && identityMessage(replica.state, identity),
    position: positionMessage(enrolled.position),
  };
}

/** Those that have redeemed a ticket last, found a slice of the identities at a time. */
async function enrolledBy({ replica, clock }: Backing, id: string): Promise<string[]> {
  const { identities } = replica.state;
  const found: string[] = [];
  for (let at = 0; at < identities.cursor; at += SLOTS_A_TURN) {
    if (at > 0) await new Promise<void>((resolve) => clock.after(0, resolve));
    found.push(...identities.ofTicket(id, at, at + SLOTS_A_TURN));
  }
  return found;
}

/** The last revision in which one of them was revoked; 0: all were so already. */
async function revokeAll({ replica }: Backing, uuids: readonly string[]): Promise<number | Fault> {
  let last = 0;
  for (let at = 0; at < uuids.length; at += REVOKED_AT_ONCE) {
    const some = uuids.slice(at, at + REVOKED_AT_ONCE);
    const outcomes = await Promise.all(some.map((uuid) => replica.submit({ kind: 'RevokeIdentity', uuid })));
    for (const outcome of outcomes) {
      if (outcome instanceof Fault) return outcome;
      last = Math.max(last, outcome.revision);
    }
  }
  return last;
}

function readTicket(checked: Checked, request: IssueTicketRequest) {
  const { kind, roles, uses, names, validFor } = request;
  const forUuid = request.identityUuid === '' ? '' : checked.uuid('identity_uuid', request.identityUuid);
  if (kind !== 0 && !KINDS.includes(kind))
    checked.wrong('kind', `${kind}; 1 (instance), 2 (service), 3 (person) are allowed`);
  roles.forEach((role, index) => {
    if (!ROLES.some((known) => known === role))
      checked.wrong(`roles[${index}]`, `one of ${ROLES.join(', ')} is allowed`);
    else if (roles.indexOf(role) !== index) checked.wrong(`roles[${index}]`, `${role} is there already`);
  });
  const { rolesMax } = IDENTITY_BOUNDS;
  if (roles.length > rolesMax) checked.wrong('roles', `${roles.length} roles; ${rolesMax} are the limit`);
  const usesMax = forUuid === '' ? TICKET_BOUNDS.usesMax : 1;
  if (uses < 0 || uses > usesMax) checked.wrong('uses', `${uses}; 1-${usesMax} are allowed, 0 is 1`);
  if (names !== '' && !NAMES.test(names)) checked.wrong('names', '1-63 of a-z, 0-9, ., - and * are allowed');
  const validMs = validFor === undefined ? DAY_MS : msOf(validFor);
  if (!(validMs >= VALID_MS_MIN && validMs <= VALID_MS_MAX)) checked.wrong('valid_for', '1 s to 366 days are allowed');
  const identityKind = (kind === 0 ? IdentityKind.INSTANCE : kind) as IdentityKind;
  return { identityKind, roles, uses: uses === 0 ? 1 : uses, names, forUuid, validMs };
}

function readAddresses(checked: Checked, { addresses }: IssueTicketRequest): readonly string[] {
  if (addresses.length > TICKET_ADDRESSES_MAX) {
    checked.wrong('addresses', `${addresses.length} addresses; ${TICKET_ADDRESSES_MAX} are the limit`);
  }
  addresses.forEach((address, index) => {
    const problem = addressProblem(address);
    if (problem !== undefined) checked.wrong(`addresses[${index}]`, problem);
  });
  return addresses;
}

function addressProblem(address: string): string | undefined {
  if (address.length > 255) return 'at most 255 characters are allowed';
  try {
    return parseAddress(address).port === 0 ? 'a port of 1-65535 is needed' : undefined;
  } catch (error) {
    if (error instanceof ValueError) return error.message;
    throw error;
  }
}

function* after(tickets: Iterable<Ticket>, number: number): Iterable<Ticket> {
  for (const ticket of tickets) if (ticket.number > number) yield ticket;
}

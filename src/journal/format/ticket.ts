import type {
  Enroll as EnrollMessage,
  IssueTicket as IssueTicketMessage,
} from '../../../gen/switchyard/journal/v1/command.js';
import type { TicketRow } from '../../../gen/switchyard/journal/v1/snapshot.js';
import type { Enroll, IssueTicket } from '../../core/model/command.js';
import { IdentityKind } from '../../core/model/trust/identity.js';
import type { Ticket } from '../../core/model/trust/ticket.js';
import { packHidden, unpackHidden } from './fields.js';

const KINDS: ReadonlySet<number> = new Set(Object.values(IdentityKind));

/** IssueTicket as it is stored. */
export function packIssue(command: IssueTicket): IssueTicketMessage {
  const { hash, issuer, uses, expiresAtMs, identityKind: kind, roles, names, forUuid, atMs } = command;
  const times = { expiresAtMs: BigInt(expiresAtMs), atMs: BigInt(atMs) };
  return { hash: packHidden(hash), issuer, uses, ...times, kind, roles: [...roles], names, forUuid };
}

/** IssueTicket as the core has it. */
export function unpackIssue(message: IssueTicketMessage): IssueTicket {
  const { hash, issuer, uses, expiresAtMs, kind, roles, names, forUuid, atMs } = message;
  const times = { expiresAtMs: Number(expiresAtMs), atMs: Number(atMs) };
  const identityKind = kind as IdentityKind;
  return { kind: 'IssueTicket', hash: unpackHidden(hash), issuer, uses, ...times, identityKind, roles, names, forUuid };
}

/** Enroll as it is stored. */
export function packEnroll({ ticketHash, uuid, key, keyId, name, atMs }: Enroll): EnrollMessage {
  const hidden = { ticketHash: packHidden(ticketHash), key: packHidden(key), keyId: packHidden(keyId) };
  return { ...hidden, uuid, name, atMs: BigInt(atMs) };
}

/** Enroll as the core has it. */
export function unpackEnroll({ ticketHash, uuid, key, keyId, name, atMs }: EnrollMessage): Enroll {
  const hidden = { ticketHash: unpackHidden(ticketHash), key: unpackHidden(key), keyId: unpackHidden(keyId) };
  return { kind: 'Enroll', ...hidden, uuid, name, atMs: Number(atMs) };
}

/** A ticket as a snapshot stores it. */
export function packTicket(ticket: Ticket): TicketRow {
  const { number, hash, issuer, issuedAtMs, expiresAtMs, uses, used, identityKind: kind, roles } = ticket;
  const { names, forUuid, revoked } = ticket;
  const times = { issuedAtMs: BigInt(issuedAtMs), expiresAtMs: BigInt(expiresAtMs) };
  const given = { kind, roles: [...roles], names, forUuid, revoked };
  return { number: BigInt(number), hash: packHidden(hash), issuer, ...times, uses, used, ...given };
}

/** A ticket as the core has it; undefined for a kind of identity that only a newer build knows. */
export function unpackTicket(row: TicketRow): Ticket | undefined {
  const { number, hash, issuer, issuedAtMs, expiresAtMs, uses, used, kind, roles, names, forUuid, revoked } = row;
  if (!KINDS.has(kind)) return undefined;
  const times = { issuedAtMs: Number(issuedAtMs), expiresAtMs: Number(expiresAtMs) };
  const given = { identityKind: kind as IdentityKind, roles, names, forUuid, revoked };
  return { number: Number(number), hash: unpackHidden(hash), issuer, ...times, uses, used, ...given };
}

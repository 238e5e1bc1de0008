import type { Schema } from './codec.js';
import { TIME, type Time } from './messages.js';

/*
 * Identities, tickets and the policy: see messages.ts.
 */

/** Somebody or something that proves itself by keys. */
export interface Identity {
  readonly identityUuid: string;
  readonly kind: number;
  readonly keys: readonly { readonly keyId: string }[];
  readonly revoked: boolean;
  readonly cvid: number;
  readonly roles: readonly string[];
  readonly name: string;
  readonly ticketId: string;
}
const IDENTITY: Schema = {
  1: ['identityUuid', 'string'],
  2: ['kind', 'int32'],
  3: ['keys', { 1: ['keyId', 'string'] }, true],
  4: ['revoked', 'bool'],
  6: ['cvid', 'int32'],
  7: ['roles', 'string', true],
  8: ['name', 'string'],
  10: ['ticketId', 'string'],
};
export interface IdentityPage {
  readonly identities: readonly Identity[];
  readonly nextPageToken: string;
}
export const IDENTITY_PAGE: Schema = { 1: ['identities', IDENTITY, true], 2: ['nextPageToken', 'string'] };
export const REVOKE_IDENTITY: Schema = { 1: ['identityUuid', 'string'] };

/** What the server remembers of a ticket, which is not its secret. */
export interface Ticket {
  readonly ticketId: string;
  readonly kind: number;
  readonly roles: readonly string[];
  readonly uses: number;
  readonly used: number;
  readonly names: string;
  readonly identityUuid: string;
  readonly expiresAt: Time | undefined;
  readonly revoked: boolean;
}
const TICKET: Schema = {
  1: ['ticketId', 'string'],
  2: ['kind', 'int32'],
  3: ['roles', 'string', true],
  4: ['uses', 'int32'],
  5: ['used', 'int32'],
  6: ['names', 'string'],
  7: ['identityUuid', 'string'],
  9: ['expiresAt', TIME],
  11: ['revoked', 'bool'],
};
export interface TicketPage {
  readonly tickets: readonly Ticket[];
  readonly nextPageToken: string;
}
export const TICKET_PAGE: Schema = { 1: ['tickets', TICKET, true], 2: ['nextPageToken', 'string'] };

/** What a ticket is to be. */
export interface TicketWish {
  readonly kind: number;
  readonly roles: readonly string[];
  readonly uses: number;
  readonly validFor: Time;
  readonly names: string;
  readonly addresses: readonly string[];
}
export const ISSUE_TICKET: Schema = {
  1: ['kind', 'int32'],
  2: ['roles', 'string', true],
  3: ['uses', 'int32'],
  4: ['validFor', TIME],
  5: ['names', 'string'],
  7: ['addresses', 'string', true],
};
export interface IssuedTicket {
  /** The only copy of the secret. */
  readonly text: string;
  readonly ticket: Ticket | undefined;
}
export const ISSUED_TICKET: Schema = { 1: ['text', 'string'], 2: ['ticket', TICKET] };

export const REVOKE_TICKET: Schema = { 1: ['ticketId', 'string'], 2: ['andIdentities', 'bool'] };
export interface RevokedTicket {
  /** Those that have enrolled by it. */
  readonly identityUuids: readonly string[];
}
export const REVOKED_TICKET: Schema = { 2: ['identityUuids', 'string', true] };

export interface PolicyFacts {
  /** 0: the network has no policy. */
  readonly revision: number;
  /** `switchyard.v1.AuthMode`. */
  readonly mode: number;
}
export const POLICY_FACTS: Schema = { 2: ['revision', 'uint64'], 3: ['mode', 'int32'] };

import type { IdentityKind } from './identity.js';

/** A secret that lets instances and people enrol, as the server knows it: it has the secret's hash only. Never changed once it is made. */
export interface Ticket {
  /** The revision in which it was issued: the order of their pages. */
  readonly number: number;
  /** SHA-256 of its secret, as 32 latin1 characters. */
  readonly hash: string;
  /** The identity that issued it, in lower case. Empty: somebody with the administrator's token. */
  readonly issuer: string;
  /** Wall clock. */
  readonly issuedAtMs: number;
  /** Wall clock: it is good before this. */
  readonly expiresAtMs: number;
  /** How many identities it lets in. */
  readonly uses: number;
  /** How many it has let in. */
  readonly used: number;
  /** What those that enrol with it become. */
  readonly identityKind: IdentityKind;
  readonly roles: readonly string[];
  /** The names that they may have: a pattern in which `*` stands for any characters. Empty: any name, or none. */
  readonly names: string;
  /** The only identity that it lets in, whatever keys that has. Empty: any that has none yet. */
  readonly forUuid: string;
  /** It lets nobody in any more. */
  readonly revoked: boolean;
}

/**
 * The bounds of tickets. Like those of identities they decide what a stored command comes to, so they never change.
 */
export const TICKET_BOUNDS = {
  /** Tickets that are remembered: one that is over makes room for a new one. At some 300 B each these are 5 MB. */
  ticketsMax: 16_384,
  /** Of one issuer's, as long as they are good: a person issues some at a time, and a program in a loop is stopped. */
  perIssuerMax: 1_024,
  /** Uses of one ticket: what it has let in is listed in one answer. */
  usesMax: 10_000,
} as const;

/** Roles that operators may give. Other roles, and labels, come from an administrator. */
export const LOW_ROLES: readonly string[] = ['agent', 'client'];

/** Characters of a ticket's id. */
export const TICKET_ID_LENGTH = 16;
const ID_BYTES = TICKET_ID_LENGTH / 2;

/** What a ticket is called, which tells nothing of its secret: the first 8 bytes of its hash, in hexadecimal digits. */
export function ticketId({ hash }: Pick<Ticket, 'hash'>): string {
  let id = '';
  for (let at = 0; at < ID_BYTES; at++) id += hash.charCodeAt(at).toString(16).padStart(2, '0');
  return id;
}

/** Whether a ticket lets nobody in any more, at a time of the wall clock. */
export function isTicketOver({ revoked, used, uses, expiresAtMs }: Ticket, atMs: number): boolean {
  return revoked || used >= uses || atMs >= expiresAtMs;
}

/** Whether a name is one of those that a pattern stands for. In time that grows with the product of their lengths at most. */
export function fitsPattern(name: string, pattern: string): boolean {
  let at = 0;
  let star = -1;
  let resumed = 0;
  for (let index = 0; index < name.length; ) {
    if (pattern[at] === '*') {
      star = at++;
      resumed = index;
    } else if (pattern[at] === name[index]) {
      at++;
      index++;
    } else if (star === -1) return false;
    else {
      // The last star takes one character more.
      at = star + 1;
      index = ++resumed;
    }
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}

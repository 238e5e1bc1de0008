import type { Labels } from '../session.js';

/** What an identity is. The numbers are those of `switchyard.v1.IdentityKind`. */
export const IdentityKind = { INSTANCE: 1, SERVICE: 2, PERSON: 3 } as const;
/** One of the numbers of {@link IdentityKind}. */
export type IdentityKind = (typeof IdentityKind)[keyof typeof IdentityKind];

/** How an identity came by a key. The numbers are those of `switchyard.v1.KeyOrigin`. */
export const KeyOrigin = {
  FIRST_USE: 1,
  ADMINISTRATOR: 2,
  ROTATION: 3,
  TICKET: 4,
  CERTIFICATE: 5,
  ISSUER: 6,
} as const;
/** One of the numbers of {@link KeyOrigin}. */
export type KeyOrigin = (typeof KeyOrigin)[keyof typeof KeyOrigin];

/**
 * The roles that an identity can have; what each may do is in `permission.ts`. The state keeps roles as strings, so
 * that a later release can add some.
 */
export const ROLES = ['agent', 'client', 'observer', 'operator', 'admin'] as const;
/** One of {@link ROLES}. */
export type Role = (typeof ROLES)[number];

/** What an identity proves itself by: a public key, or what somebody else says of it. */
export interface IdentityKey {
  /** SHA-256 of the key, as 32 latin1 characters. */
  readonly id: string;
  /**
   * A DER SubjectPublicKeyInfo, one latin1 character a byte. Of the origins CERTIFICATE and ISSUER it is the text, in UTF-8, by which
   * an authority or an issuer knows the identity: a SPIFFE URI, or an issuer's URL, a space and a subject.
   */
  readonly key: string;
  readonly origin: KeyOrigin;
  /** Wall clock. */
  readonly boundAtMs: number;
  /** Wall clock: until when it is good, where a newer key has taken its place. 0: there is no end. */
  readonly goodUntilMs: number;
  /** Wall clock, of the origin ISSUER: when the newest token was issued that was taken. Absent: nothing said when. */
  readonly issuedAtMs?: number;
}

/** Somebody or something that proves itself by keys. Never changed once it is made. */
export interface Identity {
  /** Counted up as identities come, and never given twice: the order of their pages. */
  readonly number: number;
  /** In lower case. Of an instance, the instance's own. */
  readonly uuid: string;
  readonly kind: IdentityKind;
  /** Given by an administrator or a ticket, never by the instance itself. Each once, in the order in which they were given. */
  readonly roles: readonly string[];
  /** Unique in its network: no two identities have the same. Empty: it has none. */
  readonly name: string;
  /** What an administrator or a ticket says of it; what the instance says of itself are labels of its session. */
  readonly labels: Labels;
  /** The oldest first. None of a UUID that was revoked before it had shown a key. */
  readonly keys: readonly IdentityKey[];
  /** Ids of keys that are refused, the oldest first. */
  readonly barred: readonly string[];
  /** It opens no session any more. */
  readonly revoked: boolean;
  /** The id of the ticket that it has redeemed last. Empty: of none. */
  readonly ticket: string;
}

/** Whether identities of a kind have sessions of other instances than themselves. An instance has one, that of its UUID. */
export function mayHaveSeveral(kind: IdentityKind): boolean {
  return kind !== IdentityKind.INSTANCE;
}

/** What a session's opener has proved. */
export interface ProvenKey {
  /** The identity, in lower case. */
  readonly identity: string;
  /** SHA-256 of the key, as 32 latin1 characters. */
  readonly keyId: string;
  /** The key itself, one latin1 character a byte, where the identity did not have it: it is bound, if the identity has none. */
  readonly key?: string | undefined;
}

/**
 * The bounds of identities. Like the limits of the state they decide what a stored command comes to, so they never change; a
 * release that makes one of them an option has to begin with this value.
 */
export const IDENTITY_BOUNDS = {
  /** Identities in all: one for each session there may be by default, at some 150 B each. */
  identitiesMax: 1_048_576,
  /** Keys of one identity: the one in use, and those that still are good while it is rotated. */
  keysMax: 4,
  /** Keys of one identity that are remembered as barred: each needs an administrator who replaces a key. */
  barredMax: 16,
  /** Roles of one identity: all that there are, and room for those of a later release. */
  rolesMax: 8,
  /** Sessions of one person or service: a terminal for each of them, and no way to fill the network by one key. */
  sessionsMax: 32,
  /** Characters of a role. */
  roleLengthMax: 32,
  /** Characters of a name: it is a label of DNS, or some with dots between. */
  nameLengthMax: 63,
} as const;

/** Whether a key is the word of an authority or an issuer, and no public key. */
export function isVouchedFor({ origin }: Pick<IdentityKey, 'origin'>): boolean {
  return origin === KeyOrigin.CERTIFICATE || origin === KeyOrigin.ISSUER;
}

/** Whether a key is good at a time of the wall clock. */
export function isGoodAt({ goodUntilMs }: IdentityKey, atMs: number): boolean {
  return goodUntilMs === 0 || atMs < goodUntilMs;
}

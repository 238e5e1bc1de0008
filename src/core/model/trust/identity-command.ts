import type { Labels } from '../session.js';
import type { IdentityKind, KeyOrigin } from './identity.js';

/** Gives an identity its only key, bars those that it had, and takes a revocation back. */
export interface BindKey {
  readonly kind: 'BindKey';
  /** In lower case. */
  readonly uuid: string;
  /** A DER SubjectPublicKeyInfo, one latin1 character a byte. */
  readonly key: string;
  /** Its SHA-256, as 32 latin1 characters. */
  readonly keyId: string;
  /** Wall clock. */
  readonly atMs: number;
}

/** Gives an identity a new key beside the ones that it has, which are good until a given time. */
export interface RotateKey {
  readonly kind: 'RotateKey';
  /** In lower case. */
  readonly uuid: string;
  /** The key that it was asked for by. */
  readonly oldKeyId: string;
  /** The new key, as in {@link BindKey}. */
  readonly key: string;
  readonly keyId: string;
  /** Wall clock. */
  readonly atMs: number;
  /** Wall clock. */
  readonly goodUntilMs: number;
}

/** Forgets an identity, and all that is known of it. */
export interface ForgetKey {
  readonly kind: 'ForgetKey';
  /** In lower case. */
  readonly uuid: string;
}

/** Revokes an identity, known or not. */
export interface RevokeIdentity {
  readonly kind: 'RevokeIdentity';
  /** In lower case. */
  readonly uuid: string;
}

/** Says what an identity is, and what it may do. What is absent does not change. */
export interface UpdateIdentity {
  readonly kind: 'UpdateIdentity';
  /** In lower case. */
  readonly uuid: string;
  readonly identityKind?: IdentityKind;
  /** All that it has from now on. */
  readonly roles?: readonly string[];
  /** Empty: it has none from now on. */
  readonly name?: string;
  /** All that it has from now on. */
  readonly labels?: Labels;
}

/**
 * An identity that an authority or an issuer vouches for: it comes with its first use, and later gets the roles that the policy
 * gives it by then.
 */
export interface AdmitIdentity {
  readonly kind: 'AdmitIdentity';
  /** In lower case. */
  readonly uuid: string;
  /** What it is when it comes; one that is there stays what it is. */
  readonly identityKind: IdentityKind;
  /** What vouches for it, as `IdentityKey.key` has it, with its SHA-256. */
  readonly key: string;
  readonly keyId: string;
  readonly origin: KeyOrigin;
  /** All that it has from now on. Absent: none when it comes, and one that is there keeps what it has. */
  readonly roles?: readonly string[];
  /** Wall clock. */
  readonly atMs: number;
  /** Wall clock: when the issuer's token was issued that says so. An older one than another that was taken changes no roles. */
  readonly issuedAtMs?: number;
  /** The revision of the policy by which the roles were found, 0 for none: by another one it is refused. */
  readonly policyRevision?: number;
}

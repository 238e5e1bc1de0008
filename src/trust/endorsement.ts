import { type KeyObject, verify } from 'node:crypto';
import { algorithmOf, importKey, type KeyAlgorithm, keyIdOf } from './public-key.js';
import { HASH_BYTES, sized, uuidBytes } from './signed-bytes.js';
import type { SigningKey } from './signing-key.js';

/** How far ahead the expiry of an endorsement may lie. */
export const ENDORSEMENT_MAX_MS = 24 * 3_600_000;
/** The only version of the form. */
const VERSION = 1;
const LABEL = Buffer.from('switchyard-endorse-v1\0', 'latin1');
const UUID_END = 17;
const EXPIRY_END = UUID_END + 8;
const KEY_AT = EXPIRY_END + 2;

/** What a key of an identity says by an endorsement. */
export interface EndorsedContent {
  readonly network: string;
  readonly identityUuid: string;
  /** The key of a connection: a DER SubjectPublicKeyInfo. */
  readonly connectionKey: Uint8Array;
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number;
}

/** A key of an identity that stands for the key of a connection. */
export interface Endorsement {
  /** The identity's key: SHA-256, 64 hexadecimal digits. */
  readonly keyId: string;
  /** In lower case. As the holder of the key says it. */
  readonly identityUuid: string;
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number;
}

/*
 * The form and what is signed stand with `Connection.peer_endorsement` in proto/switchyard/v1/connection.proto.
 */

/** The bytes that an endorsement signs. Throws for content that cannot be one: a caller's mistake. */
export function endorsedBytes({ network, identityUuid, connectionKey, expiresAtMs }: EndorsedContent): Buffer {
  const name = Buffer.from(network);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(name.length);
  const keyId = sized('key id', keyIdOf(connectionKey), HASH_BYTES);
  return Buffer.concat([LABEL, length, name, uuidBytes(identityUuid), keyId, expiryBytes(expiresAtMs)]);
}

/** Makes an endorsement by a key of the identity. */
export function makeEndorsement(key: SigningKey, content: EndorsedContent): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(key.publicKey.length);
  return Buffer.concat([
    Buffer.of(VERSION),
    uuidBytes(content.identityUuid),
    expiryBytes(content.expiresAtMs),
    length,
    key.publicKey,
    key.sign(endorsedBytes(content)),
  ]);
}

/** What an endorsement has to say, and when it is looked at. */
export interface EndorsementCheck {
  readonly network: string;
  readonly connectionKey: Uint8Array;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

/** The endorsement of a connection's key; why it counts for nothing, for people. */
export function checkEndorsement(
  bytes: Uint8Array | undefined,
  { network, connectionKey, nowMs }: EndorsementCheck,
): Endorsement | { readonly problem: string } {
  if (bytes === undefined || bytes.length === 0) return { problem: 'it brought no endorsement of its key' };
  const parts = splitEndorsement(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
  if (parts === undefined) return { problem: 'its endorsement has a form that this version does not know' };
  const { identityUuid, expiresAtMs, publicKey, signature } = parts;
  const algorithm = algorithmOf(publicKey);
  const key = typeof algorithm === 'string' ? importKey(publicKey) : undefined;
  if (typeof algorithm !== 'string' || key === undefined)
    return { problem: 'its endorsement names no key of Ed25519 or P-256' };
  const signed = endorsedBytes({ network, identityUuid, connectionKey, expiresAtMs });
  if (!isSigned(algorithm, signed, key, signature)) {
    return { problem: 'its endorsement is for another key or network, or was changed' };
  }
  const ended = expiryProblem(expiresAtMs, nowMs);
  if (ended !== undefined) return { problem: ended };
  return { keyId: keyIdOf(publicKey).toString('hex'), identityUuid, expiresAtMs };
}

function splitEndorsement(bytes: Buffer) {
  if (bytes[0] !== VERSION || bytes.length <= KEY_AT) return undefined;
  const keyEnd = KEY_AT + bytes.readUInt16BE(EXPIRY_END);
  if (bytes.length <= keyEnd) return undefined;
  const hex = bytes.toString('hex', 1, UUID_END);
  return {
    identityUuid: hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'),
    expiresAtMs: Number(bytes.readBigUInt64BE(UUID_END)),
    publicKey: bytes.subarray(KEY_AT, keyEnd),
    signature: bytes.subarray(keyEnd),
  };
}

function isSigned(algorithm: KeyAlgorithm, signed: Buffer, key: KeyObject, signature: Buffer): boolean {
  try {
    return verify(algorithm === 'ed25519' ? null : 'sha256', signed, key, signature);
  } catch {
    // What is not even the form of a signature verifies nothing either.
    return false;
  }
}

function expiryProblem(expiresAtMs: number, nowMs: number): string | undefined {
  if (expiresAtMs > nowMs && expiresAtMs <= nowMs + ENDORSEMENT_MAX_MS) return undefined;
  const said = (ms: number) => (ms <= 8.64e15 ? new Date(ms).toISOString() : `${ms} ms`);
  const what = expiresAtMs <= nowMs ? 'ended at' : 'is good for more than 24 hours, until';
  return `its endorsement ${what} ${said(expiresAtMs)}, and it is ${said(nowMs)} here: look at the clocks of both ends`;
}

function expiryBytes(ms: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(ms));
  return bytes;
}

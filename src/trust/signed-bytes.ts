/** What a proof is made for. The numbers are those of `switchyard.v1.ProofPurpose`. */
export const ProofPurpose = { SESSION: 1, ENROLL: 2, ATTACH: 3, ROTATE: 4, LOGIN: 5 } as const;
/** One of the numbers of {@link ProofPurpose}. */
export type ProofPurpose = (typeof ProofPurpose)[keyof typeof ProofPurpose];

/** To what a proof is bound besides the server. The numbers are those of `switchyard.v1.BindingKind`. */
export const BindingKind = { NONE: 0, TLS_LEAF: 1 } as const;
/** One of the numbers of {@link BindingKind}. */
export type BindingKind = (typeof BindingKind)[keyof typeof BindingKind];

/** The network of every session. */
export const DEFAULT_NETWORK = 'default';

/** Bytes of a nonce, of a hash, and of a UUID. */
export const NONCE_BYTES = 40;
/** Bytes of a SHA-256: of a key, or of a binding. */
export const HASH_BYTES = 32;
const UUID_BYTES = 16;

const LABEL = Buffer.from('switchyard-proof-v1\0', 'latin1');
const NO_BINDING = Buffer.alloc(HASH_BYTES);
/** A byte each for the purpose and the kind of binding, and two for the length of the network's name. */
const BYTES_WITHOUT_NETWORK = LABEL.length + 4 + NONCE_BYTES + 3 * UUID_BYTES + 2 * HASH_BYTES;

/** What a proof says, and what is signed. */
export interface SignedContent {
  readonly purpose: number;
  readonly serverUuid: string;
  /** {@link NONCE_BYTES} bytes. */
  readonly nonce: Uint8Array;
  readonly network: string;
  readonly identityUuid: string;
  readonly instanceUuid: string;
  /** SHA-256 of the key's SubjectPublicKeyInfo. */
  readonly keyId: Uint8Array;
  readonly bindingKind: number;
  /** {@link HASH_BYTES} bytes; empty without a binding. */
  readonly binding: Uint8Array;
}

/*
 * What is signed. Integers are big-endian:
 *
 *   "switchyard-proof-v1" 00 | purpose 1 B | server UUID 16 B | nonce 40 B | length 2 B, network | identity UUID 16 B |
 *   instance UUID 16 B | SHA-256 of the key 32 B | kind of binding 1 B | binding 32 B
 */

/** The bytes that a proof signs. Throws for content that cannot be one: a caller's mistake. */
export function signedBytes(content: SignedContent): Buffer {
  const { purpose, nonce, network, keyId, bindingKind, binding } = content;
  const networkBytes = Buffer.byteLength(network);
  // One buffer that is written once: joining eleven takes a quarter longer, on the event loop and for each proof.
  const bytes = Buffer.allocUnsafe(BYTES_WITHOUT_NETWORK + networkBytes);
  let at = LABEL.copy(bytes);
  at = bytes.writeUInt8(purpose, at);
  at = writeUuid(bytes, content.serverUuid, at);
  at = write(bytes, sized('nonce', nonce, NONCE_BYTES), at);
  at = bytes.writeUInt16BE(networkBytes, at);
  at += bytes.write(network, at);
  at = writeUuid(bytes, content.identityUuid, at);
  at = writeUuid(bytes, content.instanceUuid, at);
  at = write(bytes, sized('key id', keyId, HASH_BYTES), at);
  at = bytes.writeUInt8(bindingKind, at);
  write(bytes, bindingKind === BindingKind.NONE ? NO_BINDING : sized('binding', binding, HASH_BYTES), at);
  return bytes;
}

/** Writes bytes at a place; answers with the place after them. */
function write(target: Buffer, bytes: Uint8Array, at: number): number {
  target.set(bytes, at);
  return at + bytes.length;
}

function writeUuid(target: Buffer, uuid: string, at: number): number {
  return write(target, uuidBytes(uuid), at);
}

/** A UUID in its 36-character form as 16 bytes. */
export function uuidBytes(uuid: string): Buffer {
  const bytes = Buffer.from(uuid.replaceAll('-', ''), 'hex');
  sized('UUID', bytes, UUID_BYTES);
  return bytes;
}

/** Bytes that have the length that they must have. Throws for others: a caller's mistake. */
export function sized(what: string, bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.length !== length) throw new Error(`a ${what} of ${bytes.length} bytes; ${length} are needed`);
  return bytes;
}

import { hash } from 'node:crypto';
import type { Clock, Random } from '../../base/clock.js';
import { Fault, type FieldViolation } from '../../core/model/fault.js';
import { algorithmOf, type KeyAlgorithm, keyIdOf, OFF_CURVE } from '../public-key.js';
import {
  BindingKind,
  DEFAULT_NETWORK,
  HASH_BYTES,
  NONCE_BYTES,
  ProofPurpose,
  type SignedContent,
  signedBytes,
} from '../signed-bytes.js';
import { KnownKeys } from './known-keys.js';
import type { TrustLimits } from './limits.js';
import { Nonces } from './nonces.js';
import type { VerifySignature } from './signatures.js';
import { UsedProofs } from './used-proofs.js';
import { BoundedVerifier } from './verifying.js';

/** A proof as a door took it in. */
export interface ProofMessage {
  readonly purpose: number;
  readonly nonce: Uint8Array;
  /** A DER SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array;
  readonly signature: Uint8Array;
  readonly bindingKind: number;
  readonly binding: Uint8Array;
  /** Empty: the instance's own. */
  readonly identityUuid: string;
}

/** What a proof has to be of. */
export interface ProofAim {
  /** The proof's field in the request, for mistakes in it. */
  readonly field: string;
  readonly purpose: ProofPurpose;
  /** The network's name; absent: the default one. */
  readonly network?: string;
  /** In lower case. */
  readonly identityUuid: string;
  /** In lower case. */
  readonly instanceUuid: string;
}

/** What proofs are checked with. */
export interface ProofsDeps {
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly random: Random;
  /** In lower case. Known once the network is founded. */
  readonly serverUuid: () => string;
  /**
   * SHA-256 of the SubjectPublicKeyInfo of each leaf certificate that connections of the server may have seen; none for a server
   * without TLS.
   */
  readonly leaves: () => readonly Uint8Array[];
  readonly verify: VerifySignature;
  readonly limits: TrustLimits;
}

/** The longest signature: ECDSA over P-256 in DER. */
const P256_SIGNATURE_BYTES_MAX = 72;
const ED25519_SIGNATURE_BYTES = 64;
/** What is in the way goes within so long. */
const BUSY_RETRY_MS = 1_000;

/**
 * Challenges callers, and checks what they answer: that a proof is of this server's nonce, made for what it is used for,
 * signed by the key that it names, and comes for the first time. Whose key that is, is for others to say.
 */
export class Proofs {
  readonly limits: TrustLimits;
  readonly #deps: ProofsDeps;
  readonly #nonces: Nonces;
  readonly #used: UsedProofs;
  readonly #keys: KnownKeys;
  readonly #verifier: BoundedVerifier;

  constructor(deps: ProofsDeps) {
    const { clock, random, serverUuid, limits } = deps;
    this.#deps = deps;
    this.limits = limits;
    this.#nonces = new Nonces({ clock, random, serverUuid, nonceMs: limits.nonceMs });
    this.#used = new UsedProofs(limits.nonceMs, limits.usedMax);
    this.#keys = new KnownKeys(limits.keysKeptMax);
    this.#verifier = new BoundedVerifier(deps.verify, limits);
  }

  /** A nonce for a proof in a network, whether there is that network or not. */
  challenge(network = DEFAULT_NETWORK): Buffer {
    return this.#nonces.issue(network);
  }

  /** For which of these networks a proof's nonce was given; undefined: for none of them. */
  networkOf({ nonce }: Pick<ProofMessage, 'nonce'>, names: readonly string[]): string | undefined {
    return names.find((name) => this.#nonces.problemOf(nonce, name) === undefined);
  }

  /** Checks a proof. Resolves with nothing for one that is good. */
  async check(proof: ProofMessage, aim: ProofAim): Promise<Fault | undefined> {
    const algorithm = checkFields(proof, aim.field);
    if (algorithm instanceof Fault) return algorithm;
    const wrong = this.#checkContent(proof, aim);
    if (wrong !== undefined) return wrong;
    const signed = signedBytes(this.#contentOf(proof, aim));
    const digest = hash('sha256', signed, 'binary');
    if (this.#used.has(digest)) return usedBefore();
    const key = this.#keys.get(proof.publicKey);
    if (key === undefined) return Fault.fields([{ field: `${aim.field}.public_key`, description: OFF_CURVE }]);
    const isGood = await this.#verifier.check({ algorithm, key, signed, signature: proof.signature });
    if (isGood === undefined) return busy(`${this.limits.waitingMax} proofs wait to be verified`);
    if (!isGood) return new Fault('PROOF_INVALID', 'the signature is not one of that key over what the proof is for');
    // Of two that were verified at once, the second is the used one.
    if (this.#used.has(digest)) return usedBefore();
    if (this.#used.add(digest, this.#deps.clock.nowMs())) return undefined;
    return busy(`${this.limits.usedMax} proofs were taken within ${this.limits.nonceMs / 1_000} s`);
  }

  /** Whether connections end in a certificate of this server's. */
  get hasTls(): boolean {
    return this.#deps.leaves().length > 0;
  }

  /** Whether a binding is to a certificate of this server's. */
  isOwnLeaf(binding: Uint8Array): boolean {
    return this.#deps.leaves().some((leaf) => Buffer.from(leaf).equals(binding));
  }

  #checkContent({ purpose, nonce, bindingKind, binding }: ProofMessage, aim: ProofAim): Fault | undefined {
    if (purpose !== aim.purpose) {
      return new Fault('PROOF_INVALID', `the proof is of purpose ${purpose}; ${aim.purpose} is needed here`);
    }
    const stale = this.#nonces.problemOf(nonce, aim.network ?? DEFAULT_NETWORK);
    if (stale !== undefined) return new Fault('CHALLENGE_EXPIRED', stale, [], 0);
    if (bindingKind === BindingKind.NONE) return undefined;
    if (this.isOwnLeaf(binding)) return undefined;
    const seen = this.hasTls ? 'this server has another certificate' : 'this server has no certificate';
    return new Fault('PROOF_INVALID', `the proof is bound to a connection that does not end here: ${seen}`);
  }

  #contentOf(proof: ProofMessage, { network = DEFAULT_NETWORK, identityUuid, instanceUuid }: ProofAim): SignedContent {
    const { purpose, nonce, publicKey, bindingKind, binding } = proof;
    const serverUuid = this.#deps.serverUuid();
    const keyId = keyIdOf(publicKey);
    return { purpose, serverUuid, nonce, network, identityUuid, instanceUuid, keyId, bindingKind, binding };
  }
}

/** Everything that can be wrong with a proof's form; the algorithm of a key whose form is right. */
function checkFields(proof: ProofMessage, prefix: string): KeyAlgorithm | Fault {
  const { purpose, nonce, publicKey, signature, bindingKind, binding } = proof;
  const violations: FieldViolation[] = [];
  const wrong = (field: string, description: string) =>
    void violations.push({ field: `${prefix}.${field}`, description });
  const purposes: readonly number[] = Object.values(ProofPurpose);
  if (!purposes.includes(purpose))
    wrong('purpose', `${purpose}; 1 (session), 2 (enrol), 3 (attach), 4 (rotate) and 5 (login) are allowed`);
  if (nonce.length !== NONCE_BYTES) wrong('nonce', `${nonce.length} bytes; a nonce has ${NONCE_BYTES}`);
  const algorithm = algorithmOf(publicKey);
  if (typeof algorithm !== 'string') wrong('public_key', algorithm.problem);
  const [least, most] =
    algorithm === 'ed25519' ? [ED25519_SIGNATURE_BYTES, ED25519_SIGNATURE_BYTES] : [1, P256_SIGNATURE_BYTES_MAX];
  if (signature.length < least || signature.length > most) {
    wrong('signature', `${signature.length} bytes; ${least === most ? least : `${least} to ${most}`} are allowed`);
  }
  const bindingBytes = bindingKind === BindingKind.NONE ? 0 : HASH_BYTES;
  if (bindingKind !== BindingKind.NONE && bindingKind !== BindingKind.TLS_LEAF) {
    wrong('binding_kind', `${bindingKind}; 0 (none) and 1 (the leaf certificate) are allowed`);
  } else if (binding.length !== bindingBytes) {
    wrong('binding', `${binding.length} bytes; ${bindingBytes} belong to kind ${bindingKind}`);
  }
  return Fault.fields(violations) ?? (algorithm as KeyAlgorithm);
}

function usedBefore(): Fault {
  return new Fault('PROOF_INVALID', 'the proof was used before: each call needs one of its own');
}

function busy(message: string): Fault {
  return new Fault('RATE_LIMITED', message, [], BUSY_RETRY_MS);
}

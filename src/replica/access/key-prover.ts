import type { Clock } from '../../base/clock.js';
import { Checked } from '../../core/decide/check.js';
import { keyFault, mismatch } from '../../core/decide/policy/opener.js';
import type { RotateKey } from '../../core/model/command.js';
import { Fault } from '../../core/model/fault.js';
import { INITIAL_LIMITS } from '../../core/model/limits.js';
import { namesOf } from '../../core/model/network.js';
import { identityOf } from '../../core/model/session.js';
import { mayHaveSeveral, type ProvenKey } from '../../core/model/trust/identity.js';
import type { StateView } from '../../core/store/state-view.js';
import type { Origin } from '../../shares/origin.js';
import { keyIdOf } from '../../trust/public-key.js';
import type { ProofMessage, Proofs } from '../../trust/server/proofs.js';
import { BindingKind, ProofPurpose } from '../../trust/signed-bytes.js';
import type { Gatekeeper } from './gatekeeper.js';
import { unknownIdentity } from './subjects.js';
import { overFault } from './token.js';

/** Time charged to an address for each proof on top of its call, in ms: a thread imports the key and verifies. */
const PROOF_MS = 0.3;

/** What a {@link KeyProver} needs. */
export interface KeyProverDeps {
  readonly state: StateView;
  readonly proofs: Proofs;
  readonly clock: Clock;
  /** Counts time that an address has used. */
  readonly charge: (origin: Origin, ms: number) => void;
  /** Says which bindings the policy takes. */
  readonly gatekeeper: Pick<Gatekeeper, 'takesBinding' | 'network' | 'mode'>;
}

/** Which proof a caller has to show. */
export interface WantedProof {
  /** The proof's field in the request. */
  readonly field: string;
  readonly purpose: ProofPurpose;
  /** The identity, in lower case. */
  readonly uuid: string;
  /** The instance whose session it is about, in lower case. Absent: the identity's own. */
  readonly instance?: string;
  /** A person or a service that has one more session may have made it, in the place of the instance itself. */
  readonly mayBeHolder?: true;
  /** Where the call comes from. */
  readonly origin: Origin;
  /**
   * Which keys are accepted: one that the identity has; also the first key of one without keys; only one to be added; any that is not
   * barred, as whoever asks decides about it.
   */
  readonly keys: 'known' | 'known or first' | 'new' | 'any';
}

/** A request to rotate an identity's key. */
export interface RotationRequest {
  readonly oldProof: ProofMessage | undefined;
  readonly newProof: ProofMessage | undefined;
  readonly origin: Origin;
}

/** A rotation whose two proofs are good. */
export type Rotation = Pick<RotateKey, 'uuid' | 'oldKeyId' | 'key' | 'keyId'>;

/** Verifies that a caller holds a key of an identity. The state says which keys the identity has. */
export class KeyProver {
  readonly proofs: Proofs;
  readonly #deps: KeyProverDeps;

  constructor(deps: KeyProverDeps) {
    this.#deps = deps;
    this.proofs = deps.proofs;
  }

  /** The key that a proof is of, or why it is refused. The state is checked before and after: it may change meanwhile. */
  async prove(proof: ProofMessage, wanted: WantedProof): Promise<ProvenKey | Fault> {
    const { state, proofs, charge, gatekeeper } = this.#deps;
    const { field, purpose, uuid, instance = uuid, origin } = wanted;
    const checked = new Checked(state.limits);
    const identity = proof.identityUuid === '' ? instance : checked.uuid(`${field}.identity_uuid`, proof.identityUuid);
    const wrong = Fault.fields(checked.violations);
    if (wrong !== undefined) return wrong;
    const keyId = keyIdOf(proof.publicKey).toString('latin1');
    const shown: WantedProof = identity === uuid ? wanted : { ...wanted, uuid: identity, keys: 'known' };
    const foreign = identity === uuid || this.#isHolder(identity, wanted) ? undefined : mismatch(identity, instance);
    // Where persons may come with a key of their own, only who has shown a key of an identity is told that it is no person.
    const early = wanted.mayBeHolder ? undefined : foreign;
    const refused = early ?? this.#bindingRefusal(proof) ?? this.#refusal(keyId, shown) ?? foreign;
    if (refused !== undefined) return refused;
    charge(origin, PROOF_MS);
    const fault = await proofs.check(proof, {
      field,
      purpose,
      network: proofs.networkOf(proof, namesOf(gatekeeper.network)) ?? gatekeeper.network.name,
      identityUuid: identity,
      instanceUuid: instance,
    });
    const late = fault ?? this.#refusal(keyId, shown);
    if (late !== undefined) return late;
    const isKnown = state.identities.get(identity)?.keys.some(({ id }) => id === keyId) ?? false;
    return isKnown ? { identity, keyId } : { identity, keyId, key: Buffer.from(proof.publicKey).toString('latin1') };
  }

  /** Checks the proof that comes with a session's token. Undefined when it is good, or when there is no proof. */
  async proveHolder(proof: ProofMessage | undefined, sid: number, origin: Origin): Promise<Fault | undefined> {
    const session = proof && this.#deps.state.sessions.get(sid);
    if (proof === undefined || session === undefined) return undefined;
    const proven = await this.prove(proof, {
      field: 'proof',
      purpose: ProofPurpose.ATTACH,
      uuid: identityOf(session),
      instance: session.uuid,
      origin,
      keys: 'known',
    });
    if (proven instanceof Fault) return proven;
    // The session may have ended while the proof was verified.
    return this.#deps.state.sessions.has(sid) ? undefined : overFault(this.#deps.state, sid);
  }

  /** Checks the proof of somebody who logs in: the identity that it is of, and the key. */
  async login(proof: ProofMessage | undefined, origin: Origin): Promise<ProvenKey | Fault> {
    const checked = new Checked(this.#deps.state.limits);
    if (proof === undefined) checked.wrong('proof', 'a proof by a key of the identity is needed');
    const uuid = proof === undefined ? '' : checked.uuid('proof.identity_uuid', proof.identityUuid);
    const wrong = Fault.fields(checked.violations);
    if (wrong !== undefined || proof === undefined) return wrong!;
    return this.prove(proof, { field: 'proof', purpose: ProofPurpose.LOGIN, uuid, origin, keys: 'known' });
  }

  /** Verifies a proof of the old key and one of the new key of the same identity. */
  async rotate({ oldProof, newProof, origin }: RotationRequest): Promise<Rotation | Fault> {
    const checked = new Checked(this.#deps.state.limits);
    if (oldProof === undefined) checked.wrong('old_proof', 'a proof by a key that the identity has is needed');
    if (newProof === undefined) checked.wrong('new_proof', 'a proof by the new key is needed');
    const uuid = oldProof === undefined ? '' : checked.uuid('old_proof.identity_uuid', oldProof.identityUuid);
    const wrong = Fault.fields(checked.violations);
    if (wrong !== undefined || oldProof === undefined || newProof === undefined) return wrong!;
    const wanted = { purpose: ProofPurpose.ROTATE, uuid, origin };
    const old = await this.prove(oldProof, { ...wanted, field: 'old_proof', keys: 'known' });
    if (old instanceof Fault) return old;
    const added = await this.prove(newProof, { ...wanted, field: 'new_proof', keys: 'new' });
    if (added instanceof Fault) return added;
    const key = Buffer.from(newProof.publicKey).toString('latin1');
    return { uuid, oldKeyId: old.keyId, key, keyId: added.keyId };
  }

  #bindingRefusal({ bindingKind }: ProofMessage): Fault | undefined {
    const isBound = bindingKind !== BindingKind.NONE;
    if (this.#deps.gatekeeper.takesBinding(isBound)) return undefined;
    const what = isBound ? 'bound to a certificate' : 'bound to nothing';
    return new Fault('PROOF_INVALID', `the proof is ${what}, and the policy takes none like it`);
  }

  /** Whether a proof of this identity opens a session of another instance. */
  #isHolder(identity: string, { mayBeHolder }: WantedProof): boolean {
    const known = mayBeHolder && this.#deps.state.identities.get(identity);
    return known !== undefined && mayHaveSeveral(known.kind);
  }

  /**
   * Why this key cannot be accepted, even with a good signature. Who shows a key that the identity never had is not told whether there is
   * such an identity, unless the key could be its first: in `required` no key is. That is said before any signature is verified, so that
   * the time of the answer does not tell it either.
   */
  #refusal(keyId: string, { uuid, keys }: WantedProof): Fault | undefined {
    const identity = this.#deps.state.identities.get(uuid);
    const hasHad = identity?.keys.some(({ id }) => id === keyId) || identity?.barred.includes(keyId);
    if (keys === 'known' && !hasHad) return unboundKey(uuid);
    if (keys === 'known or first' && !hasHad && this.#deps.gatekeeper.mode === 'required') return unknownIdentity(uuid);
    if (identity === undefined) {
      return keys === 'new' ? new Fault('PROOF_INVALID', `instance ${uuid} has no key`) : undefined;
    }
    const isAdded = (keys === 'new' || keys === 'any') && !identity.revoked && !identity.barred.includes(keyId);
    return isAdded ? undefined : keyFault(identity, keyId, this.#deps.clock.wallMs());
  }
}

/**
 * What a proof of Login or RotateKey is answered in a network that does not exist: the same as in one that does, where its key was never
 * the identity's. `field`: where the request has it.
 */
export function refuseStranger(
  field: 'proof' | 'old_proof',
  proof: { readonly identityUuid?: string | undefined } | undefined,
): Fault {
  const checked = new Checked(INITIAL_LIMITS);
  const uuid = checked.uuid(`${field}.identity_uuid`, proof?.identityUuid ?? '');
  return Fault.fields(checked.violations) ?? unboundKey(uuid);
}

function unboundKey(uuid: string): Fault {
  return new Fault('PROOF_INVALID', `instance ${uuid} is not bound to this key`);
}

import { Fault } from '../../core/model/fault.js';
import { NETWORK_NAME, NETWORK_NAME_RULE, namesOf } from '../../core/model/network.js';
import { identityOf, type Session } from '../../core/model/session.js';
import { IdentityKind } from '../../core/model/trust/identity.js';
import { AUTH_MODE_NUMBERS } from '../../core/model/trust/policy.js';
import type { StateView } from '../../core/store/state-view.js';
import type { ProofMessage } from '../../trust/server/proofs.js';
import type { AnswerData, EventBody } from '../codec/event.js';
import type { Handler } from './request.js';

const NOTHING = new Uint8Array(0);

/** Draws a nonce for a proof. */
export const challenge: Handler<'Challenge'> = ({ backing, body }) => {
  const names = namesOf(backing.gatekeeper.network);
  const { network = '' } = body;
  if (network !== '' && !NETWORK_NAME.test(network)) {
    const description = `${NETWORK_NAME_RULE}; empty for the default one`;
    return Fault.fields([{ field: 'network', description }]);
  }
  const { proofs } = backing.opening.prover;
  const { serverUuid, epoch } = backing.replica.state;
  const nonce = proofs.challenge(network || names[0]);
  const serverTimeMs = backing.clock.wallMs();
  return {
    data: {
      nonce,
      serverUuid,
      mode: AUTH_MODE_NUMBERS[backing.gatekeeper.mode],
      epoch: network === '' || names.includes(network) ? epoch : (backing.unknownEpoch?.(network) ?? ''),
      serverTimeMs,
      validForMs: proofs.limits.nonceMs,
    },
  };
};

/** Redeems a ticket. */
export const enroll: Handler<'Enroll'> = async ({ backing, body }, conversation) => {
  const { enrolment, replica } = backing;
  const { secret, name = '' } = body;
  const { origin } = conversation;
  const request = { secret: Buffer.from(secret), proof: proofMessage(body.proof), name, origin };
  const enrolled = await enrolment.enroll(request);
  if (enrolled instanceof Fault) return enrolled;
  conversation.vouch();
  const { uuid: identityUuid, position } = enrolled;
  const identity = replica.state.identities.get(identityUuid);
  const named = identity === undefined || identity.name === '' ? {} : { name: identity.name };
  return { data: { identityUuid, roles: [...(identity?.roles ?? [])], ...named, position } };
};

/** Gives an identity a new key. */
export const rotateKey: Handler<'RotateKey'> = async ({ backing, body }, { origin }) => {
  const { replica, opening, clock } = backing;
  const [oldProof, newProof] = [proofMessage(body.oldProof), proofMessage(body.newProof)];
  const rotated = await opening.prover.rotate({ oldProof, newProof, origin });
  if (rotated instanceof Fault) return rotated;
  const { overlapMs } = opening.prover.proofs.limits;
  const atMs = clock.wallMs();
  const outcome = await replica.submit({ kind: 'RotateKey', ...rotated, atMs, goodUntilMs: atMs + overlapMs });
  if (outcome instanceof Fault) return outcome;
  const position = { epoch: replica.state.epoch, revision: outcome.revision };
  return { data: { keyId: hexOf(rotated.keyId), position, overlapMs } };
};

/** A proof as it came in; its bytes are copied, because what was received is used again. */
export function proofMessage(proof: NonNullable<EventBody<'Session'>['proof']>): ProofMessage {
  const { purpose, nonce, publicKey, signature, bindingKind = 0, binding = NOTHING, identityUuid = '' } = proof;
  const [copiedNonce, copiedKey, copiedSignature, copiedBinding] = [nonce, publicKey, signature, binding].map((bytes) =>
    Buffer.from(bytes),
  );
  return {
    purpose,
    nonce: copiedNonce,
    publicKey: copiedKey,
    signature: copiedSignature,
    bindingKind,
    binding: copiedBinding,
    identityUuid,
  };
}

/** As whom a session was opened; undefined for one of which nothing was proved. */
export function principalOf(state: StateView, network: string, session: Session): AnswerData<'Session'>['identity'] {
  const { keyId } = session;
  if (keyId === undefined) return undefined;
  const uuid = identityOf(session);
  const { kind = IdentityKind.INSTANCE } = state.identities.get(uuid) ?? {};
  return { network, identityUuid: uuid, kind, keyId: hexOf(keyId) };
}

function hexOf(hidden: string): string {
  return Buffer.from(hidden, 'latin1').toString('hex');
}

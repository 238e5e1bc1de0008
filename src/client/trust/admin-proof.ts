import type { ChallengeRequest, ChallengeResponse } from '../../../gen/switchyard/v1/identity.js';
import { IdentityServiceService } from '../../../gen/switchyard/v1/identity.js';
import { ADMIN_NONCE_BYTES, isAdminProof } from '../../trust/admin-proof.js';
import { call } from '../channel/call.js';
import type { Caller } from '../channel/caller.js';
import { SwitchyardError } from '../error.js';
import { StatusCode } from '../status.js';

/** A server has not proved that it knows the administrator's token, so it was not sent. */
export class UnprovenServerError extends Error {}

/** Errors that say nothing about whose server it is. */
const AWAY: ReadonlySet<number> = new Set([
  StatusCode.UNAVAILABLE,
  StatusCode.DEADLINE_EXCEEDED,
  StatusCode.CANCELLED,
  StatusCode.RESOURCE_EXHAUSTED,
]);

/** Whether an error of {@link checkServerKnows} says that the server is away, and nothing of whose it is. */
export function isAway(error: unknown): boolean {
  return error instanceof SwitchyardError && AWAY.has(error.code);
}

/**
 * Lets a server prove that it knows the administrator's token, which is not sent for it. Resolves when it does; rejects with an
 * {@link UnprovenServerError} when it does not. The proof is about the connection that the caller's channel has now.
 */
export async function checkServerKnows(token: string, caller: Caller): Promise<void> {
  const { life: signal } = caller;
  // The first call makes the connection; what certificate it has is known afterwards.
  await askForChallenge(caller, {}, signal);
  const leaf = caller.channel.leafKeyId?.();
  const nonce = Buffer.from(caller.random.bytes(ADMIN_NONCE_BYTES));
  const binding = leaf && Buffer.from(leaf);
  const answer = await askForChallenge(caller, { adminNonce: nonce, adminBinding: binding }, signal);
  if (!isProof(answer, token, { nonce, binding })) throw new UnprovenServerError('the server gave no proof');
}

function isProof(
  { adminProof, serverUuid }: ChallengeResponse,
  token: string,
  asked: { readonly nonce: Buffer; readonly binding: Buffer | undefined },
): boolean {
  // A server that is none of ours may say anything.
  const isUuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(serverUuid);
  return adminProof !== undefined && isUuid && isAdminProof(adminProof, token, { serverUuid, ...asked });
}

async function askForChallenge(
  caller: Caller,
  request: Omit<ChallengeRequest, 'network'>,
  signal: AbortSignal,
): Promise<ChallengeResponse> {
  try {
    return await call(caller, IdentityServiceService.challenge, { network: '', ...request }, { signal });
  } catch (error) {
    if (!(error instanceof SwitchyardError) || isAway(error)) throw error;
    throw new UnprovenServerError('the server refused to prove itself', { cause: error });
  }
}

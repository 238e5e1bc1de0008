import type { Metadata } from '@grpc/grpc-js';
import { IdentityServiceService as Identities } from '../../gen/switchyard/v1/identity.js';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import type { Role } from '../../src/core/model/trust/identity.js';
import { ProofPurpose } from '../../src/trust/signed-bytes.js';
import { ADMIN_TOKEN, agent, asHeaders, ask, type Running } from '../grpc/running.js';
import { cellOf } from './permission-table.js';
import { keyOf, proofOf } from './proving.js';
import { NO_TARGET, type Target } from './requests.js';

/** An identity that has shown itself: what others may aim at, and its credential. */
export interface Member extends Target {
  readonly as: Metadata;
}

/** What a new member is to be. */
interface Wanted {
  /** Its key and its UUID follow from this. */
  readonly number: number;
  readonly roles: readonly Role[];
  readonly network?: string;
  readonly name?: string;
}

/** Makes an identity with these roles: with a session where a role may open one, else logged in. */
export async function makeMember(
  at: Running,
  { number, roles, network = 'default', name = '' }: Wanted,
): Promise<Member> {
  const { instanceUuid: uuid } = agent(number);
  const inNetwork = asHeaders({ 'switchyard-network': network });
  const asAdmin = asHeaders({ 'switchyard-network': network, 'switchyard-admin': ADMIN_TOKEN });
  await ask(at, Identities.bindKey, { identityUuid: uuid, publicKey: keyOf(number).publicKey }, asAdmin);
  const described = { kind: 0, roles: [...roles], name, labels: {}, updateMask: ['roles', 'name'] };
  await ask(at, Identities.updateIdentity, { identityUuid: uuid, ...described }, asAdmin);
  const isMember = roles.some((role) => cellOf(role, 'KeepAlive') !== 'none');
  const purpose = isMember ? ProofPurpose.SESSION : ProofPurpose.LOGIN;
  const challenge = await ask(at, Identities.challenge, { network });
  const proof = proofOf(keyOf(number), uuid, challenge, { purpose, network });
  if (!isMember) {
    const { accessToken } = await ask(at, Identities.login, { proof }, inNetwork);
    const as = asHeaders({
      'switchyard-access': accessToken,
      ...(network !== 'default' && { 'switchyard-network': network }),
    });
    return { sid: NO_TARGET.sid, stream: NO_TARGET.stream, uuid, as };
  }
  const session = await ask(
    at,
    Sessions.session,
    { ...agent(number), labels: name === '' ? {} : { name }, proof },
    inNetwork,
  );
  const as = asHeaders({ 'switchyard-session': session.sessionToken });
  return { sid: session.instanceSid, stream: session.streamId, uuid, as };
}

import {
  AuthMode,
  type BindKeyRequest,
  type BindKeyResponse,
  type ChallengeRequest,
  type ChallengeResponse,
  type EnrollRequest,
  type ForgetKeyRequest,
  type ForgetKeyResponse,
  type GetIdentityRequest,
  type GetIdentityResponse,
  type IdentityServiceServer,
  type IssueTicketRequest,
  type ListIdentitiesRequest,
  type ListIdentitiesResponse,
  type ListTicketsRequest,
  type RevokeIdentityRequest,
  type RevokeIdentityResponse,
  type RevokeTicketRequest,
  type RotateKeyRequest,
  type RotateKeyResponse,
  type WhoAmIResponse,
} from '../../../gen/switchyard/v1/identity.js';
import { isLoopback } from '../../base/address.js';
import { Checked } from '../../core/decide/check.js';
import { identityNotFound } from '../../core/decide/identity.js';
import type { Command } from '../../core/model/command.js';
import { Fault, type FieldViolation } from '../../core/model/fault.js';
import { ADMIN_NONCE_BYTES, adminProof } from '../../trust/admin-proof.js';
import { keyIdOf, keyProblem } from '../../trust/public-key.js';
import { HASH_BYTES } from '../../trust/signed-bytes.js';
import type { Backing } from '../backing.js';
import type { Answer, Calls } from '../call-handlers.js';
import type { Caller } from '../caller.js';
import { durationOf } from '../encode/duration.js';
import { identityMessage, identitySize, principalMessage } from '../encode/identity-message.js';
import { positionMessage } from '../encode/message.js';
import { fillPage, pageTokenOf, readPage } from './page.js';
import { enroll, issueTicket, listTickets, revokeTicket } from './tickets.js';

/** A network's name. Empty: the default one. */
const NETWORK_NAME = /^[a-z0-9-]{0,32}$/;

/** What ListIdentities lists: it has no filter. */
const ALL_IDENTITIES = { method: 'ListIdentities', filter: {} };

/** IdentityService, as identity.proto documents it. */
export function identityService(calls: Calls): IdentityServiceServer {
  const { backing } = calls;
  return {
    challenge: calls.anyone((request: ChallengeRequest, caller) => challenge(backing, request, caller)),
    whoAmI: calls.anyone((_request, caller): WhoAmIResponse => whoAmI(backing, caller)),
    rotateKey: calls.anyone((request: RotateKeyRequest, caller) => rotateKey(backing, request, caller)),
    getIdentity: calls.anyone((request: GetIdentityRequest, caller) => getIdentity(backing, request, caller)),
    listIdentities: calls.anyone(admin((request: ListIdentitiesRequest) => listIdentities(backing, request))),
    bindKey: calls.anyone(admin((request: BindKeyRequest) => bindKey(backing, request))),
    forgetKey: calls.anyone(admin((request: ForgetKeyRequest) => forgetKey(backing, request))),
    revokeIdentity: calls.anyone(admin((request: RevokeIdentityRequest) => revokeIdentity(backing, request))),
    issueTicket: calls.anyone(admin((request: IssueTicketRequest) => issueTicket(backing, request))),
    listTickets: calls.anyone(admin((request: ListTicketsRequest) => listTickets(backing, request))),
    revokeTicket: calls.anyone(admin((request: RevokeTicketRequest) => revokeTicket(backing, request))),
    enroll: calls.anyone((request: EnrollRequest, caller) => enroll(backing, request, caller)),
  };
}

/** A method for administrators alone. */
function admin<Q, A>(work: (request: Q) => Answer<A>): (request: Q, caller: Caller) => Answer<A> {
  return (request, { isAdmin }) => (isAdmin ? work(request) : adminRequired());
}

function adminRequired(): Fault {
  return new Fault('ADMIN_REQUIRED', 'what concerns the keys of others needs the metadata switchyard-admin');
}

function challenge(backing: Backing, request: ChallengeRequest, caller: Caller): ChallengeResponse | Fault {
  const { replica, opening, clock } = backing;
  const { network } = request;
  const wrong = challengeFault(request);
  if (wrong !== undefined) return wrong;
  const { proofs } = opening.prover;
  const { serverUuid, epoch } = replica.state;
  return {
    nonce: proofs.challenge(network === '' ? undefined : network),
    serverUuid,
    mode: AuthMode.OPEN,
    epoch,
    serverTime: new Date(clock.wallMs()),
    validFor: durationOf(proofs.limits.nonceMs),
    adminProof: proveToken(backing, request, caller),
  };
}

function challengeFault({ network, adminNonce, adminBinding }: ChallengeRequest): Fault | undefined {
  const violations: FieldViolation[] = [];
  const wrong = (field: string, description: string) => void violations.push({ field, description });
  if (!NETWORK_NAME.test(network)) {
    wrong('network', 'a name of a network has 1 to 32 of a-z, 0-9 and -; empty for the default one');
  }
  if (adminNonce !== undefined && adminNonce.length !== ADMIN_NONCE_BYTES) {
    wrong('admin_nonce', `${adminNonce.length} bytes; a nonce of the caller has ${ADMIN_NONCE_BYTES}`);
  }
  if (adminBinding !== undefined && adminNonce === undefined) wrong('admin_binding', 'only together with admin_nonce');
  else if (adminBinding !== undefined && adminBinding.length !== HASH_BYTES) {
    wrong('admin_binding', `${adminBinding.length} bytes; a SHA-256 has ${HASH_BYTES}`);
  }
  return Fault.fields(violations);
}

/**
 * The proof that this server knows the administrator's token, for a caller that asks for it. Whoever stands in between may pass
 * the question on to get the token: over TLS the binding keeps such a one out, and in plain text only callers on this machine
 * are answered.
 */
function proveToken(
  { replica, opening, adminToken }: Backing,
  { adminNonce: nonce, adminBinding: binding }: ChallengeRequest,
  { origin }: Caller,
): Buffer | undefined {
  if (nonce === undefined || adminToken === undefined) return undefined;
  const { proofs } = opening.prover;
  const isLocal = !proofs.hasTls && isLoopback({ host: origin.address, port: 0 });
  const isDirect = binding === undefined ? isLocal : proofs.isOwnLeaf(binding);
  return isDirect ? adminProof(adminToken, { serverUuid: replica.state.serverUuid, nonce, binding }) : undefined;
}

function whoAmI({ replica }: Backing, { sid, isAdmin }: Caller): WhoAmIResponse {
  const session = sid === undefined ? undefined : replica.state.sessions.get(sid);
  return { principal: session && principalMessage(replica.state, session), cvid: sid ?? 0, administrator: isAdmin };
}

async function rotateKey(
  { replica, opening, clock }: Backing,
  request: RotateKeyRequest,
  { origin }: Caller,
): Promise<RotateKeyResponse | Fault> {
  const { oldProof, newProof } = request;
  const rotated = await opening.prover.rotate({ oldProof, newProof, origin });
  if (rotated instanceof Fault) return rotated;
  const { overlapMs } = opening.prover.proofs.limits;
  const atMs = clock.wallMs();
  const outcome = await submit(replica, { kind: 'RotateKey', ...rotated, atMs, goodUntilMs: atMs + overlapMs });
  if (outcome instanceof Fault) return outcome;
  return { ...identityAnswer(replica, rotated.uuid), position: outcome, overlap: durationOf(overlapMs) };
}

function getIdentity({ replica }: Backing, request: GetIdentityRequest, caller: Caller): GetIdentityResponse | Fault {
  const { state } = replica;
  const uuid = readUuid(replica, request);
  if (uuid instanceof Fault) return uuid;
  const own = caller.sid === undefined ? undefined : state.sessions.get(caller.sid);
  if (!caller.isAdmin && own?.uuid !== uuid) return adminRequired();
  const identity = state.identities.get(uuid);
  if (identity === undefined) return identityNotFound(uuid);
  return { identity: identityMessage(state, identity), position: positionMessage(state.position) };
}

function listIdentities({ replica, limits }: Backing, request: ListIdentitiesRequest): ListIdentitiesResponse | Fault {
  const { state } = replica;
  const checked = new Checked(state.limits);
  const wanted = readPage(checked, limits, ALL_IDENTITIES, request);
  const wrong = Fault.fields(checked.violations);
  if (wrong !== undefined) return wrong;
  const { page, hasMore } = fillPage(state.identities.after(wanted.after), wanted, identitySize);
  return {
    identities: page.map((identity) => identityMessage(state, identity)),
    nextPageToken: hasMore ? pageTokenOf(ALL_IDENTITIES, page.at(-1)!.number) : '',
    position: positionMessage(state.position),
  };
}

async function bindKey({ replica, clock }: Backing, request: BindKeyRequest): Promise<BindKeyResponse | Fault> {
  const { publicKey } = request;
  const checked = new Checked(replica.state.limits);
  const uuid = checked.uuid('identity_uuid', request.identityUuid);
  const problem = keyProblem(publicKey);
  if (problem !== undefined) checked.wrong('public_key', problem);
  const wrong = Fault.fields(checked.violations);
  if (wrong !== undefined) return wrong;
  const key = publicKey.toString('latin1');
  const keyId = keyIdOf(publicKey).toString('latin1');
  const outcome = await submit(replica, { kind: 'BindKey', uuid, key, keyId, atMs: clock.wallMs() });
  return outcome instanceof Fault ? outcome : { ...identityAnswer(replica, uuid), position: outcome };
}

async function forgetKey({ replica }: Backing, request: ForgetKeyRequest): Promise<ForgetKeyResponse | Fault> {
  const uuid = readUuid(replica, request);
  if (uuid instanceof Fault) return uuid;
  const outcome = await submit(replica, { kind: 'ForgetKey', uuid });
  return outcome instanceof Fault ? outcome : { position: outcome };
}

async function revokeIdentity(
  { replica }: Backing,
  request: RevokeIdentityRequest,
): Promise<RevokeIdentityResponse | Fault> {
  const uuid = readUuid(replica, request);
  if (uuid instanceof Fault) return uuid;
  const outcome = await submit(replica, { kind: 'RevokeIdentity', uuid });
  return outcome instanceof Fault ? outcome : { ...identityAnswer(replica, uuid), position: outcome };
}

function readUuid({ state }: Backing['replica'], request: { readonly identityUuid: string }): string | Fault {
  const checked = new Checked(state.limits);
  const uuid = checked.uuid('identity_uuid', request.identityUuid);
  return Fault.fields(checked.violations) ?? uuid;
}

/** Stores a command; the position where it counts. */
async function submit(replica: Backing['replica'], command: Command) {
  const outcome = await replica.submit(command);
  if (outcome instanceof Fault) return outcome;
  return positionMessage({ epoch: replica.state.epoch, revision: outcome.revision });
}

/** The identity as it is now; absent when it was forgotten in this very moment. */
function identityAnswer({ state }: Backing['replica'], uuid: string) {
  const identity = state.identities.get(uuid);
  return { identity: identity && identityMessage(state, identity) };
}

import type {
  BindKeyRequest,
  BindKeyResponse,
  ChallengeRequest,
  ChallengeResponse,
  CreateNetworkRequest,
  DropNetworkRequest,
  EnrollRequest,
  ExplainRequest,
  ForgetKeyRequest,
  ForgetKeyResponse,
  GetIdentityRequest,
  GetIdentityResponse,
  IdentityServiceServer,
  IssueTicketRequest,
  ListIdentitiesRequest,
  ListIdentitiesResponse,
  ListTicketsRequest,
  LoginRequest,
  LoginResponse,
  PutPolicyRequest,
  RevokeIdentityRequest,
  RevokeIdentityResponse,
  RevokeTicketRequest,
  RotateKeyRequest,
  RotateKeyResponse,
  UpdateIdentityRequest,
  UpdateIdentityResponse,
  WatchAuditRequest,
  WhoAmIResponse,
} from '../../../gen/switchyard/v1/identity.js';
import { isLoopback } from '../../base/address.js';
import { Checked } from '../../core/decide/check.js';
import { identityNotFound } from '../../core/decide/identity.js';
import type { Command, UpdateIdentity } from '../../core/model/command.js';
import { Fault, type FieldViolation } from '../../core/model/fault.js';
import { NETWORK_NAME, NETWORK_NAME_RULE, namesOf } from '../../core/model/network.js';
import { identityOf } from '../../core/model/session.js';
import { AUTH_MODE_NUMBERS } from '../../core/model/trust/policy.js';
import { ACCESS_LIMITS, type AccessHolder } from '../../replica/access/access-tokens.js';
import { ADMIN_NONCE_BYTES, adminProof } from '../../trust/admin-proof.js';
import { keyIdOf, keyProblem } from '../../trust/public-key.js';
import { HASH_BYTES } from '../../trust/signed-bytes.js';
import type { Backing } from '../backing.js';
import type { Calls } from '../call-handlers.js';
import type { Caller } from '../caller.js';
import { durationOf } from '../encode/duration.js';
import { identityMessage, identitySize, principalMessage } from '../encode/identity-message.js';
import { positionMessage } from '../encode/message.js';
import { watchAudit } from './audit.js';
import { createNetwork, dropNetwork, listNetworks } from './networks.js';
import { fillPage, nextTokenOf, readPage } from './page.js';
import { explainAccess, getPolicy, putPolicy } from './policy.js';
import { enroll, issueTicket, listTickets, revokeTicket } from './tickets.js';

/** What ListIdentities lists: it has no filter. */
const ALL_IDENTITIES = { method: 'ListIdentities', filter: {} };

/** Tokens expire after an hour; until then there may be room any time. */
const LOGIN_RETRY_MS = 60_000;

const KEY_TAKEN_WORDS = 'what it was to log in by was taken away while it was checked: log in again';

/** What UpdateIdentity changes. */
const DESCRIPTION_PATHS = ['kind', 'roles', 'name', 'labels'] as const;
/** More paths than there are fields say nothing. */
const MASK_PATHS_MAX = 16;

/** IdentityService, as identity.proto documents it. */
export function identityService(calls: Calls): IdentityServiceServer {
  const { backing } = calls;
  return {
    challenge: calls.anyone((request: ChallengeRequest, caller) => challenge(backing, request, caller)),
    login: calls.anyone((request: LoginRequest, caller) => login(backing, request, caller)),
    whoAmI: calls.anyone((_request, caller): WhoAmIResponse => whoAmI(backing, caller)),
    rotateKey: calls.anyone((request: RotateKeyRequest, caller) => rotateKey(backing, request, caller)),
    getIdentity: calls.anyone((request: GetIdentityRequest, caller) => getIdentity(backing, request, caller)),
    listIdentities: calls.anyone((request: ListIdentitiesRequest) => listIdentities(backing, request)),
    updateIdentity: calls.anyone((request: UpdateIdentityRequest, caller) => updateIdentity(backing, request, caller)),
    bindKey: calls.anyone((request: BindKeyRequest, caller) => bindKey(backing, request, caller)),
    forgetKey: calls.anyone((request: ForgetKeyRequest, caller) => forgetKey(backing, request, caller)),
    revokeIdentity: calls.anyone((request: RevokeIdentityRequest, caller) => revokeIdentity(backing, request, caller)),
    getPolicy: calls.anyone(() => getPolicy(backing)),
    putPolicy: calls.anyone((request: PutPolicyRequest, caller) => putPolicy(backing, request, caller)),
    explain: calls.anyone((request: ExplainRequest) => explainAccess(backing, request)),
    issueTicket: calls.makingForAnyone((request: IssueTicketRequest, caller) => issueTicket(backing, request, caller)),
    listTickets: calls.anyone((request: ListTicketsRequest) => listTickets(backing, request)),
    revokeTicket: calls.anyone((request: RevokeTicketRequest, caller) => revokeTicket(backing, request, caller)),
    createNetwork: calls.anyone((request: CreateNetworkRequest) => createNetwork(backing, request)),
    listNetworks: calls.anyone(() => listNetworks(backing)),
    dropNetwork: calls.anyone((request: DropNetworkRequest) => dropNetwork(backing, request)),
    watchAudit: calls.watch((request: WatchAuditRequest) => watchAudit(backing, request)),
    enroll: calls.anyone((request: EnrollRequest, caller) => enroll(backing, request, caller)),
  };
}

function challenge(backing: Backing, request: ChallengeRequest, caller: Caller): ChallengeResponse | Fault {
  const { replica, opening, gatekeeper, clock, reach } = backing;
  const names = namesOf(gatekeeper.network);
  // The name by which the caller knows the network is what its proof is made for.
  const network = request.network || caller.namedNetwork || names[0];
  const wrong = challengeFault(request);
  if (wrong !== undefined) return wrong;
  const { proofs } = opening.prover;
  const { serverUuid, epoch } = replica.state;
  return {
    nonce: proofs.challenge(network),
    serverUuid,
    mode: AUTH_MODE_NUMBERS[gatekeeper.mode],
    epoch: names.includes(network) ? epoch : (backing.unknownEpoch?.(network) ?? ''),
    serverTime: new Date(clock.wallMs()),
    validFor: durationOf(proofs.limits.nonceMs),
    adminProof: proveToken(backing, request, caller),
    authorityPins: reach.isEncrypted ? reach.toldPins().map((pin) => Buffer.from(pin)) : [],
  };
}

function challengeFault({ network, adminNonce, adminBinding }: ChallengeRequest): Fault | undefined {
  const violations: FieldViolation[] = [];
  const wrong = (field: string, description: string) => void violations.push({ field, description });
  if (network !== '' && !NETWORK_NAME.test(network)) {
    wrong('network', `${NETWORK_NAME_RULE}; empty for the default one`);
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

async function login(
  { replica, opening, gatekeeper }: Backing,
  { proof }: LoginRequest,
  { origin, vouched }: Caller,
): Promise<LoginResponse | Fault> {
  const access = proof === undefined && vouched !== undefined ? vouched : await proveLogin(opening, proof, origin);
  if (access instanceof Fault) return access;
  // What ends the tokens of a key may have come since the key was checked: it finds only those that there are.
  const holder = { sid: undefined, isAdmin: false, origin, access, hasShown: () => false };
  if (gatekeeper.principal(holder) === undefined) return new Fault('AUTH_REQUIRED', KEY_TAKEN_WORDS);
  const accessToken = gatekeeper.tokens.issue(access);
  if (accessToken === undefined) return new Fault('RATE_LIMITED', 'too many have logged in', [], LOGIN_RETRY_MS);
  const validFor = durationOf(ACCESS_LIMITS.validMs);
  return {
    accessToken,
    validFor,
    principal: principalMessage(replica.state, gatekeeper.network.name, { ...access, via: 'access' }),
  };
}

async function proveLogin(
  { prover }: Backing['opening'],
  proof: LoginRequest['proof'],
  origin: Caller['origin'],
): Promise<AccessHolder | Fault> {
  const proven = await prover.login(proof, origin);
  return proven instanceof Fault ? proven : { uuid: proven.identity, keyId: proven.keyId };
}

function whoAmI({ replica, gatekeeper }: Backing, { sid, isAdmin, access }: Caller): WhoAmIResponse {
  const session = sid === undefined ? undefined : replica.state.sessions.get(sid);
  const shown =
    session === undefined
      ? access && { ...access, via: access.via ?? ('access' as const) }
      : { uuid: identityOf(session), keyId: session.keyId, via: 'session' as const };
  const principal = shown && principalMessage(replica.state, gatekeeper.network.name, shown);
  return { principal, cvid: sid ?? 0, administrator: isAdmin, mode: AUTH_MODE_NUMBERS[gatekeeper.mode] };
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

function getIdentity(
  { replica, gatekeeper }: Backing,
  request: GetIdentityRequest,
  caller: Caller,
): GetIdentityResponse | Fault {
  const { state } = replica;
  const uuid = readUuid(replica, request);
  if (uuid instanceof Fault) return uuid;
  const own = caller.sid === undefined ? undefined : state.sessions.get(caller.sid);
  const isOwn = (own !== undefined && identityOf(own) === uuid) || gatekeeper.principal(caller)?.identityUuid === uuid;
  const refused = isOwn ? undefined : caller.refuse('identity.read', 'GetIdentity');
  if (refused !== undefined) return refused;
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
  const filled = fillPage(state.identities.after(wanted.after), wanted, identitySize);
  return {
    identities: filled.page.map((identity) => identityMessage(state, identity)),
    nextPageToken: nextTokenOf(ALL_IDENTITIES, filled, ({ number }) => number),
    position: positionMessage(state.position),
  };
}

async function updateIdentity(
  { replica }: Backing,
  request: UpdateIdentityRequest,
  { by }: Caller,
): Promise<UpdateIdentityResponse | Fault> {
  const checked = new Checked(replica.state.limits);
  const uuid = checked.uuid('identity_uuid', request.identityUuid);
  const changed = readDescription(checked, request);
  const wrong = Fault.fields(checked.violations);
  if (wrong !== undefined) return wrong;
  const outcome = await submit(replica, { kind: 'UpdateIdentity', uuid, ...changed, ...by });
  return outcome instanceof Fault ? outcome : { ...identityAnswer(replica, uuid), position: outcome };
}

/** What is said of an identity, as far as the mask names it. What it does not name is not even looked at. */
function readDescription(checked: Checked, request: UpdateIdentityRequest): Omit<UpdateIdentity, 'kind' | 'uuid'> {
  const paths = request.updateMask ?? [];
  if (paths.length === 0) checked.wrong('update_mask', 'at least one path is needed');
  paths.slice(0, MASK_PATHS_MAX).forEach((path, at) => {
    if (path === '*' || DESCRIPTION_PATHS.some((one) => one === path)) return;
    checked.wrong(`update_mask.paths[${at}]`, `nothing that changes; ${DESCRIPTION_PATHS.join(', ')} and * do`);
  });
  if (paths.length > MASK_PATHS_MAX) checked.wrong('update_mask', `${MASK_PATHS_MAX} paths are the limit`);
  const isNamed = (path: (typeof DESCRIPTION_PATHS)[number]) => paths.includes('*') || paths.includes(path);
  const { kind, roles, name, labels } = request;
  if (isNamed('roles')) checked.roles('roles', roles);
  if (isNamed('name')) checked.identityName('name', name);
  if (isNamed('labels')) checked.labels('labels', labels);
  return {
    ...(isNamed('kind') ? { identityKind: checked.identityKind('kind', kind) } : {}),
    ...(isNamed('roles') ? { roles } : {}),
    ...(isNamed('name') ? { name } : {}),
    ...(isNamed('labels') ? { labels } : {}),
  };
}

async function bindKey(
  { replica, clock }: Backing,
  request: BindKeyRequest,
  { by }: Caller,
): Promise<BindKeyResponse | Fault> {
  const { publicKey } = request;
  const checked = new Checked(replica.state.limits);
  const uuid = checked.uuid('identity_uuid', request.identityUuid);
  const problem = keyProblem(publicKey);
  if (problem !== undefined) checked.wrong('public_key', problem);
  const wrong = Fault.fields(checked.violations);
  if (wrong !== undefined) return wrong;
  const key = publicKey.toString('latin1');
  const keyId = keyIdOf(publicKey).toString('latin1');
  const outcome = await submit(replica, { kind: 'BindKey', uuid, key, keyId, atMs: clock.wallMs(), ...by });
  return outcome instanceof Fault ? outcome : { ...identityAnswer(replica, uuid), position: outcome };
}

async function forgetKey(
  { replica }: Backing,
  request: ForgetKeyRequest,
  { by }: Caller,
): Promise<ForgetKeyResponse | Fault> {
  const uuid = readUuid(replica, request);
  if (uuid instanceof Fault) return uuid;
  const outcome = await submit(replica, { kind: 'ForgetKey', uuid, ...by });
  return outcome instanceof Fault ? outcome : { position: outcome };
}

async function revokeIdentity(
  { replica }: Backing,
  request: RevokeIdentityRequest,
  { by }: Caller,
): Promise<RevokeIdentityResponse | Fault> {
  const uuid = readUuid(replica, request);
  if (uuid instanceof Fault) return uuid;
  const outcome = await submit(replica, { kind: 'RevokeIdentity', uuid, ...by });
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

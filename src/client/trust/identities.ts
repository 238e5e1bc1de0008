import {
  type AuditAnchor,
  type AuditLine,
  type AuthMode,
  type BindKeyResponse,
  type CreateNetworkResponse,
  type DropNetworkResponse,
  type EnrollResponse,
  type ExplainResponse,
  type GetIdentityResponse,
  type GetPolicyResponse,
  type Identity,
  IdentityKind,
  IdentityServiceService,
  type IssueTicketResponse,
  type ListNetworksResponse,
  type LoginResponse,
  type PutPolicyResponse,
  type RevokeIdentityResponse,
  type RevokeTicketResponse,
  type RotateKeyResponse,
  type Ticket,
  type UpdateIdentityResponse,
  type WhoAmIResponse,
} from '../../../gen/switchyard/v1/identity.js';
import { ProofPurpose } from '../../trust/signed-bytes.js';
import type { SigningKey } from '../../trust/signing-key.js';
import { type CallOptions, type Complete, call } from '../channel/call.js';
import type { Caller } from '../channel/caller.js';
import { type ListOptions, pages } from '../channel/calls.js';
import { durationOf } from '../duration.js';
import { SwitchyardError } from '../error.js';
import { StatusCode } from '../status.js';
import { followAudit, readAuditAnchors, type WatchAuditOptions } from './audit-watch.js';
import { proveKeys } from './proof.js';

/** How a key is rotated. */
export interface RotateOptions extends CallOptions {
  /** False: the proofs are not bound to the server's certificate, for a proxy that ends TLS. */
  readonly bindProofs?: boolean | undefined;
}

/** What is said of an identity. What is absent does not change. */
export interface IdentityDescription {
  readonly kind?: IdentityKind | undefined;
  /** `agent`, `client`, `observer`, `operator`, `admin`: all that it has from now on. */
  readonly roles?: readonly string[] | undefined;
  /** Unique in the network. Empty: none. */
  readonly name?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/** How a policy is put. */
export interface PutPolicyOptions extends CallOptions {
  /** Only check it. */
  readonly validateOnly?: boolean | undefined;
  /** Only in place of the policy of this revision; 0: of none. */
  readonly ifRevision?: bigint | undefined;
}

/** How a network is created. */
export interface CreateNetworkOptions extends CallOptions {
  /** Sessions that it may have at most. Default: as many as the server. */
  readonly sessionsMax?: number | undefined;
}

/** What a ticket is to be. */
export interface TicketSettings {
  /** What those that enrol with it become. Default: instances. */
  readonly kind?: IdentityKind | undefined;
  /** Default: none. */
  readonly roles?: readonly string[] | undefined;
  /** How many it lets in, up to 10,000. Default: 1. */
  readonly uses?: number | undefined;
  /** Default: a day. */
  readonly validForMs?: number | undefined;
  /** The names that they may have, a pattern with `*`. Default: any. */
  readonly names?: string | undefined;
  /** The only identity that it lets in, whose keys it replaces. */
  readonly identityUuid?: string | undefined;
  /** Where those that enrol reach the server, HOST:PORT. Default: where it listens. */
  readonly addresses?: readonly string[] | undefined;
}

/** Who redeems a ticket. */
export interface Enrolment {
  /** The ticket's secret: `decodeTicket` reads it from the ticket's text. */
  readonly secret: Uint8Array;
  /** The identity, an instance's UUID. */
  readonly uuid: string;
  /** The key that it is to have. */
  readonly key: SigningKey;
  /** The name that it is to have. Default: none, or what it has. */
  readonly name?: string | undefined;
}

/** Who instances are and what keys they have: the calls of IdentityService. Most need an administrator. */
export class Identities {
  constructor(private readonly caller: Caller) {}

  /** How the server lets callers in. Needs no credential. */
  async mode(options: CallOptions = {}): Promise<AuthMode> {
    const { channel, clock, random, addresses, life, tracer } = this.caller;
    const anybody = {
      channel,
      clock,
      random,
      addresses,
      life,
      tracer,
      credentials: async () => ({}),
      failed: () => false,
    };
    return (await call(anybody, IdentityServiceService.challenge, { network: '' }, options)).mode;
  }

  /** Who the caller is, as far as its credentials prove it. */
  whoAmI(options: CallOptions = {}): Promise<Complete<WhoAmIResponse>> {
    return call(this.caller, IdentityServiceService.whoAmI, {}, options);
  }

  /** Logs in by a key of an identity: gives the token for calls of a principal that has no session. */
  async login(uuid: string, key: SigningKey, options: RotateOptions = {}): Promise<Complete<LoginResponse>> {
    const { bindProofs = true, ...rest } = options;
    const wanted = { purpose: ProofPurpose.LOGIN, uuid, isBound: bindProofs };
    const proofs = await proveKeys(this.caller, wanted, [key], options.signal ?? this.caller.life);
    if (proofs === undefined) throw new SwitchyardError(StatusCode.UNIMPLEMENTED, 'this server knows no keys');
    return call(this.caller, IdentityServiceService.login, { proof: proofs[0] }, rest);
  }

  /** Logs in by a token of an issuer that the network's policy names: gives the token for calls of a principal that has no session. */
  loginByToken(token: string, options: CallOptions = {}): Promise<Complete<LoginResponse>> {
    const { channel, clock, random, addresses, life, tracer } = this.caller;
    const credentials = async () => ({ authorization: `Bearer ${token}` });
    const bearer = { channel, clock, random, addresses, life, tracer, credentials, failed: () => false };
    return call(bearer, IdentityServiceService.login, { proof: undefined }, options);
  }

  /** Reads one identity. */
  get(identityUuid: string, options: CallOptions = {}): Promise<Complete<GetIdentityResponse>> {
    return call(this.caller, IdentityServiceService.getIdentity, { identityUuid }, options);
  }

  /** Lists the identities, in the order in which they were bound. */
  list(options: ListOptions = {}): AsyncGenerator<Identity, void, undefined> {
    return pages(options, async (pageSize, pageToken) => {
      const request = { pageSize, pageToken };
      const page = await call(this.caller, IdentityServiceService.listIdentities, request, options);
      return { items: page.identities, next: page.nextPageToken };
    });
  }

  /** Gives an identity a new key, by the one that it has. The older stays good for a while: see the answer. */
  async rotate(
    uuid: string,
    keys: { readonly old: SigningKey; readonly next: SigningKey },
    options: RotateOptions = {},
  ): Promise<Complete<RotateKeyResponse>> {
    const { bindProofs = true, ...rest } = options;
    const wanted = { purpose: ProofPurpose.ROTATE, uuid, isBound: bindProofs };
    const signal = options.signal ?? this.caller.life;
    const proofs = await proveKeys(this.caller, wanted, [keys.old, keys.next], signal);
    if (proofs === undefined) throw new SwitchyardError(StatusCode.UNIMPLEMENTED, 'this server knows no keys');
    const [oldProof, newProof] = proofs;
    return call(this.caller, IdentityServiceService.rotateKey, { oldProof, newProof }, rest);
  }

  /** Issues a ticket: the text in the answer is the only copy of its secret. */
  issueTicket(ticket: TicketSettings = {}, options: CallOptions = {}): Promise<Complete<IssueTicketResponse>> {
    const { kind = IdentityKind.INSTANCE, roles = [], uses = 1, validForMs, names = '', identityUuid = '' } = ticket;
    const validFor = validForMs === undefined ? undefined : durationOf(validForMs);
    const addresses = [...(ticket.addresses ?? [])];
    const request = { kind, roles: [...roles], uses, validFor, names, identityUuid, addresses };
    return call(this.caller, IdentityServiceService.issueTicket, request, options);
  }

  /** Lists the tickets that are remembered, in the order in which they were issued. */
  listTickets(options: ListOptions = {}): AsyncGenerator<Ticket, void, undefined> {
    return pages(options, async (pageSize, pageToken) => {
      const request = { pageSize, pageToken };
      const page = await call(this.caller, IdentityServiceService.listTickets, request, options);
      return { items: page.tickets, next: page.nextPageToken };
    });
  }

  /** Lets a ticket let nobody in any more, and tells who has enrolled by it; `andIdentities` revokes those, too. */
  revokeTicket(
    ticketId: string,
    { andIdentities = false, ...options }: CallOptions & { readonly andIdentities?: boolean } = {},
  ): Promise<Complete<RevokeTicketResponse>> {
    return call(this.caller, IdentityServiceService.revokeTicket, { ticketId, andIdentities }, options);
  }

  /**
   * Redeems a ticket: the identity has the key, and what the ticket gives. May be repeated with the same ticket, identity and key, as
   * often as answers are lost; it spends one use.
   */
  async enroll(
    { secret, uuid, key, name = '' }: Enrolment,
    { bindProofs = true, ...rest }: RotateOptions = {},
  ): Promise<Complete<EnrollResponse>> {
    const wanted = { purpose: ProofPurpose.ENROLL, uuid, isBound: bindProofs };
    const proofs = await proveKeys(this.caller, wanted, [key], rest.signal ?? this.caller.life);
    if (proofs === undefined) throw new SwitchyardError(StatusCode.UNIMPLEMENTED, 'this server knows no keys');
    const [proof] = proofs;
    const request = { secret: Buffer.from(secret), proof, name };
    return call(this.caller, IdentityServiceService.enroll, request, rest);
  }

  /** Replaces all keys of an identity by one: see BindKey. */
  bind(identityUuid: string, publicKey: Uint8Array, options: CallOptions = {}): Promise<Complete<BindKeyResponse>> {
    const request = { identityUuid, publicKey: Buffer.from(publicKey) };
    return call(this.caller, IdentityServiceService.bindKey, request, options);
  }

  /** Forgets an identity and its keys: its UUID is as one that has never shown a key. */
  async forget(identityUuid: string, options: CallOptions = {}): Promise<void> {
    await call(this.caller, IdentityServiceService.forgetKey, { identityUuid }, options);
  }

  /** Says what an identity is and what it may do: what is given changes. */
  update(
    identityUuid: string,
    described: IdentityDescription,
    options: CallOptions = {},
  ): Promise<Complete<UpdateIdentityResponse>> {
    const { kind = IdentityKind.UNSPECIFIED, roles = [], name = '', labels = {} } = described;
    const updateMask = Object.entries(described).flatMap(([path, value]) => (value === undefined ? [] : path));
    const request = { identityUuid, kind, roles: [...roles], name, labels: { ...labels }, updateMask };
    return call(this.caller, IdentityServiceService.updateIdentity, request, options);
  }

  /** Reads the network's policy. */
  getPolicy(options: CallOptions = {}): Promise<Complete<GetPolicyResponse>> {
    return call(this.caller, IdentityServiceService.getPolicy, {}, options);
  }

  /** Gives the network another policy, or with `validateOnly` says whether it could. */
  putPolicy(document: string, options: PutPolicyOptions = {}): Promise<Complete<PutPolicyResponse>> {
    const { validateOnly = false, ifRevision, ...rest } = options;
    return call(this.caller, IdentityServiceService.putPolicy, { document, validateOnly, ifRevision }, rest);
  }

  /** Says whether an identity may do something with another, each by its UUID or its name, and why. */
  explain(
    {
      from,
      permission,
      to = '',
    }: { readonly from: string; readonly permission: string; readonly to?: string | undefined },
    options: CallOptions = {},
  ): Promise<Complete<ExplainResponse>> {
    return call(this.caller, IdentityServiceService.explain, { from, permission, to }, options);
  }

  /** Creates a network on the server. Needs network.manage in its default network. */
  createNetwork(name: string, options: CreateNetworkOptions = {}): Promise<Complete<CreateNetworkResponse>> {
    const { sessionsMax = 0, ...rest } = options;
    return call(this.caller, IdentityServiceService.createNetwork, { name, sessionsMax }, rest);
  }

  /** Lists the networks of the server. */
  listNetworks(options: CallOptions = {}): Promise<Complete<ListNetworksResponse>> {
    return call(this.caller, IdentityServiceService.listNetworks, {}, options);
  }

  /** Drops a network of the server with all that is in it. */
  dropNetwork(name: string, options: CallOptions = {}): Promise<Complete<DropNetworkResponse>> {
    return call(this.caller, IdentityServiceService.dropNetwork, { name }, options);
  }

  /** Follows the audit log of the server, line by line, over breaks and restarts. Needs audit.read. */
  watchAudit(options: WatchAuditOptions = {}): AsyncGenerator<AuditLine, void, undefined> {
    return followAudit(this.caller, options);
  }

  /** The lines of the audit log that the network's journal knows, by which is seen whether a copy of the log was cut short or written anew. */
  auditAnchors({ signal }: Pick<CallOptions, 'signal'> = {}): Promise<readonly AuditAnchor[]> {
    return readAuditAnchors(this.caller, signal);
  }

  /** Revokes an identity: its sessions end, and it opens none any more. */
  revoke(identityUuid: string, options: CallOptions = {}): Promise<Complete<RevokeIdentityResponse>> {
    return call(this.caller, IdentityServiceService.revokeIdentity, { identityUuid }, options);
  }
}

import type { Metadata } from '@grpc/grpc-js';
import { isSameSecret } from '../base/same-secret.js';
import { Fault } from '../core/model/fault.js';
import { identityOf } from '../core/model/session.js';
import type { CertificateClaim } from '../core/model/trust/certificate.js';
import { type Method, type Permission, ruleOf } from '../core/model/trust/permission.js';
import type { AccessHolder } from '../replica/access/access-tokens.js';
import type { Asker } from '../replica/access/asker.js';
import type { Gatekeeper } from '../replica/access/gatekeeper.js';
import { authenticate } from '../replica/access/token.js';
import { type Origin, originOfPeer } from '../shares/origin.js';
import type { Backing } from './backing.js';
import { methodOfPath } from './rules.js';

/** The metadata that proves a session. */
export const SESSION_METADATA = 'switchyard-session';
/** The metadata that proves an administrator. */
export const ADMIN_METADATA = 'switchyard-admin';
/** The metadata that says which revision a call has to be answered by at least, in decimal digits. */
export const AFTER_METADATA = 'switchyard-after';
/** The metadata that proves a principal without a session. */
export const ACCESS_METADATA = 'switchyard-access';

/** The metadata that says which network a call is about; without it, that is `default`. */
export const NETWORK_METADATA = 'switchyard-network';

/** The metadata that holds an issuer's token, as HTTP has it. */
export const BEARER_METADATA = 'authorization';
const ACCESS_ENDED_WORDS =
  'the access token is not one of this server, has expired, or its key was taken away: log in again';
const BEARER = /^bearer +(.*)$/i;

/** What of a call says who makes it. */
interface Call {
  readonly metadata: Metadata;
  getPeer(): string;
}

/** What a caller has shown. */
interface Shown {
  readonly sid: number | undefined;
  readonly isAdmin: boolean;
  readonly access?: AccessHolder | undefined;
  readonly origin: Origin & { readonly connection: string };
  readonly namedNetwork?: string | undefined;
  /** Whether its connection has closed or shares its name, or it has given up. */
  readonly isNameless: () => boolean;
}

/** Who makes a call, as its metadata proves it, and what it may do. */
export class Caller implements Asker {
  /** The session; undefined without a token. */
  readonly sid: number | undefined;
  /** The call carries the administrator's token. */
  readonly isAdmin: boolean;
  /** Whom its access token is of; undefined without one. */
  readonly access: AccessHolder | undefined;
  /** From where. */
  readonly origin: Shown['origin'];
  /** What the call's metadata calls the network; undefined where it names none. */
  readonly namedNetwork: string | undefined;
  readonly #gatekeeper: Gatekeeper;
  readonly #isNameless: () => boolean;

  constructor(gatekeeper: Gatekeeper, { sid, isAdmin, access, origin, namedNetwork, isNameless }: Shown) {
    this.#gatekeeper = gatekeeper;
    this.#isNameless = isNameless;
    this.sid = sid;
    this.isAdmin = isAdmin;
    this.access = access;
    this.origin = origin;
    this.namedNetwork = namedNetwork;
  }

  /** Whether the call came without a credential. */
  get isNobody(): boolean {
    return this.sid === undefined && !this.isAdmin && this.access === undefined;
  }

  /** Whom an authority or an issuer vouches for in this very call; undefined for nobody. */
  get vouched(): AccessHolder | undefined {
    return this.access?.via === undefined ? undefined : this.access;
  }

  /**
   * An identity has shown itself on the connection of the call, and counts there until a time, if one is given. False: there is no room
   * to remember it. A connection that has closed is not remembered, as another one may get its name; nor one that has its name in common
   * with another, as behind a proxy with several addresses.
   */
  show(uuid: string, untilMs?: number): boolean {
    return this.#isNameless() || this.#gatekeeper.shown.add(this.origin.connection, uuid, untilMs);
  }

  /** Whether an identity has shown itself on the connection of the call. */
  hasShown(uuid: string): boolean {
    return this.#gatekeeper.shown.has(this.origin.connection, uuid);
  }

  /** Until when it counts there: the word of others has an end. */
  shownUntilMs(uuid: string): number | undefined {
    return this.#gatekeeper.shown.untilMs(this.origin.connection, uuid);
  }

  /** Whether it has a permission that needs no target. */
  may(permission: Permission): boolean {
    return this.#gatekeeper.may(permission, this);
  }

  /** Why it has no such permission. */
  refuse(permission: Permission, method: Method): Fault | undefined {
    return this.#gatekeeper.refuse(permission, this, method);
  }

  /** Whether it may know of a session or a node. */
  sees(sid: number): boolean {
    return this.#gatekeeper.sees(this, sid);
  }

  /** Whether it is somebody, or nobody has to be: every principal may be told what everybody knows in an open network. */
  get isKnown(): boolean {
    return this.#gatekeeper.isKnown(this);
  }

  /** The identity that it is; undefined for nobody, and for the administrator's token. */
  get identityUuid(): string | undefined {
    return this.#gatekeeper.identityOf(this);
  }

  /** As whom its commands are stored. */
  get by(): { readonly by?: string } {
    const by = this.#gatekeeper.nameOf(this);
    return by === undefined ? {} : { by };
  }
}

/**
 * Finds out who calls. A token that comes must be good, also where none is needed; a good one renews its session, whatever
 * becomes of the call, unless its identity has yet to show itself on this connection, or has lost the role for a session. `vouched`
 * is whom others vouch for.
 */
export function identify(
  { replica, shares, adminToken, gatekeeper }: Backing,
  call: Call,
  { vouched, isNameless }: { readonly vouched: AccessHolder | undefined; readonly isNameless: () => boolean },
): Caller | Fault {
  const { metadata } = call;
  const origin = originOfPeer(call.getPeer());
  const wrong = adminFault(metadata, adminToken);
  if (wrong !== undefined) return wrong;
  const isAdmin = metadata.get(ADMIN_METADATA).length > 0;
  const [accessToken] = metadata.get(ACCESS_METADATA);
  const given = accessToken === undefined ? undefined : gatekeeper.tokens.find(String(accessToken));
  if (accessToken !== undefined && given === undefined) {
    return new Fault('AUTH_REQUIRED', ACCESS_ENDED_WORDS);
  }
  if (given !== undefined && vouched !== undefined && given.uuid !== vouched.uuid) {
    return new Fault('IDENTITY_MISMATCH', `the access token is of identity ${given.uuid}, ${shownAs(vouched)}`);
  }
  const access = vouched ?? given;
  const [named] = metadata.get(NETWORK_METADATA);
  const shown = { isAdmin, access, origin, namedNetwork: named?.toString(), isNameless };
  const [token] = metadata.get(SESSION_METADATA);
  if (token === undefined) return new Caller(gatekeeper, { ...shown, sid: undefined });
  const sid = authenticate(replica.state, String(token), gatekeeper.network.number);
  if (sid instanceof Fault) return sid;
  const uuid = identityOf(replica.state.sessions.living(sid));
  if (access !== undefined && access.uuid !== uuid) {
    return new Fault('IDENTITY_MISMATCH', `${shownAs(access)}, the session of ${uuid}`);
  }
  const caller = new Caller(gatekeeper, { ...shown, sid });
  // Its word counts on this connection as a proof does, while it is good.
  if (vouched !== undefined) caller.show(uuid, vouched.untilMs);
  return gatekeeper.renews(sid, caller) ? (renew({ replica, shares }, sid, origin) ?? caller) : caller;
}

/** Why the administrator's token of a call is not taken; undefined where it is, or where none came. */
export function adminFault(metadata: Metadata, adminToken: string | undefined): Fault | undefined {
  const [admin] = metadata.get(ADMIN_METADATA);
  if (admin === undefined || (adminToken !== undefined && isSameSecret(String(admin), adminToken))) return undefined;
  return new Fault('ADMIN_TOKEN_INVALID', 'the administrator token is wrong, or this server has none');
}

function shownAs({ via, uuid }: AccessHolder): string {
  const what = { issuer: "the issuer's token", certificate: 'the client certificate' };
  return `${via === undefined ? 'the access token' : what[via]} is of identity ${uuid}`;
}

/** The issuer's token that a call brings; undefined without one. */
function bearerOf({ metadata }: Pick<Call, 'metadata'>): string | undefined {
  const [given] = metadata.get(BEARER_METADATA);
  return given === undefined ? undefined : BEARER.exec(String(given))?.[1];
}

type Vouched = AccessHolder | Fault | undefined;

/** Whom an issuer's token or a client certificate vouches for; undefined where a call brings neither. */
export function vouchingOf(
  { issuers, certificates }: Pick<Backing, 'issuers' | 'certificates'>,
  call: Call,
  claim: CertificateClaim | undefined,
): Promise<Vouched> | undefined {
  const bearer = bearerOf(call);
  if (bearer === undefined && claim === undefined) return undefined;
  const token = bearer === undefined ? undefined : issuers.accept(bearer, originOfPeer(call.getPeer()));
  return vouchedBy(certificates.accept(claim), token);
}

async function vouchedBy(
  certificate: Vouched | Promise<Vouched>,
  token: Promise<AccessHolder | Fault> | undefined,
): Promise<Vouched> {
  const [certified, issued] = await Promise.all([certificate, token]);
  if (certified === undefined || certified instanceof Fault || issued === undefined) return certified ?? issued;
  if (issued instanceof Fault || issued.uuid === certified.uuid) return issued;
  return new Fault('IDENTITY_MISMATCH', `${shownAs(certified)}, ${shownAs(issued)}`);
}

/** Whether a request holds a proof: its method has verified that, when it answers with success. */
export function hasProof(call: object): boolean {
  const { request } = call as { readonly request?: { readonly proof?: unknown } };
  return request?.proof !== undefined;
}

/** Whether a request uses something up when it is tried, and cannot be tried again: proofs. */
export function isTriedOnce(call: object): boolean {
  const { request } = call as { readonly request?: { readonly oldProof?: unknown } };
  return hasProof(call) || request?.oldProof !== undefined;
}

/** Renews a session that a caller has. */
export function renew(
  { replica, shares }: Pick<Backing, 'replica' | 'shares'>,
  sid: number,
  origin: Origin,
): Fault | undefined {
  if (!replica.renew(sid)) return new Fault('SESSION_EXPIRED', `session ${sid} has expired`);
  shares.renewed(sid, origin);
  return undefined;
}

/** Whether a method about the caller's own has nothing to be about: no session, and no permission for what is others'. */
export function ownsNothing(call: { getPath(): string }, caller: Caller): boolean {
  const { others } = ruleOf(methodOfPath(call.getPath()));
  return caller.sid === undefined && (others === undefined || !caller.may(others));
}

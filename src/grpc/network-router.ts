import type { Metadata, UntypedServiceImplementation } from '@grpc/grpc-js';
import type { AuditLog } from '../audit/audit-log.js';
import { authRequired } from '../core/decide/policy/authorize.js';
import { Fault } from '../core/model/fault.js';
import { DEFAULT_NETWORK, NETWORK_NAME, NETWORK_NAME_RULE, type NetworkRef, namesOf } from '../core/model/network.js';
import { type Method, ruleOf } from '../core/model/trust/permission.js';
import type { AuthMode } from '../core/model/trust/policy.js';
import { refuseStranger } from '../replica/access/key-prover.js';
import { networkOfToken } from '../replica/access/token.js';
import { type Origin, originOfPeer } from '../shares/origin.js';
import { ADMIN_METADATA, adminFault, NETWORK_METADATA, SESSION_METADATA } from './caller.js';
import { methodOfPath } from './rules.js';
import { toError } from './status.js';

/** A handler of any of the four kinds of calls, as grpc-js takes it. */
type Handler = UntypedServiceImplementation[string];

/** What of a request is looked at here: a network's name, and whom its proofs are of. */
interface RoutedRequest {
  readonly network?: string | undefined;
  readonly proof?: { readonly identityUuid: string } | undefined;
  readonly oldProof?: { readonly identityUuid: string } | undefined;
}

/** What of a call says which network it is about. */
interface RoutedCall {
  readonly metadata: Metadata;
  readonly request?: RoutedRequest | undefined;
  getPath(): string;
  getPeer(): string;
  emit(event: 'error', error: Error): unknown;
}

type Callback = (error: Error | null, message?: unknown) => void;

/** The services of one network. */
export interface NetworkServices {
  readonly network: NetworkRef;
  /** By the path of the method. */
  readonly handlers: ReadonlyMap<string, Handler>;
}

/** What a router needs. */
export interface NetworkRouterDeps {
  /** The mode of the default network: in `required` nobody is told which networks there are. */
  readonly mode: () => AuthMode;
  /** The administrators' token; undefined for a server that has no administrator. */
  readonly adminToken: string | undefined;
  /** Why a network of this name or number does not run; undefined: it runs, or there is none. */
  readonly stopped?: ((network: string | number) => Fault | undefined) | undefined;
  /** Told of each call that is refused here. */
  readonly refused?: ((fault: Fault, method: string, origin: Origin) => void) | undefined;
  /** Told who was refused here: the audit log of the default network. */
  readonly audit?: Pick<AuditLog, 'refused'> | undefined;
}

/** Leads each call to the services of the network that it is about: `default`, where it names none. */
export class NetworkRouter {
  readonly #deps: NetworkRouterDeps;
  readonly #byName = new Map<string, NetworkServices>();
  readonly #byNumber = new Map<number, NetworkServices>();

  constructor(deps: NetworkRouterDeps) {
    this.#deps = deps;
  }

  /** From now on calls about this network are led to these services. */
  add(services: NetworkServices): void {
    for (const name of namesOf(services.network)) this.#byName.set(name, services);
    this.#byNumber.set(services.network.number, services);
  }

  /** From now on there is no such network. */
  remove(network: NetworkRef): void {
    for (const name of namesOf(network)) this.#byName.delete(name);
    this.#byNumber.delete(network.number);
  }

  /** A handler that leads a call on to the same method of its network. */
  handler(path: string): Handler {
    return (call: RoutedCall, callback?: Callback) => {
      const found = this.#find(call);
      if (!(found instanceof Fault)) {
        const handler = found.handlers.get(path) as (call: RoutedCall, callback?: Callback) => void;
        handler(call, callback);
        return;
      }
      this.#report(found, methodOfPath(path), originOfPeer(call.getPeer()));
      const error = toError(found);
      if (callback === undefined) call.emit('error', error);
      else callback(error);
    };
  }

  #report(fault: Fault, method: string, origin: Origin): void {
    this.#deps.refused?.(fault, method, origin);
    this.#deps.audit?.refused({ who: undefined, from: origin.address, what: method }, fault.reason);
  }

  #find(call: RoutedCall): NetworkServices | Fault {
    const [token] = call.metadata.get(SESSION_METADATA);
    const number = token === undefined ? undefined : networkOfToken(String(token));
    const name = nameIn(call);
    if (name instanceof Fault) return name;
    if (name === undefined) {
      return this.#byNumber.get(number ?? 0) ?? this.#deps.stopped?.(number ?? 0) ?? notOfThisServer();
    }
    const found = this.#byName.get(name);
    const stopped = found === undefined ? this.#deps.stopped?.(name) : undefined;
    if (stopped !== undefined) return stopped;
    if (number !== undefined && number !== found?.network.number) {
      return new Fault('IDENTITY_MISMATCH', `the session token is of another network than ${JSON.stringify(name)}`);
    }
    return found ?? this.#unknown(call, name);
  }

  /** What is answered in a network that does not exist: in `required` what one that does exist answers to a stranger. */
  #unknown(call: RoutedCall, name: string): NetworkServices | Fault {
    const method = methodOfPath(call.getPath());
    // Challenge answers for every network; nothing that it is asked for is the default network's own.
    if (method === 'Challenge') return this.#byNumber.get(0)!;
    const wrong = adminFault(call.metadata, this.#deps.adminToken);
    if (wrong !== undefined) return wrong;
    const isAdmin = call.metadata.get(ADMIN_METADATA).length > 0;
    const { needs } = ruleOf(method);
    if (this.#deps.mode() !== 'required' || isAdmin || (needs === 'nothing' && !hasProofs(method))) {
      return noSuchNetwork(name);
    }
    if (method === 'Enroll') return new Fault('TICKET_INVALID', 'there is no such ticket');
    if (method === 'RotateKey') return refuseStranger('old_proof', call.request?.oldProof);
    if (needs === 'nothing') return refuseStranger('proof', call.request?.proof);
    return authRequired(undefined, needs === 'principal' ? 'this' : needs);
  }
}

/** Whether a method's request brings a proof or a ticket of a network's. */
function hasProofs(method: Method): boolean {
  return method === 'Enroll' || method === 'Login' || method === 'RotateKey';
}

/** The refusal of a network that a server does not have. */
export function noSuchNetwork(name: string): Fault {
  return new Fault('NETWORK_NOT_FOUND', `no network ${JSON.stringify(name)}`);
}

/** The name of the network that a call names; undefined where it names none. */
function nameIn(call: RoutedCall): string | undefined | Fault {
  const [said] = call.metadata.get(NETWORK_METADATA);
  const named = said === undefined ? undefined : String(said);
  // Of the requests only those of Session and Challenge have a network.
  const asked = call.request?.network || undefined;
  if (named !== undefined && !NETWORK_NAME.test(named)) return wrong(NETWORK_METADATA, NETWORK_NAME_RULE);
  if (asked !== undefined && !NETWORK_NAME.test(asked)) {
    // Challenge says so with everything else that is wrong.
    return methodOfPath(call.getPath()) === 'Challenge' ? undefined : wrong('network', NETWORK_NAME_RULE);
  }
  if (named !== undefined && asked !== undefined && named !== asked) {
    return wrong('network', `${JSON.stringify(asked)}, and the metadata ${NETWORK_METADATA} says ${named}`);
  }
  const name = named ?? asked;
  return name === DEFAULT_NETWORK && call.metadata.get(SESSION_METADATA).length === 0 ? undefined : name;
}

function wrong(field: string, description: string): Fault {
  return Fault.fields([{ field, description }]);
}

function notOfThisServer(): Fault {
  return new Fault('SESSION_TOKEN_INVALID', "the session token is not one of this server's");
}

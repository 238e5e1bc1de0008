import type { IdentityServiceService } from '../../gen/switchyard/v1/identity.js';
import type { NetworkServiceService } from '../../gen/switchyard/v1/network_service.js';
import type { ServerServiceService } from '../../gen/switchyard/v1/server.js';
import type { SessionServiceService } from '../../gen/switchyard/v1/session_service.js';
import type { StreamServiceService } from '../../gen/switchyard/v1/stream_service.js';
import type { TransportServiceService } from '../../gen/switchyard/v1/transport_service.js';
import { METHODS, type Method, type MethodRule } from '../core/model/trust/permission.js';

type NamesOf<Service> = Capitalize<Extract<keyof Service, string>>;

/** The name of a method of a service. */
export type Rpc =
  | NamesOf<typeof SessionServiceService>
  | NamesOf<typeof NetworkServiceService>
  | NamesOf<typeof StreamServiceService>
  | NamesOf<typeof TransportServiceService>
  | NamesOf<typeof IdentityServiceService>
  | NamesOf<typeof ServerServiceService>;

/** The rule of every method of the services: one without a row in {@link METHODS} does not compile here. */
export const RPC_RULES: Readonly<Record<Rpc, MethodRule>> = METHODS;

/** The method that a call is of, by `/package.Service/Method`. Every call that reaches a handler is of one that has a rule. */
export function methodOfPath(path: string): Method {
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (!Object.hasOwn(RPC_RULES, name)) throw new Error(`the method ${name} has no rule`);
  return name as Rpc;
}

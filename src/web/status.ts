import { BadRequest, ErrorInfo } from '../../gen/google/rpc/error_details.js';
import { Status } from '../../gen/google/rpc/status.js';
import type { WebStatus } from './calls-port.js';

/** The codes of gRPC that this door itself answers with. */
export const CODE = {
  invalidArgument: 3,
  deadlineExceeded: 4,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
} as const;

/** A refusal of the door itself, in the form that the services' own have. `field` names what of the request was wrong. */
export class WebDoorRefusal extends Error {
  readonly status: WebStatus;

  constructor(code: (typeof CODE)[keyof typeof CODE], reason: string, message: string, field?: string) {
    super(message);
    const info = any('google.rpc.ErrorInfo', ErrorInfo.encode({ reason, domain: 'switchyard', metadata: {} }).finish());
    const fieldViolations = [{ field: field ?? '', description: message }];
    const bad = any('google.rpc.BadRequest', BadRequest.encode({ fieldViolations }).finish());
    const details = field === undefined ? [info] : [info, bad];
    this.status = { code, message, details: Status.encode({ code, message, details }).finish() };
  }
}

/** A request that is not what its protocol says. */
export function invalid(field: string, message: string): WebDoorRefusal {
  return new WebDoorRefusal(CODE.invalidArgument, 'FIELD_INVALID', message, field);
}

/** A fault of ours, which the log has under this id. */
export function internal(fault: string): WebStatus {
  return new WebDoorRefusal(CODE.internal, 'INTERNAL', `fault ${fault}`).status;
}

function any(type: string, value: Uint8Array) {
  return { typeUrl: `type.googleapis.com/${type}`, value: Buffer.from(value) };
}

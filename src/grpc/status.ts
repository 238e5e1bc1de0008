import {
  Metadata,
  type ServerInterceptingCallInterface,
  type ServiceError,
  type StatusObject,
  status,
} from '@grpc/grpc-js';
import { BadRequest, ErrorInfo, RetryInfo } from '../../gen/google/rpc/error_details.js';
import { Status } from '../../gen/google/rpc/status.js';
import { Fault, type Reason } from '../core/model/fault.js';
import { durationOf } from './encode/duration.js';
import { DEFAULT_DOOR_LIMITS } from './limits.js';

/** The gRPC code of each reason, as error.proto documents it. Nothing else in this program knows a gRPC code. */
export const CODE_OF_REASON: Readonly<Record<Reason, status>> = {
  FIELD_INVALID: status.INVALID_ARGUMENT,
  SESSION_TOKEN_MISSING: status.UNAUTHENTICATED,
  SESSION_TOKEN_INVALID: status.UNAUTHENTICATED,
  SESSION_SUPERSEDED: status.UNAUTHENTICATED,
  SESSION_TERMINATED: status.UNAUTHENTICATED,
  SESSION_EXPIRED: status.UNAUTHENTICATED,
  SESSION_SERVER_LOST: status.UNAUTHENTICATED,
  ATTACHMENT_REPLACED: status.ABORTED,
  ADMIN_REQUIRED: status.PERMISSION_DENIED,
  ADMIN_TOKEN_INVALID: status.UNAUTHENTICATED,
  SESSION_NOT_FOUND: status.NOT_FOUND,
  NODE_NOT_FOUND: status.NOT_FOUND,
  STREAM_NOT_FOUND: status.NOT_FOUND,
  PATH_NOT_FOUND: status.NOT_FOUND,
  ORDER_NOT_FOUND: status.NOT_FOUND,
  CONNECTION_NOT_FOUND: status.NOT_FOUND,
  IDENTITY_NOT_FOUND: status.NOT_FOUND,
  TICKET_NOT_FOUND: status.NOT_FOUND,
  NETWORK_NOT_FOUND: status.NOT_FOUND,
  SESSION_LIMIT: status.RESOURCE_EXHAUSTED,
  SID_EXHAUSTED: status.RESOURCE_EXHAUSTED,
  STREAM_LIMIT: status.RESOURCE_EXHAUSTED,
  LINK_LIMIT: status.RESOURCE_EXHAUSTED,
  WATCH_LIMIT: status.RESOURCE_EXHAUSTED,
  ORDER_LIMIT: status.RESOURCE_EXHAUSTED,
  CONNECTION_LIMIT: status.RESOURCE_EXHAUSTED,
  RATE_LIMITED: status.RESOURCE_EXHAUSTED,
  TOO_LARGE: status.RESOURCE_EXHAUSTED,
  REVISION_COMPACTED: status.OUT_OF_RANGE,
  WATCH_LAGGED: status.ABORTED,
  NOT_ATTACHED: status.FAILED_PRECONDITION,
  NOT_STREAM_OWNER: status.PERMISSION_DENIED,
  PEER_REFUSED: status.PERMISSION_DENIED,
  ORDER_DEADLINE: status.DEADLINE_EXCEEDED,
  PEER_LEFT: status.ABORTED,
  PATH_FAILED: status.UNAVAILABLE,
  CONNECTION_REPLACED: status.ABORTED,
  SINK_TOO_SLOW: status.FAILED_PRECONDITION,
  STREAM_STOPPED: status.FAILED_PRECONDITION,
  OUT_OF_ORDER: status.FAILED_PRECONDITION,
  DRAINING: status.UNAVAILABLE,
  JOURNAL_UNAVAILABLE: status.UNAVAILABLE,
  OVERLOADED: status.UNAVAILABLE,
  INTERNAL: status.INTERNAL,
  UNIMPLEMENTED: status.UNIMPLEMENTED,
  OUTCOME_UNKNOWN: status.UNAVAILABLE,
  BEHIND: status.UNAVAILABLE,
  SERVER_CUT_OFF: status.UNAVAILABLE,
  EVENT_TYPE_UNKNOWN: status.INVALID_ARGUMENT,
  EVENT_CATEGORY_WRONG: status.INVALID_ARGUMENT,
  EVENT_TRUNCATED: status.INVALID_ARGUMENT,
  EVENT_KEY_REPEATED: status.INVALID_ARGUMENT,
  PACKET_FLAGS_INVALID: status.INVALID_ARGUMENT,
  AUTH_REQUIRED: status.UNAUTHENTICATED,
  PROOF_INVALID: status.UNAUTHENTICATED,
  CHALLENGE_EXPIRED: status.UNAUTHENTICATED,
  TICKET_INVALID: status.UNAUTHENTICATED,
  IDENTITY_REVOKED: status.UNAUTHENTICATED,
  PERMISSION_DENIED: status.PERMISSION_DENIED,
  IDENTITY_MISMATCH: status.UNAUTHENTICATED,
  NETWORK_LIMIT: status.RESOURCE_EXHAUSTED,
  POLICY_INVALID: status.INVALID_ARGUMENT,
  CERTIFICATE_INVALID: status.UNAUTHENTICATED,
  ISSUER_UNAVAILABLE: status.UNAVAILABLE,
};

const DOMAIN = 'switchyard';
const DETAILS = 'grpc-status-details-bin';
const PUSHBACK = 'grpc-retry-pushback-ms';
const NEVER_AGAIN = '-1';
const { violationsMax, errorMessageBytesMax } = DEFAULT_DOOR_LIMITS;

/** Reasons that say that a session is over, by which a call is refused but an attachment aborted. */
const ENDINGS: ReadonlySet<Reason> = new Set<Reason>([
  'SESSION_SUPERSEDED',
  'SESSION_TERMINATED',
  'SESSION_EXPIRED',
  'SESSION_SERVER_LOST',
  'IDENTITY_REVOKED',
]);

/** A refusal as grpc-js sends it, with google.rpc.Status as its details. */
export function toError(fault: Fault): ServiceError {
  return errorOf(fault, CODE_OF_REASON[fault.reason]);
}

/** The same for a stream that was open already: a session's end is not the caller's missing proof but an abort. */
export function toEnding(fault: Fault): ServiceError {
  return errorOf(fault, ENDINGS.has(fault.reason) ? status.ABORTED : CODE_OF_REASON[fault.reason]);
}

/** A status on its way out, as grpc-js has it between its parts. */
type SentStatus = Parameters<ServerInterceptingCallInterface['sendStatus']>[0];

/** What grpc.health.v1 wants a check of an unknown service to answer. It is none of our reasons. */
export function unknownService(service: string): Partial<StatusObject> {
  return { code: status.NOT_FOUND, details: cut(`no service ${JSON.stringify(service)}`) };
}

/**
 * Gives an error that grpc-js made by itself (a message that cannot be decoded or is too large, an encoding that is not
 * known) the same form as ours. What has details already, and success, pass unchanged.
 */
export function withDetails(sent: SentStatus): SentStatus {
  if (sent.code === status.OK || (sent.metadata?.get(DETAILS).length ?? 0) > 0) return sent;
  const fault = faultOf(sent.code, sent.details);
  return fault === undefined ? sent : toError(fault);
}

function faultOf(code: status, said: string): Fault | undefined {
  // grpc-js has only INTERNAL for bytes that are no message, and for a grpc-timeout that is none.
  if (code === status.INTERNAL && /deserializing|decompress|grpc-timeout/.test(said)) {
    const field = said.includes('grpc-timeout') ? 'grpc-timeout' : '';
    return new Fault('FIELD_INVALID', `the request cannot be read: ${said}`, [{ field, description: said }]);
  }
  if (code === status.RESOURCE_EXHAUSTED) return new Fault('TOO_LARGE', said);
  if (code === status.UNIMPLEMENTED) return new Fault('UNIMPLEMENTED', said);
  return undefined;
}

function errorOf(fault: Fault, code: status): ServiceError {
  const message = cut(fault.message);
  const details = [
    any('google.rpc.ErrorInfo', ErrorInfo.encode(infoOf(fault)).finish()),
    ...violationsOf(fault),
    ...retryOf(fault),
  ];
  const metadata = new Metadata();
  metadata.set(DETAILS, Buffer.from(Status.encode({ code, message, details }).finish()));
  metadata.set(PUSHBACK, pushbackOf(fault));
  return Object.assign(new Error(message), { code, details: message, metadata });
}

function infoOf({ reason, metadata }: Fault): ErrorInfo {
  return { reason, domain: DOMAIN, metadata: { ...metadata } };
}

function violationsOf({ violations }: Fault) {
  if (violations.length === 0) return [];
  const told = violations.slice(0, violationsMax).map(({ field, description }) => ({ field, description }));
  const left = violations.length - told.length;
  if (left > 0) told.push({ field: '', description: `and ${left} more` });
  return [any('google.rpc.BadRequest', BadRequest.encode({ fieldViolations: told }).finish())];
}

function retryOf({ retryAfterMs }: Fault) {
  if (retryAfterMs === undefined) return [];
  return [any('google.rpc.RetryInfo', RetryInfo.encode({ retryDelay: durationOf(retryAfterMs) }).finish())];
}

/**
 * What grpc's own retries obey: after how many milliseconds to try again, or that the call must not be tried again. Without
 * it they go by the client's policy alone, which knows no more than the status code.
 */
function pushbackOf({ retryAfterMs }: Fault): string {
  return retryAfterMs === undefined ? NEVER_AGAIN : String(Math.ceil(retryAfterMs));
}

function any(type: string, value: Uint8Array) {
  return { typeUrl: `type.googleapis.com/${type}`, value: Buffer.from(value) };
}

/** Cut by bytes, and whole characters again after it: grpc-js cannot send half a surrogate pair. */
function cut(message: string): string {
  const bytes = Buffer.from(message);
  if (bytes.length <= errorMessageBytesMax) return bytes.toString();
  return `${bytes
    .subarray(0, errorMessageBytesMax)
    .toString()
    .replace(/\uFFFD*$/, '')}…`;
}

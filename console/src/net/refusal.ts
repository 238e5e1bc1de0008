import { decode } from '../wire/codec.js';
import { ERROR_INFO, RETRY_INFO, STATUS, type Time } from '../wire/messages.js';

/** gRPC's numbers of the codes that the page decides by. */
export const CODE = {
  ok: 0,
  cancelled: 1,
  invalidArgument: 3,
  permissionDenied: 7,
  aborted: 10,
  outOfRange: 11,
  unimplemented: 12,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/** Why a call did not succeed, as the server tells it. */
export class RefusedError extends Error {
  constructor(
    readonly code: number,
    /** The reason from error.proto, such as NODE_NOT_FOUND; empty when there was none. */
    readonly reason: string,
    message: string,
    /** When to try again; undefined when the server did not say. */
    readonly retryMs: number | undefined,
  ) {
    super(message);
    this.name = 'RefusedError';
  }
}

/** Reads a refusal from how a call ended. */
export function refusalOf(code: number, message: string, details: Uint8Array): RefusedError {
  const status = decode<{ details: { typeUrl: string; value: Uint8Array }[] }>(STATUS, details);
  let reason = '';
  let retryMs: number | undefined;
  for (const { typeUrl, value } of status.details) {
    if (typeUrl.endsWith('google.rpc.ErrorInfo')) reason = decode<{ reason: string }>(ERROR_INFO, value).reason;
    if (typeUrl.endsWith('google.rpc.RetryInfo')) {
      retryMs = msOf(decode<{ retryDelay: Time | undefined }>(RETRY_INFO, value).retryDelay);
    }
  }
  return new RefusedError(code, reason, message, retryMs);
}

/** There is no connection by which a call could be made. */
export function unsentRefusal(): RefusedError {
  return new RefusedError(CODE.unavailable, '', 'there is no connection to the server', undefined);
}

/** The connection to the server broke before the call was answered. */
export class LostError extends RefusedError {
  constructor() {
    super(CODE.unavailable, '', 'the connection to the server is lost', undefined);
    this.name = 'LostError';
  }
}

/** Whether what was asked for may have been done in spite of the error. */
export function isOutcomeUnknown(error: unknown): boolean {
  return error instanceof LostError || (error instanceof RefusedError && error.reason === 'OUTCOME_UNKNOWN');
}

/** Milliseconds of a Duration or a Timestamp. */
export function msOf(time: Time | undefined): number {
  return time === undefined ? 0 : time.seconds * 1_000 + time.nanos / 1e6;
}

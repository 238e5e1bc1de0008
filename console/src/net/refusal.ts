import { decode } from '../wire/codec.js';
import { ERROR_INFO, RETRY_INFO, STATUS, type Time } from '../wire/messages.js';

/** gRPC's numbers of the codes that the page decides by. */
export const CODE = {
  ok: 0,
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

/** The connection to the server broke before the call was answered. */
export function lostRefusal(): RefusedError {
  return new RefusedError(CODE.unavailable, '', 'the connection to the server is lost', undefined);
}

/** Milliseconds of a Duration or a Timestamp. */
export function msOf(time: Time | undefined): number {
  return time === undefined ? 0 : time.seconds * 1_000 + time.nanos / 1e6;
}

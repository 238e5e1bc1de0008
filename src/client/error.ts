import {
  BadRequest,
  type BadRequest_FieldViolation,
  ErrorInfo,
  RetryInfo,
} from '../../gen/google/rpc/error_details.js';
import { Status } from '../../gen/google/rpc/status.js';
import { msOf } from './duration.js';
import { StatusCode } from './status.js';

/** A call's end as the wire tells it: what a {@link Channel} makes a {@link SwitchyardError} from. */
export interface CallStatus {
  /** A number of {@link StatusCode}. */
  readonly code: number;
  readonly message: string;
  /** The bytes of `grpc-status-details-bin`, when they came. */
  readonly details?: Uint8Array | undefined;
}

/** What more there is to say about an error; all of it optional. */
export interface ErrorDetails {
  readonly reason?: string | undefined;
  readonly violations?: readonly FieldViolation[];
  readonly retryAfterMs?: number | undefined;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/** One wrong field of a request, in the proto's spelling, and what is allowed there. */
export type FieldViolation = BadRequest_FieldViolation;

/**
 * The one error of this client: a call was refused or failed, a watch or a session has ended.
 *
 * Programs decide by `reason` where there is one, else by `code`; `message` is for people. A call that its caller
 * aborted is not among these: it rejects with the signal's own reason, as `fetch` does.
 */
export class SwitchyardError extends Error {
  /** Why, as a name of `switchyard.v1.Reason`; a newer server may know more names. Undefined: it did not say. */
  readonly reason: string | undefined;
  /** With FIELD_INVALID: the wrong fields, the first 16 of them; then one without a name says how many more there are. */
  readonly violations: readonly FieldViolation[];
  /** After how long asking again makes sense, when the server said so. */
  readonly retryAfterMs: number | undefined;
  /** Facts for programs, such as `oldest_revision`. */
  readonly metadata: Readonly<Record<string, string>>;
  #server: string | undefined;

  constructor(
    /** The gRPC status. */
    readonly code: StatusCode,
    message: string,
    details: ErrorDetails = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'SwitchyardError';
    this.reason = details.reason;
    this.violations = details.violations ?? [];
    this.retryAfterMs = details.retryAfterMs;
    this.metadata = details.metadata ?? {};
  }

  /** Reads the error details of google.rpc. Details that cannot be read are left out: code and message stay true. */
  static of(status: CallStatus): SwitchyardError {
    const code = isStatusCode(status.code) ? status.code : StatusCode.UNKNOWN;
    return new SwitchyardError(code, status.message, status.details ? decodeDetails(status.details) : {});
  }

  /** HOST:PORT of the server that the call was made to, where a client knows several; undefined where it knows one. */
  get server(): string | undefined {
    return this.#server;
  }

  /** For the ways to several servers: the call was made to this one. The first that is named stands. */
  madeTo(server: string): void {
    this.#server ??= server;
  }

  /**
   * Whether the same call may succeed later without a change: the server is away, or said when to come again. Not with
   * OUTCOME_UNKNOWN: it may have been done, and would be done twice.
   */
  get temporary(): boolean {
    if (this.reason === 'OUTCOME_UNKNOWN') return false;
    return this.code === StatusCode.UNAVAILABLE || this.retryAfterMs !== undefined;
  }
}

/** Whether a quota of the month is used up: the same call is refused until the next one. */
export function isOfMonth({ metadata }: SwitchyardError): boolean {
  return metadata.month_ends !== undefined;
}

function isStatusCode(code: number): code is StatusCode {
  return Number.isInteger(code) && code >= StatusCode.OK && code <= StatusCode.UNAUTHENTICATED;
}

function decodeDetails(bytes: Uint8Array): ErrorDetails {
  const details: { -readonly [Key in keyof ErrorDetails]: ErrorDetails[Key] } = {};
  try {
    for (const any of Status.decode(bytes).details) {
      const type = any.typeUrl.slice(any.typeUrl.lastIndexOf('/') + 1);
      if (type === 'google.rpc.ErrorInfo') {
        const info = ErrorInfo.decode(any.value);
        details.reason = info.reason || undefined;
        details.metadata = info.metadata;
      } else if (type === 'google.rpc.BadRequest') {
        details.violations = BadRequest.decode(any.value).fieldViolations;
      } else if (type === 'google.rpc.RetryInfo') {
        const { retryDelay } = RetryInfo.decode(any.value);
        if (retryDelay) details.retryAfterMs = msOf(retryDelay);
      }
    }
  } catch (error) {
    details.cause = error;
  }
  return details;
}

/** What a span tells of a failure: never what an error's message says, which may hold names and addresses. */
export function failureName(error: unknown): string {
  if (error instanceof SwitchyardError) {
    return error.reason ?? Object.entries(StatusCode).find(([, code]) => code === error.code)?.[0] ?? 'UNKNOWN';
  }
  return error instanceof Error ? error.name : 'cancelled';
}

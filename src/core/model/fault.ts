/**
 * The closed set of refusals, with the numbers of `switchyard.v1.Reason`.
 *
 * The names are API, so they never change; the doors translate a reason into their own codes and nobody else does.
 */
export const REASONS = {
  FIELD_INVALID: 1,
  SESSION_TOKEN_MISSING: 10,
  SESSION_TOKEN_INVALID: 11,
  SESSION_SUPERSEDED: 12,
  SESSION_TERMINATED: 13,
  SESSION_EXPIRED: 14,
  SESSION_SERVER_LOST: 15,
  ATTACHMENT_REPLACED: 16,
  ADMIN_REQUIRED: 17,
  ADMIN_TOKEN_INVALID: 18,
  SESSION_NOT_FOUND: 20,
  NODE_NOT_FOUND: 21,
  STREAM_NOT_FOUND: 22,
  PATH_NOT_FOUND: 23,
  ORDER_NOT_FOUND: 24,
  CONNECTION_NOT_FOUND: 25,
  IDENTITY_NOT_FOUND: 26,
  TICKET_NOT_FOUND: 27,
  NETWORK_NOT_FOUND: 28,
  SESSION_LIMIT: 30,
  SID_EXHAUSTED: 31,
  STREAM_LIMIT: 32,
  LINK_LIMIT: 33,
  WATCH_LIMIT: 34,
  ORDER_LIMIT: 35,
  CONNECTION_LIMIT: 36,
  RATE_LIMITED: 37,
  TOO_LARGE: 38,
  REVISION_COMPACTED: 40,
  WATCH_LAGGED: 41,
  NOT_ATTACHED: 50,
  NOT_STREAM_OWNER: 51,
  PEER_REFUSED: 52,
  ORDER_DEADLINE: 53,
  PEER_LEFT: 54,
  PATH_FAILED: 55,
  CONNECTION_REPLACED: 56,
  SINK_TOO_SLOW: 57,
  STREAM_STOPPED: 58,
  OUT_OF_ORDER: 59,
  DRAINING: 60,
  JOURNAL_UNAVAILABLE: 61,
  OVERLOADED: 62,
  INTERNAL: 63,
  UNIMPLEMENTED: 64,
  OUTCOME_UNKNOWN: 65,
  BEHIND: 66,
  SERVER_CUT_OFF: 67,
  EVENT_TYPE_UNKNOWN: 70,
  EVENT_CATEGORY_WRONG: 71,
  EVENT_TRUNCATED: 72,
  EVENT_KEY_REPEATED: 73,
  PACKET_FLAGS_INVALID: 74,
  AUTH_REQUIRED: 80,
  PROOF_INVALID: 81,
  CHALLENGE_EXPIRED: 82,
  TICKET_INVALID: 83,
  IDENTITY_REVOKED: 84,
  PERMISSION_DENIED: 85,
  IDENTITY_MISMATCH: 86,
  NETWORK_LIMIT: 87,
  POLICY_INVALID: 88,
  CERTIFICATE_INVALID: 89,
  ISSUER_UNAVAILABLE: 90,
} as const;

/** One name of the closed set. */
export type Reason = keyof typeof REASONS;

/** The reasons by their codes. */
export const REASON_OF_CODE: ReadonlyMap<number, Reason> = new Map(
  Object.entries(REASONS).map(([reason, code]) => [code, reason as Reason]),
);

/** One wrong field: which, in the proto's spelling (`labels["a b"]`, `sink_cvids[1]`), and what is allowed there. */
export interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

/**
 * A refusal, returned and never thrown: the caller asked for something that cannot be, and nothing was changed.
 *
 * A broken invariant is not a Fault; it throws an Error and stops the process.
 */
export class Fault {
  readonly fault = true;

  constructor(
    readonly reason: Reason,
    /** For people: what was wrong, with the values; and what to do next where that is not obvious. */
    readonly message: string,
    /** With FIELD_INVALID: every wrong field. */
    readonly violations: readonly FieldViolation[] = [],
    /** When asking again makes sense: after how long, in milliseconds. */
    readonly retryAfterMs?: number,
    /** Facts for programs, sent as the ErrorInfo's metadata. */
    readonly metadata: Readonly<Record<string, string>> = {},
  ) {}

  /** All mistakes of one request at once; undefined when there are none. */
  static fields(violations: readonly [FieldViolation, ...FieldViolation[]]): Fault;
  static fields(violations: readonly FieldViolation[]): Fault | undefined;
  static fields(violations: readonly FieldViolation[]): Fault | undefined {
    if (violations.length === 0) return undefined;
    const message = violations.map((v) => `${v.field}: ${v.description}`).join('; ');
    return new Fault('FIELD_INVALID', message, violations);
  }
}

/** Whether a quota of the month is used up, of what each server counts for itself. */
export function isMonthRefusal({ metadata }: Fault): boolean {
  return metadata.month_ends !== undefined;
}

/** Tells a refusal from a result. */
export function isFault(value: unknown): value is Fault {
  return value instanceof Fault;
}

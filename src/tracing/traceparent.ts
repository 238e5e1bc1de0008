/** What a `traceparent` says, as W3C Trace Context writes it: version 00 of it, with lower-case digits. */
export interface TraceParent {
  /** 32 hexadecimal digits, not all 0. */
  readonly traceId: string;
  /** 16 hexadecimal digits, not all 0. */
  readonly spanId: string;
  /** Bit 0: somebody records this trace. */
  readonly flags: number;
}

/** The metadata key, and the field of orders, that it travels in. */
export const TRACEPARENT = 'traceparent';

/** Of a later version: what follows the flags is not for us. */
const TRACEPARENT_PATTERN = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
/** A text longer than this is of no version, and is not searched. */
const LENGTH_MAX = 256;
const NO_TRACE = '0'.repeat(32);
const NO_SPAN = '0'.repeat(16);

/** Reads one; undefined when it is malformed. The standard says to begin a trace then, and to refuse nothing. */
export function parseTraceparent(text: string): TraceParent | undefined {
  if (text.length > LENGTH_MAX) return undefined;
  const [, version, traceId, spanId, flags, rest] = TRACEPARENT_PATTERN.exec(text) ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && rest !== undefined)) return undefined;
  if (traceId === NO_TRACE || spanId === NO_SPAN) return undefined;
  return { traceId, spanId, flags: Number.parseInt(flags, 16) };
}

/** Writes one, with no flag but that of being recorded. */
export function formatTraceparent({ traceId, spanId, flags }: TraceParent): string {
  return `00-${traceId}-${spanId}-0${flags & 1}`;
}

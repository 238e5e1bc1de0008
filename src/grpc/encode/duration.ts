import type { Duration } from '../../../gen/google/protobuf/duration.js';

const NANOS_PER_MS = 1e6;
const NANOS_MAX = 999_999_999;
const SECONDS_MAX = 315_576_000_000n;

/** A Duration of whole or broken milliseconds. */
export function durationOf(ms: number): Duration {
  const seconds = Math.trunc(ms / 1000);
  return { seconds: BigInt(seconds), nanos: Math.round((ms - seconds * 1000) * NANOS_PER_MS) };
}

/** Milliseconds of a Duration; 0 when it is absent, NaN when it breaks the rules of its proto. */
export function msOf(duration: Duration | undefined): number {
  if (duration === undefined) return 0;
  const { seconds, nanos } = duration;
  if (seconds > SECONDS_MAX || seconds < -SECONDS_MAX || Math.abs(nanos) > NANOS_MAX) return Number.NaN;
  if ((seconds > 0n && nanos < 0) || (seconds < 0n && nanos > 0)) return Number.NaN;
  return Number(seconds) * 1000 + nanos / NANOS_PER_MS;
}

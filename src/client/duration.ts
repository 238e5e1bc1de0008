import type { Duration } from '../../gen/google/protobuf/duration.js';

/** Milliseconds as the protos write them. Fractions of a millisecond are cut off. */
export function durationOf(ms: number): Duration {
  const whole = Math.trunc(ms);
  return { seconds: BigInt(Math.trunc(whole / 1000)), nanos: (whole % 1000) * 1_000_000 };
}

/** A duration of the protos in milliseconds. */
export function msOf(duration: Duration): number {
  return Number(duration.seconds) * 1000 + duration.nanos / 1_000_000;
}

import type { Duration } from '../../gen/google/protobuf/duration.js';

/** Milliseconds as the protos write them, to the nanosecond: 0 often means something else than a fraction of one. */
export function durationOf(ms: number): Duration {
  const seconds = Math.trunc(ms / 1000);
  // A little less than the next second is not yet that second.
  return { seconds: BigInt(seconds), nanos: Math.trunc((ms - seconds * 1000) * 1_000_000) };
}

/** A duration of the protos in milliseconds. */
export function msOf(duration: Duration): number {
  return Number(duration.seconds) * 1000 + duration.nanos / 1_000_000;
}

import type { Random } from '../base/clock.js';

const INCARNATION_BYTES = 4;

/** Counts of one incarnation: the lower half of a tag. */
export const COUNT_MAX = 0xffff_ffff;

/** A number for a life of a server, by which a leader tells its forwarded commands from those of earlier lives. Never 0: a tag of 0 is none. */
export function drawIncarnation(random: Random): number {
  return Buffer.from(random.bytes(INCARNATION_BYTES)).readUInt32LE() || 1;
}

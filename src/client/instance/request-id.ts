import type { Random } from '../../base/clock.js';

/** As many as a UUID has: two requests of one session never draw the same. */
const ID_BYTES = 16;

/** A new id for a request that may be repeated. */
export function drawRequestId(random: Random): string {
  return Buffer.from(random.bytes(ID_BYTES)).toString('base64url');
}

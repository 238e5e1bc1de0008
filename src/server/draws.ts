import type { Random } from '../base/clock.js';
import type { HashKey } from '../core/store/packed/halfsiphash.js';

/** What is hashed that callers choose is hashed by a secret. */
export function drawKey(random: Random): HashKey {
  const drawn = Buffer.from(random.bytes(8));
  return [drawn.readInt32LE(0), drawn.readInt32LE(4)];
}

/** Names this process of the server. */
export function drawEpoch(random: Random): string {
  return Buffer.from(random.bytes(8)).toString('base64url');
}

/** A UUID of version 4: RFC 9562, section 5.4. */
export function drawUuid(random: Random): string {
  const bytes = Buffer.from(random.bytes(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

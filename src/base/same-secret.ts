import { hash, timingSafeEqual } from 'node:crypto';

/**
 * Whether a secret that somebody gives is the one that is wanted. It compares hashes, which have one length, so that neither the
 * content nor the length of the wanted one shows in the time that it takes.
 */
export function isSameSecret(given: string, wanted: string): boolean {
  return timingSafeEqual(hash('sha256', given, 'buffer'), hash('sha256', wanted, 'buffer'));
}

import { hash } from 'node:crypto';
import { canonicalLines } from '../../core/store/canonical.js';
import type { State } from '../../core/store/state.js';

const DIGEST_BYTES = 32;

/**
 * The digest of a state, in hexadecimal: two states have the same if, and only if, their canonical texts are the same.
 *
 * It is the exclusive or of the SHA-256 of every line, all of which differ. So a million sessions need neither to be sorted
 * nor to be held as one text, which no string of V8 could.
 */
export function stateDigest(state: State): string {
  const sum = Buffer.alloc(DIGEST_BYTES);
  for (const line of canonicalLines(state)) {
    const one = hash('sha256', line, 'buffer');
    for (let at = 0; at < DIGEST_BYTES; at++) sum[at] ^= one[at];
  }
  return sum.toString('hex');
}

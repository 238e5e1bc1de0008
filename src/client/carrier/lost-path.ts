import { codeOf } from '../../base/errors.js';

/** A path has died without a word: it may be the network between two ends that both live. */
export class SilentPathError extends Error {}

/**
 * A path has ended before the peer has said, under the authentication of its data, that it has no more. A router that has forgotten the path
 * says so, and anybody on the way can; so it is no word of the peer's.
 */
export class CutPathError extends Error {}

/** What the kernel calls the same. */
const CODES: ReadonlySet<string> = new Set([
  ...['ETIMEDOUT', 'EHOSTUNREACH', 'EHOSTDOWN', 'ENETUNREACH', 'ENETDOWN', 'EADDRNOTAVAIL'],
  ...['ECONNRESET', 'ECONNABORTED', 'EPIPE', 'EPROTO'],
]);

/** How TLS names what is no record of the peer's, which anybody on the way can put on a path. What is written after it is EPROTO. */
const FORGED = 'ERR_SSL_';

/** Whether a path was lost: it has failed otherwise than by what the peer has said on it. */
export function isLoss(error: Error): boolean {
  if (error instanceof SilentPathError || error instanceof CutPathError) return true;
  const code = codeOf(error) ?? '';
  return CODES.has(code) || code.startsWith(FORGED);
}

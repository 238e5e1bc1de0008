import { codeOf } from '../../base/errors.js';

/** A path has died without a word: it may be the network between two ends that both live. */
export class SilentPathError extends Error {}

/** What the kernel calls the same. A reset is a word: the peer's process may be gone. */
const CODES: ReadonlySet<string> = new Set([
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'EADDRNOTAVAIL',
]);

/** Whether a path has died without a word from the peer. */
export function isSilent(error: Error): boolean {
  return error instanceof SilentPathError || CODES.has(codeOf(error) ?? '');
}

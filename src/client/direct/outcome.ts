import { asError, codeOf } from '../../base/errors.js';
import type { Outcome } from '../../core/model/outcome.js';

export { OUTCOMES, type Outcome, type PairWords } from '../../core/model/outcome.js';

/** A path that came to nothing, and why. */
export class PathError extends Error {
  constructor(readonly outcome: Outcome) {
    super(outcome);
    this.name = 'PathError';
  }
}

/** Why a path came to nothing, by what was thrown. */
export function outcomeOf(error: unknown): Outcome {
  if (error instanceof PathError) return error.outcome;
  const { name } = asError(error);
  return name === 'TimeoutError' || name === 'AbortError' ? 'the handshake took too long' : 'the handshake failed';
}

/** Throws what was thrown before the peer had proved itself. A reset is a close like any other: TLS may say it as an error. */
export function failHandshake(error: unknown): never {
  const code = codeOf(error);
  throw code === 'ECONNRESET' || code === 'EPIPE' ? new PathError('closed in the handshake') : error;
}

import { REASON_OF_CODE, type Reason } from '../../core/model/fault.js';
import type { EventBody } from '../codec/event.js';

/** One wrong field, in the document's spelling, and what is allowed there. */
export interface Violation {
  readonly field: string;
  readonly description: string;
}

/** A request was refused, or the connection is over. Programs decide by `reason`; `message` is for people. */
export class SystemError extends Error {
  /** After how long asking again makes sense, where the server said so. */
  readonly retryAfterMs: number | undefined;
  /** With FIELD_INVALID: every wrong field. */
  readonly violations: readonly Violation[];
  /** With a mistake in the bytes: where. */
  readonly offset: number | undefined;

  constructor(
    /** Undefined: the connection was lost without a word, or a newer server has a reason that this version lacks. */
    readonly reason: Reason | undefined,
    message: string,
    answer: Partial<EventBody<'Answer'>> = {},
  ) {
    super(message);
    this.name = 'SystemError';
    this.retryAfterMs = answer.retryAfterMs;
    this.violations = answer.violations ?? [];
    this.offset = answer.offset;
  }

  /** What an Answer with a code other than 0 says. */
  static of(answer: EventBody<'Answer'>): SystemError {
    const reason = REASON_OF_CODE.get(answer.code);
    return new SystemError(reason, answer.description ?? reason ?? `code ${answer.code}`, answer);
  }
}

import type { Fault } from '../core/model/fault.js';
import { JournalError } from '../journal/journal.js';

/** Why a start ends. For want of space it is the storage's failure, which is told in words. */
export function startFailure(what: string, { reason, message }: Fault): Error {
  const text = `${what}: ${message}`;
  return reason === 'JOURNAL_UNAVAILABLE' ? new JournalError('full', text) : new Error(text);
}

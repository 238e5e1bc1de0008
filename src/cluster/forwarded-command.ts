import type { Command } from '../core/model/command.js';
import { Fault } from '../core/model/fault.js';
import { decodeRecord } from '../journal/format/record.js';
import { JournalError } from '../journal/journal.js';
import { RECORD_BYTES_MAX } from './limits.js';

/** The server that leads is upgraded last, after the one that forwards. */
const EARLIER_BUILD_RETRY_MS = 10_000;

/** The command of a record. What cannot be read or is too large is refused: it would end this server, and then the next that leads. */
export function commandOf(record: Uint8Array): Command | Fault {
  if (record.length > RECORD_BYTES_MAX) {
    const description = `${record.length} bytes as it is stored; ${RECORD_BYTES_MAX} are allowed`;
    return new Fault('FIELD_INVALID', `the request has ${description}`, [{ field: 'request', description }]);
  }
  try {
    return decodeRecord({ revision: 1, bytes: record });
  } catch (error) {
    if (error instanceof JournalError && error.kind === 'version') {
      const message = `the server that leads is of an earlier build: ${error.message}`;
      return new Fault('JOURNAL_UNAVAILABLE', message, [], EARLIER_BUILD_RETRY_MS);
    }
    const why = error instanceof JournalError ? error.message : 'it is none';
    return new Fault('INTERNAL', `the server that leads cannot read the command: ${why}`);
  }
}

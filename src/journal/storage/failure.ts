import { statSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { JournalError } from '../journal.js';
import { probeSpace } from './space.js';

const { ENOSPC, EDQUOT, EFBIG, EIO } = constants.errno;
/** Source: lmdb.h, "Return Codes". */
const MDB = { MAP_FULL: -30792, INVALID: -30793, VERSION_MISMATCH: -30794, CORRUPTED: -30796, PAGE_NOTFOUND: -30797 };

/** A transaction writes more than was put: whole pages, and those above them in the tree. */
const PROBE_SLACK_BYTES = 131_072;

const KINDS = new Map<unknown, JournalError['kind']>([
  [ENOSPC, 'full'],
  [EDQUOT, 'full'],
  [EFBIG, 'full'],
  [MDB.MAP_FULL, 'full'],
  [MDB.INVALID, 'damaged'],
  [MDB.CORRUPTED, 'damaged'],
  [MDB.PAGE_NOTFOUND, 'damaged'],
  [MDB.VERSION_MISMATCH, 'version'],
]);

/** What lmdb or Node threw, as the port has it. `doing` says what was asked of it: "cannot read DIR". */
export function journalError(thrown: unknown, doing: string): JournalError {
  if (thrown instanceof JournalError) return thrown;
  const { code, errno, message } = thrown as NodeJS.ErrnoException;
  // lmdb has the error's number in `code`, Node has it in `errno` and the other way round.
  const number = errno === undefined ? code : -errno;
  return new JournalError(KINDS.get(number) ?? 'failed', `${doing}: ${message}`, { cause: thrown });
}

/**
 * Why a transaction did not take place. LMDB has undone it.
 *
 * lmdb says so in two steps, and names a full disk wrongly: a write that was cut short is EIO to it, as a broken disk
 * is. So the same bytes are written once more, to a file of their own: what is refused there was refused for want of
 * space.
 */
export async function commitError(thrown: unknown, folder: string, bytes: number): Promise<JournalError> {
  const { commitError: cause } = thrown as { commitError?: Promise<never> };
  const first = cause === undefined ? thrown : await cause.catch((error: unknown) => error);
  const doing = `cannot write to ${folder}`;
  const error = journalError(first, doing);
  if (error.kind !== 'failed' || (first as { code?: unknown }).code !== EIO) return error;
  const from = statSync(join(folder, 'data.mdb')).size;
  const refusal = probeSpace(folder, from, bytes + PROBE_SLACK_BYTES);
  return refusal === undefined ? error : journalError(refusal, doing);
}

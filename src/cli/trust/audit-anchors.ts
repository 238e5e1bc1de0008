import type { AnchoredLine } from '../../audit/folder.js';
import { formatAddress, parseAddress } from '../../base/address.js';
import { asError } from '../../base/errors.js';
import { SwitchyardError } from '../../client/index.js';
import { defaultDataFolder } from '../../config/config.js';
import { INITIAL_LIMITS } from '../../core/model/limits.js';
import { readFolder } from '../../journal/inspect.js';
import { JournalError } from '../../journal/journal.js';
import { replayWhole } from '../../journal/replaying.js';
import { readListening } from '../../server/listening-file.js';
import { type ConnectionFlags, withServersAdministrator } from '../connection.js';
import { explain } from '../operate/explain.js';
import type { Surroundings } from '../surroundings.js';
import { momentWord } from '../words.js';

/** What a network's journal knows of an audit log. */
export interface KnownAnchors {
  /** The newest last. */
  readonly anchors: readonly AnchoredLine[];
  /** Why the journal could not be asked. Absent: it was. */
  readonly notCompared?: string;
}

/** The data folder that a command is about. */
export function dataFolder({ data }: ConnectionFlags, surroundings: Surroundings): string {
  return data ?? (surroundings.env.SWITCHYARD_DATA || defaultDataFolder(surroundings));
}

/**
 * What the journal knows of the audit log of a data folder: of the journal in it, or of the server that runs on it. With --server a
 * server that does not answer is an error; without it, one that cannot be asked is told.
 */
export async function readAnchors(flags: ConnectionFlags, surroundings: Surroundings): Promise<KnownAnchors> {
  if (flags.server !== undefined) return ask(flags, surroundings);
  const folder = dataFolder(flags, surroundings);
  try {
    return { anchors: await readJournal(folder) };
  } catch (error) {
    if (!(error instanceof JournalError)) throw error;
    // A server runs on it, or its journal is elsewhere.
    const running = error.kind === 'locked' || error.kind === 'failed' ? readListening(folder) : undefined;
    if (running === undefined) return { anchors: [], notCompared: error.message };
    try {
      return await askAt(running.grpc, folder, flags, surroundings);
    } catch (refusal) {
      return { anchors: [], notCompared: wordsFor(refusal) };
    }
  }
}

async function readJournal(folder: string): Promise<AnchoredLine[]> {
  const journal = await readFolder(folder);
  try {
    const { auditAnchors, serverUuid } = await replayWhole(journal, INITIAL_LIMITS);
    const known = auditAnchors.of(serverUuid);
    if (known === undefined) return [];
    return [...known.missed, known.anchor].map((anchor) => ({
      number: anchor.number,
      hash: Buffer.from(anchor.hash, 'latin1').toString('hex'),
      at: new Date(anchor.atMs).toISOString(),
      missed: anchor !== known.anchor,
    }));
  } finally {
    await journal.close();
  }
}

/** A server of an earlier release answers like one that has anchored nothing yet. */
const TOLD_OF_NONE =
  'the server tells of no line that its journal knows: it has anchored none yet, or is of a release that anchors none';

/**
 * Asks the server that listened there when it ran last on this folder. Who listens there now was not said by anybody: it proves that it
 * knows the folder's token before that is sent, as for a folder that was found.
 */
function askAt(grpc: string, folder: string, flags: ConnectionFlags, surroundings: Surroundings) {
  const { host, port } = parseAddress(grpc);
  const near = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  const found = { ...surroundings, env: { ...surroundings.env, SWITCHYARD_DATA: folder } };
  return ask({ ...flags, data: undefined, server: formatAddress({ host: near, port }) }, found);
}

async function ask(flags: ConnectionFlags, surroundings: Surroundings): Promise<KnownAnchors> {
  const { signal } = surroundings;
  const known = await withServersAdministrator(flags, surroundings, (yard) => yard.identities.auditAnchors({ signal }));
  if (known.length === 0) return { anchors: [], notCompared: TOLD_OF_NONE };
  const anchors = known.map(({ number, hash, anchoredAt, missed }) => ({
    ...{ number: Number(number), hash, missed },
    at: anchoredAt === undefined ? '' : momentWord(anchoredAt),
  }));
  return { anchors };
}

function wordsFor(refusal: unknown): string {
  return refusal instanceof SwitchyardError ? explain(refusal)[0] : asError(refusal).message;
}

import { msOf, type Session } from '../../client/index.js';
import type { ConnectionFlags } from '../connection.js';
import { type ListFlags, writeListing } from '../output/listing.js';
import type { Column } from '../output/table.js';
import { withReader } from '../reader.js';
import type { Surroundings } from '../surroundings.js';
import { durationWord, flavorWord, momentWord, typeWord } from '../words.js';
import { labelsWord } from './nodes.js';

/** The sessions that live, each with whether orders reach it. */
export async function listSessions(
  flags: ConnectionFlags & ListFlags & { readonly uuid?: string },
  surroundings: Surroundings,
): Promise<void> {
  const { signal } = surroundings;
  // The UUID says what is listed. To a reader it would say by whose key to log in.
  const { uuid: instanceUuid = '', ...readerFlags } = flags;
  await withReader(readerFlags, surroundings, (yard) => {
    const rows = yard.listSessions({ instanceUuid }, { signal });
    return writeListing({ columns: COLUMNS, rows, facts: sessionFacts }, flags, surroundings);
  });
}

const COLUMNS: readonly Column<Session>[] = [
  { heading: 'SID', value: (session) => session.cvid, right: true },
  { heading: 'NAME', value: (session) => session.name || '-' },
  { heading: 'TYPE', value: (session) => typeWord(session.instanceType) },
  { heading: 'FLAVOR', value: (session) => flavorWord(session.instanceFlavor) },
  { heading: 'ATTACHED', value: (session) => (session.attached ? 'yes' : 'no') },
  { heading: 'TTL', value: (session) => durationWord(ttlMs(session)), rank: ttlMs, right: true },
  { heading: 'OPENED', value: (session) => momentWord(session.openedAt) },
  { heading: 'UUID', value: (session) => session.instanceUuid },
  { heading: 'LABELS', value: (session) => labelsWord(session.labels) },
];

function ttlMs({ ttl }: Session): number {
  return ttl === undefined ? 0 : msOf(ttl);
}

/** A session for programs: the fields of the protos, with times in milliseconds and enums by name. */
function sessionFacts(session: Session): object {
  const { ttl, openedPosition, instanceType, instanceFlavor, ...facts } = session;
  return {
    ...facts,
    instanceType: typeWord(instanceType),
    instanceFlavor: flavorWord(instanceFlavor),
    ttlMs: ttl && msOf(ttl),
    openedRevision: openedPosition?.revision,
  };
}

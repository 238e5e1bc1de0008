import { msOf, type Session } from '../client/index.js';
import { type ConnectionFlags, withServer } from './connection.js';
import { jsonLine } from './json-line.js';
import { labelsWord } from './nodes.js';
import type { Surroundings } from './surroundings.js';
import { formatTable } from './table.js';
import { durationWord, flavorWord, typeWord } from './words.js';

/** The sessions that live, each with whether orders reach it. */
export async function listSessions(
  flags: ConnectionFlags & { readonly json?: boolean; readonly uuid?: string },
  surroundings: Surroundings,
): Promise<void> {
  const { terminal, signal } = surroundings;
  const sessions: Session[] = [];
  await withServer(flags, surroundings, async (yard) => {
    for await (const session of yard.listSessions({ instanceUuid: flags.uuid ?? '' }, { signal })) {
      if (flags.json) await terminal.out.write(jsonLine(sessionFacts(session)));
      else sessions.push(session);
    }
  });
  if (flags.json) return;
  const table = formatTable(
    [
      { heading: 'SID', value: (session) => session.cvid, right: true },
      { heading: 'NAME', value: (session) => session.name || '-' },
      { heading: 'TYPE', value: (session) => typeWord(session.instanceType) },
      { heading: 'FLAVOR', value: (session) => flavorWord(session.instanceFlavor) },
      { heading: 'ATTACHED', value: (session) => (session.attached ? 'yes' : 'no') },
      { heading: 'TTL', value: (session) => durationWord(msOf(session.ttl ?? { seconds: 0n, nanos: 0 })), right: true },
      { heading: 'OPENED', value: (session) => session.openedAt?.toISOString() ?? '-' },
      { heading: 'UUID', value: (session) => session.instanceUuid },
      { heading: 'LABELS', value: (session) => labelsWord(session.labels) },
    ],
    sessions,
    terminal.colors.bold,
  );
  await terminal.out.write(table);
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

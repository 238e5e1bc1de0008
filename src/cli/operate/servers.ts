import { msOf, type Server, ServerRole } from '../../client/index.js';
import { type ConnectionFlags, withAdministrator } from '../connection.js';
import { checkList, type ListFlags, writeListing } from '../output/listing.js';
import type { Column } from '../output/table.js';
import type { Surroundings } from '../surroundings.js';
import { durationWord } from '../words.js';

/** The door that most clients use. */
const DOOR = 'grpc';

/** The servers of the network, as the one that is asked knows them. */
export async function listServers(flags: ConnectionFlags & ListFlags, surroundings: Surroundings): Promise<void> {
  const { signal } = surroundings;
  checkList(COLUMNS, flags);
  await withAdministrator(flags, surroundings, async (yard) => {
    const { servers } = await yard.listServers({ signal });
    await writeListing({ columns: COLUMNS, rows: servers, facts: factsOf }, flags, surroundings);
  });
}

const COLUMNS: readonly Column<Server>[] = [
  { heading: 'NAME', value: ({ name }) => name },
  { heading: 'ROLE', value: roleWord },
  { heading: 'TERM', value: ({ term }) => String(term), right: true },
  { heading: 'LAG', value: (server) => durationWord(lagMs(server)), rank: lagMs, right: true },
  { heading: 'SESSIONS', value: ({ sessions }) => String(sessions), right: true },
  { heading: 'REVISION', value: ({ revision }) => String(revision), right: true },
  { heading: 'ADDRESS', value: (server) => addressesOf(server)[DOOR] ?? '-' },
  {
    heading: 'TOLD',
    value: (server) => (agoMs(server) === 0 ? 'now' : `${durationWord(agoMs(server))} ago`),
    rank: agoMs,
    right: true,
  },
];

function roleWord({ role, ready }: Server): string {
  const word = ServerRole[role]?.toLowerCase() ?? String(role);
  return ready ? word : `${word}, not ready`;
}

/** The same for programs: the fields of the protos, with times in milliseconds. */
function factsOf(server: Server): object {
  const { lag: _lag, toldAgo: _ago, role, ...facts } = server;
  return {
    ...facts,
    role: ServerRole[role]?.toLowerCase(),
    lagMs: lagMs(server),
    toldAgoMs: agoMs(server),
    addresses: addressesOf(server),
  };
}

function addressesOf({ addresses }: Server): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(addresses.map(({ codeName, address }) => [codeName, address]));
}

function lagMs({ lag }: Server): number {
  return lag === undefined ? 0 : Math.round(msOf(lag));
}

function agoMs({ toldAgo }: Server): number {
  return toldAgo === undefined ? 0 : Math.round(msOf(toldAgo));
}

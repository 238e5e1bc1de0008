import { type ListServersResponse, msOf, type Server, ServerRole } from '../../client/index.js';
import { type ConnectionFlags, withAdministrator } from '../connection.js';
import { checkList, type ListFlags, writeListing } from '../output/listing.js';
import type { Column } from '../output/table.js';
import type { Surroundings } from '../surroundings.js';
import { durationWord } from '../words.js';

/** The door that most clients use. */
const DOOR = 'grpc';

/** Servers of an earlier build whose names are printed; the table has all of them. */
const NAMES_MAX = 5;

/** The servers of the network, as the one that is asked knows them. */
export async function listServers(flags: ConnectionFlags & ListFlags, surroundings: Surroundings): Promise<void> {
  const { signal, terminal } = surroundings;
  checkList(COLUMNS, flags);
  await withAdministrator(flags, surroundings, async (yard) => {
    const listed = await yard.listServers({ signal });
    const facts = (server: Server) => factsOf(server, listed);
    await writeListing({ columns: COLUMNS, rows: listed.servers, facts }, flags, surroundings);
    // A server of an earlier build does not say it.
    if (!flags.json && listed.format > 0) await terminal.err.write(numbersInUse(listed));
  });
}

const COLUMNS: readonly Column<Server>[] = [
  { heading: 'NAME', value: ({ name }) => name },
  { heading: 'ROLE', value: roleWord },
  { heading: 'TERM', value: ({ term }) => String(term), right: true },
  { heading: 'LAG', value: (server) => durationWord(lagMs(server)), rank: lagMs, right: true },
  { heading: 'SESSIONS', value: ({ sessions }) => String(sessions), right: true },
  { heading: 'REVISION', value: ({ revision }) => String(revision), right: true },
  {
    heading: 'READS',
    value: ({ formatMax, rulesMax }) => (formatMax === 0 ? '-' : `${formatMax}/${rulesMax}`),
    right: true,
  },
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

/** What the network is written in, and which servers keep it from going on to what others know. */
function numbersInUse({ servers, format, rules }: Pick<ListServersResponse, 'servers' | 'format' | 'rules'>): string {
  const waits = [
    waitWords('records of format', servers, ({ formatMax }) => formatMax),
    waitWords('rules', servers, ({ rulesMax }) => rulesMax),
  ];
  return [`format ${format} and rules ${rules} in use`, ...waits.flat()].join('; ');
}

function waitWords(what: string, servers: readonly Server[], known: (server: Server) => number): string[] {
  const newest = servers.reduce((most, server) => Math.max(most, known(server)), 0);
  const behind = servers.filter((server) => known(server) < newest).map(({ name }) => name);
  if (behind.length === 0) return [];
  const more = behind.length > NAMES_MAX ? ` and ${behind.length - NAMES_MAX} more` : '';
  return [`${what} ${newest} wait for ${behind.slice(0, NAMES_MAX).join(', ')}${more}`];
}

/** The same for programs: the fields of the protos, with times in milliseconds, and what the network is written in. */
function factsOf(server: Server, { format, rules }: Pick<ListServersResponse, 'format' | 'rules'>): object {
  const { lag: _lag, toldAgo: _ago, role, ...facts } = server;
  return {
    ...facts,
    role: ServerRole[role]?.toLowerCase(),
    lagMs: lagMs(server),
    toldAgoMs: agoMs(server),
    addresses: addressesOf(server),
    ...(format > 0 && { formatInUse: format, rulesInUse: rules }),
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

import { type GetServerResponse, msOf, ServerRole, type Switchyard } from '../../client/index.js';
import { type ConnectionFlags, withAdministrator, withServer } from '../connection.js';
import { type Column, writeTable } from '../output/table.js';
import { keptLogin, logIn, type ReaderFlags, withAccess } from '../reader.js';
import type { Surroundings } from '../surroundings.js';
import { givenAdminToken } from '../trust/admin-token.js';
import { durationWord } from '../words.js';

/** Width of the names before what the server says of itself. */
const NAME_CELLS = 13;

/**
 * Asks the server about itself: as the administrator whose token was given, and else as who has logged in on this machine. Where that
 * is nobody, and the server tells strangers no more than its version, as who the key of this machine stands for.
 */
export async function askServer(flags: ReaderFlags, surroundings: Surroundings): Promise<GetServerResponse> {
  const { signal, env } = surroundings;
  const ask = (yard: Switchyard) => yard.getServer({ signal });
  // Only a token that was given: for the rest of it any server may be asked.
  const isGiven = flags.data !== undefined || givenAdminToken(flags, env) !== undefined;
  if (isGiven) return withAdministrator(flags, surroundings, ask);
  const kept = keptLogin(flags, surroundings);
  if (kept !== undefined) return withAccess(kept, flags, surroundings, ask);
  const told = await withServer(flags, surroundings, ask);
  const principal = told.position === undefined ? await logIn(flags, surroundings) : undefined;
  return principal === undefined ? told : withAccess(principal, flags, surroundings, ask);
}

/** What the server is and where it listens; for an administrator also how much of its limits is used. */
export async function showStatus(
  flags: ConnectionFlags & { readonly json?: boolean },
  surroundings: Surroundings,
): Promise<void> {
  const { out } = surroundings.terminal;
  const server = await askServer(flags, surroundings);
  if (flags.json) return out.json(serverFacts(server));
  const { version, commit, serverUuid, serverSid, uptime, position, addresses, limits, role, term } = server;
  const lines = [
    ['version', commit === '' ? version : `${version} (${commit.slice(0, 12)})`],
    ['up for', durationWord(Math.round(msOf(uptime ?? { seconds: 0n, nanos: 0 }) / 1_000) * 1_000)],
    ['server', `${serverUuid}, SID ${serverSid}`],
    ...(role === ServerRole.UNSPECIFIED ? [] : [['role', `${ServerRole[role].toLowerCase()}, term ${term}`]]),
    ['revision', `${position?.revision} of ${position?.epoch}`],
    ...addresses.map(({ codeName, address }) => [codeName, address]),
  ];
  await out.writeLines(lines.map(([name, value]) => `${name?.padEnd(NAME_CELLS)}${value}`));
  if (limits.length === 0) return;
  await out.write('');
  await writeTable(out, LIMIT_COLUMNS, limits);
}

const LIMIT_COLUMNS: readonly Column<GetServerResponse['limits'][number]>[] = [
  { heading: 'LIMIT', value: ({ name }) => name },
  { heading: 'USED', value: ({ used }) => String(used), right: true },
  { heading: 'OF', value: ({ max }) => String(max), right: true },
  { heading: 'UNIT', value: ({ unit }) => unit },
];

/** The same for programs: the fields of the protos, with the uptime in milliseconds. */
export function serverFacts({ uptime, position, addresses, limits, role, ...facts }: GetServerResponse) {
  return {
    ...facts,
    role: ServerRole[role]?.toLowerCase(),
    uptimeMs: uptime && Math.round(msOf(uptime)),
    epoch: position?.epoch,
    revision: position?.revision,
    addresses: Object.fromEntries<string | undefined>(addresses.map(({ codeName, address }) => [codeName, address])),
    limits: Object.fromEntries(limits.map(({ name, used, max, unit }) => [name, { used, max, unit }])),
  };
}

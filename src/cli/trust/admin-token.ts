import { isLoopback, parseAddress } from '../../base/address.js';
import { UnprovenServerError } from '../../client/index.js';
import { defaultDataFolder } from '../../config/config.js';
import { IN_MEMORY } from '../../config/options.js';
import { readAdminToken } from '../../server/admin-token.js';
import { Failure, type Surroundings, UsageError } from '../surroundings.js';

/** The options that say where the administrator's token is. */
export interface AdminFlags {
  readonly adminToken?: string;
  readonly data?: string;
}

/** The administrator's token of a command. */
export interface AdminToken {
  readonly token: string;
  /** The data folder in which it was found without being named; undefined for a token that was given. */
  readonly foundIn?: string;
}

/** The servers that a command may speak to, and whether over TLS. */
export interface ServerPorts {
  /** HOST:PORT each, one at least. */
  readonly servers: readonly string[];
  readonly isEncrypted: boolean;
}

/**
 * The administrator's token for a command that needs it: given with --admin-token or SWITCHYARD_ADMIN_TOKEN, or read from the data
 * folder that --data names; else the one that is found in the data folder of this user's own server. Undefined: there is none,
 * or the server is one to which a found token is not sent.
 *
 * A port of this machine can be held by any program, an ssh tunnel to somebody else's server among them. So a token that was
 * found goes only to a server that has proved that it knows it, and in plain text only to a loopback address.
 */
export async function adminTokenFor(
  flags: AdminFlags,
  surroundings: Surroundings,
  { servers, isEncrypted }: ServerPorts,
): Promise<AdminToken | undefined> {
  const { env } = surroundings;
  const given = givenAdminToken(flags, env);
  if (given !== undefined) return { token: given };
  if (flags.data !== undefined) return { token: await namedToken(flags.data) };
  const foundIn = env.SWITCHYARD_DATA || defaultDataFolder(surroundings);
  if (foundIn === IN_MEMORY || (!isEncrypted && !servers.map(parseAddress).every(isLoopback))) return undefined;
  const token = await readAdminToken(foundIn);
  return token ? { token, foundIn } : undefined;
}

/** The token that nothing of is sent: given, of the folder that was named, or of this user's own server. */
export async function ownAdminToken(flags: AdminFlags, surroundings: Surroundings): Promise<string | undefined> {
  const given = givenAdminToken(flags, surroundings.env);
  if (given !== undefined) return given;
  if (flags.data !== undefined) return namedToken(flags.data);
  const folder = surroundings.env.SWITCHYARD_DATA || defaultDataFolder(surroundings);
  return folder === IN_MEMORY ? undefined : readAdminToken(folder);
}

async function namedToken(folder: string): Promise<string> {
  const token = await readAdminToken(folder);
  if (token !== undefined) return token;
  throw new Failure(
    `${folder} has no administrator's token that you can read: name the server's data folder, and run this as its owner`,
  );
}

/** What went wrong, in words that say what to do where a server has not proved itself. */
export function explainUnproven(error: unknown, { foundIn }: AdminToken, { servers }: ServerPorts): unknown {
  if (!(error instanceof UnprovenServerError)) return error;
  return new Failure(
    `the server at ${servers.join(' or ')} has not proved that it knows the administrator's token in ${foundIn}, so it was not sent`,
    [
      'If it is another server, give its token with --admin-token or SWITCHYARD_ADMIN_TOKEN, or name its data folder with --data.',
    ],
  );
}

/**
 * The administrator's token that the command line or the environment gives. Throws a {@link UsageError} when it could not be sent.
 * Every command checks it by this, also those that send none: a mistake in it is not first seen by the one that does.
 */
export function givenAdminToken(flags: AdminFlags, env: Surroundings['env']): string | undefined {
  const where = flags.adminToken === undefined ? 'SWITCHYARD_ADMIN_TOKEN' : '--admin-token';
  const given = flags.adminToken ?? (env.SWITCHYARD_ADMIN_TOKEN || undefined);
  // It travels in a header, which takes no other characters.
  if (given === undefined || /^[\x21-\x7e]+$/.test(given)) return given;
  throw new UsageError(`${where}: it must be visible ASCII, without spaces`);
}

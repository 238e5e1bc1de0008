import { readAdminToken } from '../server/admin-token.js';
import type { ConnectionFlags } from './connection.js';
import { Failure, type Surroundings, UsageError } from './surroundings.js';

/**
 * The administrator's token for a command that needs it: given with --admin-token or SWITCHYARD_ADMIN_TOKEN, or read from the data
 * folder that --data names. Undefined: none was named.
 *
 * Nothing is looked for elsewhere. A port of this machine can be held by any program, an ssh tunnel to somebody else's server
 * among them, so that whoever has it would be told the secret of the user's own server. A token that is found by itself can be used
 * here as soon as the server has proved that it knows it, before it is sent.
 */
export async function adminTokenFor(flags: ConnectionFlags, { env }: Surroundings): Promise<string | undefined> {
  const given = givenAdminToken(flags, env);
  if (given !== undefined || flags.data === undefined) return given;
  const token = await readAdminToken(flags.data);
  if (token === undefined) {
    throw new Failure(
      `${flags.data} has no administrator's token that you can read: name the server's data folder, and run this as its owner`,
    );
  }
  return token;
}

/**
 * The administrator's token that the command line or the environment gives. Throws a {@link UsageError} when it could not be sent.
 * Every command checks it by this, also those that send none: a mistake in it is not first seen by the one that does.
 */
export function givenAdminToken(flags: ConnectionFlags, env: Surroundings['env']): string | undefined {
  const where = flags.adminToken === undefined ? 'SWITCHYARD_ADMIN_TOKEN' : '--admin-token';
  const given = flags.adminToken ?? (env.SWITCHYARD_ADMIN_TOKEN || undefined);
  // It travels in a header, which takes no other characters.
  if (given === undefined || /^[\x21-\x7e]+$/.test(given)) return given;
  throw new UsageError(`${where}: it must be visible ASCII, without spaces`);
}

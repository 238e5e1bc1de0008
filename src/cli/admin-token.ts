import { readAdminToken } from '../server/admin-token.js';
import type { ConnectionFlags } from './connection.js';
import { Failure, type Surroundings } from './surroundings.js';

/**
 * The administrator's token for a command that needs it: given with --admin-token or SWITCHYARD_ADMIN_TOKEN, or read from the data
 * folder that --data names. Undefined: none was named.
 *
 * It is not looked for in the default data folder. Any program can hold a port of this machine, for example an ssh tunnel to a
 * foreign server, and would then receive the secret of the user's own server. To use a token from the default folder, the server
 * would first have to prove that it knows it.
 */
export async function adminTokenFor(flags: ConnectionFlags, { env }: Surroundings): Promise<string | undefined> {
  const given = flags.adminToken ?? (env.SWITCHYARD_ADMIN_TOKEN || undefined);
  if (given !== undefined || flags.data === undefined) return given;
  const token = await readAdminToken(flags.data);
  if (token === undefined) {
    throw new Failure(
      `${flags.data} has no administrator's token that you can read: name the server's data folder, and run this as its owner`,
    );
  }
  return token;
}

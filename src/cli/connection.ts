import type { Command } from 'commander';
import { isLoopback, parseAddress } from '../base/address.js';
import { ValueError } from '../base/value-error.js';
import { type GraphView, type Network, type Position, Switchyard, type TlsOptions } from '../client/index.js';
import { defaultDataFolder } from '../config/config.js';
import { readAdminToken } from '../server/admin-token.js';
import { type Surroundings, UsageError } from './surroundings.js';

/** Where the server is when nobody says. */
const DEFAULT_SERVER = '127.0.0.1:8768';

/** How a command reaches its server, as it was asked for. */
export interface ConnectionFlags {
  readonly server?: string;
  readonly adminToken?: string;
  readonly data?: string;
  readonly tls?: boolean;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
}

/** Adds the options that every command has that talks to a server. */
export function withConnection(command: Command): Command {
  return command
    .option('--server <HOST:PORT>', `the server (SWITCHYARD_SERVER; default ${DEFAULT_SERVER})`)
    .option('--admin-token <TOKEN>', 'be an administrator (SWITCHYARD_ADMIN_TOKEN)')
    .option('--data <DIR>', "find the administrator's token in the server's data folder (SWITCHYARD_DATA)")
    .option('--tls', "encrypt, trusting the system's authorities")
    .option('--tls-ca <FILE>', 'encrypt, trusting this authority (PEM)')
    .option('--tls-cert <FILE>', "this client's certificate, for servers that ask (PEM)")
    .option('--tls-key <FILE>', 'its private key (PEM)');
}

/** The address of the server, checked. */
export function serverAddress(flags: ConnectionFlags, env: Surroundings['env']): string {
  const [where, text] = flags.server ? ['--server', flags.server] : ['SWITCHYARD_SERVER', env.SWITCHYARD_SERVER];
  if (!text) return DEFAULT_SERVER;
  try {
    parseAddress(text);
    return text;
  } catch (error) {
    if (error instanceof ValueError) throw new UsageError(`${where}: ${JSON.stringify(text)} ${error.message}`);
    throw error;
  }
}

/** A way to make connections to the server that was asked for. Reads files and tokens once. */
export async function connector(flags: ConnectionFlags, surroundings: Surroundings): Promise<() => Switchyard> {
  const server = serverAddress(flags, surroundings.env);
  const adminToken = await findAdminToken(flags, server, surroundings);
  const tls = tlsOptions(flags, surroundings);
  return () => new Switchyard({ server, adminToken, tls });
}

/** Runs something with one connection, and closes it. */
export async function withServer<Result>(
  flags: ConnectionFlags,
  surroundings: Surroundings,
  run: (yard: Switchyard) => Promise<Result>,
): Promise<Result> {
  const yard = (await connector(flags, surroundings))();
  try {
    return await run(yard);
  } finally {
    await yard.close();
  }
}

/**
 * The administrator's token: given, or from the data folder that was named. The user's own data folder is only looked
 * into for a server on this machine, so that its secret is never sent to another one.
 */
export async function findAdminToken(
  flags: ConnectionFlags,
  server: string,
  surroundings: Surroundings,
): Promise<string | undefined> {
  const { env } = surroundings;
  const given = flags.adminToken ?? (env.SWITCHYARD_ADMIN_TOKEN || undefined);
  if (given !== undefined) return given;
  const folder = flags.data ?? (env.SWITCHYARD_DATA || undefined);
  if (folder !== undefined) return readAdminToken(folder);
  return isLoopback(parseAddress(server)) ? readAdminToken(defaultDataFolder(surroundings)) : undefined;
}

/** Whom to trust and who to be, as the flags say. True: the system's authorities. Undefined: no encryption. */
export function tlsOptions(flags: ConnectionFlags, { readFile }: Surroundings): TlsOptions | true | undefined {
  const { tlsCa, tlsCert, tlsKey } = flags;
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw new UsageError('--tls-cert and --tls-key go together: give both or neither');
  }
  if (tlsCa === undefined && tlsCert === undefined) return flags.tls ? true : undefined;
  const read = (name: string, path: string | undefined) => {
    if (path === undefined) return {};
    try {
      return { [name]: Buffer.from(readFile(path)) };
    } catch (error) {
      throw new UsageError(`${path}: cannot be read: ${(error as Error).message}`);
    }
  };
  return { ...read('ca', tlsCa), ...read('cert', tlsCert), ...read('key', tlsKey) };
}

/**
 * The graph as it stands, and where. Rejects at once when there is no server, instead of waiting for one.
 *
 * A watch may begin with a snapshot that is a little old and catch up from there, so it is followed to the position that
 * the server is at now.
 */
export async function readGraph(
  yard: Switchyard,
  signal: AbortSignal,
): Promise<{ readonly graph: GraphView; readonly position: Position }> {
  const network = yard.watchNetwork();
  try {
    await syncedOrBroken(network, signal);
    const server = [...network.graph.nodes()].find((node) => node.parent === 0);
    if (server === undefined) throw new Error('the graph has no server in it');
    const { position } = await yard.getNode(server.cvid, { signal });
    await network.reached(position, signal);
    return { graph: network.graph, position: network.position! };
  } finally {
    network.close();
  }
}

/** Waits for the first snapshot of a replica; rejects with the first thing that goes wrong before it. */
export async function syncedOrBroken(network: Network, signal: AbortSignal): Promise<void> {
  const broken = new Promise<never>((_, reject) => network.on('broken', reject));
  await Promise.race([network.synced(signal), broken]);
}

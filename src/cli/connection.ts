import { createSecureContext } from 'node:tls';
import type { Command } from 'commander';
import { parseAddress } from '../base/address.js';
import { asError } from '../base/errors.js';
import { ValueError } from '../base/value-error.js';
import { systemAuthorities } from '../client/channel/system-authorities.js';
import {
  type GraphView,
  type Network,
  type Position,
  parsePin,
  Switchyard,
  type SwitchyardOptions,
  type TlsOptions,
} from '../client/index.js';
import { DEFAULT_NETWORK, NETWORK_NAME, NETWORK_NAME_RULE } from '../core/model/network.js';
import { diagnose, type Server } from './operate/diagnose.js';
import { listed } from './option-values.js';
import { Failure, type Surroundings, UsageError } from './surroundings.js';
import { type AdminFlags, adminTokenFor, explainUnproven, type ServerPorts } from './trust/admin-token.js';
import { knownServer, membership, ownServerTls, pinKeeper } from './trust/known-servers.js';

/** The server's address when no option or variable names one. */
const DEFAULT_SERVER = '127.0.0.1:8768';

type Place = Pick<Surroundings, 'env' | 'platform' | 'home'>;

/** The options by which a command reaches its server. */
export interface ConnectionFlags extends AdminFlags {
  readonly server?: string;
  /** Which of the server's networks. */
  readonly network?: string;
  readonly tls?: boolean;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  /** By what to know the server's authority, as `sha256:…`. */
  readonly pin?: readonly string[];
}

/** Adds the options that every command has that talks to a server. */
export function withConnection(command: Command): Command {
  return command
    .option(
      '--server <HOST:PORT,…>',
      `the server, or several of one network, by commas (SWITCHYARD_SERVER; default ${DEFAULT_SERVER})`,
    )
    .option('--admin-token <TOKEN>', 'be an administrator, where that is needed (SWITCHYARD_ADMIN_TOKEN)')
    .option(
      '--data <DIR>',
      "send the administrator's token of this data folder, where it is needed (default: your own server's, once it proves to know it)",
    )
    .option(
      '--pin <PIN>',
      'encrypt, trusting the authority with this pin: sha256:… of `switchyard cert show`; again for more',
      listed,
    )
    .option('--network <NAME>', 'the network of the server to be in (SWITCHYARD_NETWORK; default: default)')
    .option('--tls', "encrypt, trusting the system's authorities (SSL_CERT_FILE)")
    .option('--tls-ca <FILE>', 'encrypt, trusting this authority (PEM)')
    .option('--tls-cert <FILE>', "this client's certificate, for servers that ask (PEM)")
    .option('--tls-key <FILE>', 'its private key (PEM)');
}

/** Adds the options of a command that proves itself by a key. */
export function withKey(command: Command): Command {
  return command
    .option('--key <FILE>', 'the private key to be known by (PEM), made if need be; default: one kept for each server')
    .option('--no-proof-binding', 'let a proxy end TLS: proofs are not bound to the certificate that is seen');
}

/** What reads the graph: a server, or an instance. */
export type GraphReader = Pick<Switchyard, 'getNode' | 'getSession' | 'listSessions' | 'watchNetwork'>;

/**
 * The addresses of the server or of the servers of one network, checked: those that are named, else the one at which this user is
 * enrolled. One at least.
 */
export function serverAddresses(flags: ConnectionFlags, surroundings: Place): readonly string[] {
  const { env } = surroundings;
  const [where, text] = flags.server ? ['--server', flags.server] : ['SWITCHYARD_SERVER', env.SWITCHYARD_SERVER];
  if (!text) return [membership(surroundings)?.server ?? DEFAULT_SERVER];
  return text.split(',').map((one) => {
    try {
      parseAddress(one);
      return one;
    } catch (error) {
      if (error instanceof ValueError) throw new UsageError(`${where}: ${JSON.stringify(one)} ${error.message}`);
      throw error;
    }
  });
}

/** The first of them: by it is kept what this machine learns of the server, such as keys and access tokens. */
export function serverAddress(flags: ConnectionFlags, surroundings: Place): string {
  return serverAddresses(flags, surroundings)[0];
}

/** As whom a connection's calls are made. */
type Credentials = Pick<SwitchyardOptions, 'adminToken' | 'requireAdminProof' | 'accessToken' | 'renewAccessToken'>;

/** Makes connections to the server that the options name, with these credentials. Reads their files once. */
export function connector(
  flags: ConnectionFlags,
  surroundings: Surroundings,
  credentials: Credentials = {},
): () => Switchyard {
  const server = serverAddresses(flags, surroundings);
  const connectTo = connectorTo(flags, surroundings, credentials);
  return () => connectTo(server);
}

/** Makes one connection to each of the servers that the options name, which goes to no other. Reads their files once. */
export function connectorOfEach(flags: ConnectionFlags, surroundings: Surroundings): () => readonly Switchyard[] {
  const servers = serverAddresses(flags, surroundings);
  const connectTo = connectorTo(flags, surroundings, {});
  return () => servers.map((server) => connectTo([server]));
}

function connectorTo(
  flags: ConnectionFlags,
  surroundings: Surroundings,
  credentials: Credentials,
): (server: readonly string[]) => Switchyard {
  const tls = tlsOptions(flags, surroundings);
  const network = networkName(flags, surroundings);
  const { tracer } = surroundings;
  return (server) => new Switchyard({ server, tls, network, tracer, ...credentials });
}

/** The network that a command is about: the one that is named, else the one in which this user is enrolled at that server. */
export function networkOf(flags: ConnectionFlags, surroundings: Place): string {
  return networkName(flags, surroundings) ?? DEFAULT_NETWORK;
}

/** The same; undefined where it is the default one because nothing says another. */
function networkName(flags: ConnectionFlags, surroundings: Place): string | undefined {
  const named = namedNetwork(flags, surroundings);
  if (named !== undefined) return named;
  const member = membership(surroundings);
  const isHere = member !== undefined && serverAddresses(flags, surroundings).includes(member.server);
  return isHere ? member.network : undefined;
}

/** The network that the options or the environment name, checked; undefined: they name none. */
export function namedNetwork({ network }: ConnectionFlags, { env }: Pick<Place, 'env'>): string | undefined {
  const [where, name] = network === undefined ? ['SWITCHYARD_NETWORK', env.SWITCHYARD_NETWORK] : ['--network', network];
  if (!name && network === undefined) return undefined;
  if (name !== undefined && NETWORK_NAME.test(name)) return name;
  throw new UsageError(`${where}: ${JSON.stringify(name)}: ${NETWORK_NAME_RULE}`);
}

/** The server that the options name, of several the first and all of them, and how they are reached. */
export function serverOf(flags: ConnectionFlags, surroundings: Surroundings): Server {
  const servers = serverAddresses(flags, surroundings);
  return { server: servers[0], servers, tls: tlsOptions(flags, surroundings) };
}

/** The servers that the options name, and whether they are spoken to over TLS. */
export function serverPorts(flags: ConnectionFlags, surroundings: Surroundings): ServerPorts {
  const isEncrypted = tlsOptions(flags, surroundings) !== undefined;
  return { servers: serverAddresses(flags, surroundings), isEncrypted };
}

/** Runs something with one connection, and closes it. Rejects with the real cause where the server cannot be talked to. */
export async function withServer<Result>(
  flags: ConnectionFlags,
  surroundings: Surroundings,
  run: (yard: Switchyard) => Promise<Result>,
): Promise<Result> {
  return closing(flags, surroundings, connector(flags, surroundings)(), run);
}

/** The same as an administrator: only for the commands that need it, so that the secret is sent nowhere else. */
export async function withAdministrator<Result>(
  flags: ConnectionFlags,
  surroundings: Surroundings,
  run: (yard: Switchyard) => Promise<Result>,
): Promise<Result> {
  const servers = serverPorts(flags, surroundings);
  const admin = await adminTokenFor(flags, surroundings, servers);
  const credentials = { adminToken: admin?.token, requireAdminProof: admin?.foundIn !== undefined };
  try {
    return await closing(flags, surroundings, connector(flags, surroundings, credentials)(), run);
  } catch (error) {
    throw admin === undefined ? error : explainUnproven(error, admin, servers);
  }
}

/**
 * The same for what is about all networks of a server, and is asked of its default one: in whatever network this user is by the
 * environment, or is enrolled.
 */
export async function withServersAdministrator<Result>(
  flags: ConnectionFlags,
  surroundings: Surroundings,
  run: (yard: Switchyard) => Promise<Result>,
): Promise<Result> {
  return withAdministrator({ ...flags, network: flags.network ?? DEFAULT_NETWORK }, surroundings, run);
}

/** Runs something with a connection that is there, and closes it. Rejects as {@link withServer} does. */
export async function closing<Result>(
  flags: ConnectionFlags,
  surroundings: Surroundings,
  yard: Switchyard,
  run: (yard: Switchyard) => Promise<Result>,
): Promise<Result> {
  try {
    return await run(yard);
  } catch (error) {
    throw await diagnose(error, serverOf(flags, surroundings), surroundings.clock);
  } finally {
    await yard.close();
  }
}

/**
 * How to know the server, by what the flags say, or what is kept of it, or by the authority in the data folder of this machine's own
 * server; undefined: no encryption. With --tls alone the system's authorities are trusted.
 */
export function tlsOptions(flags: ConnectionFlags, surroundings: Surroundings): TlsOptions | undefined {
  const { tlsCa, tlsCert, tlsKey, tls, pin } = flags;
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw new UsageError('--tls-cert and --tls-key go together: give both or neither');
  }
  if (pin !== undefined && tlsCa !== undefined) throw new UsageError('--pin and --tls-ca: give one of them');
  const own = ownCertificate(flags, surroundings);
  if (pin !== undefined) return { ...own, pins: pin.map(checkedPin) };
  if (tlsCa !== undefined) return { ...readPem('ca', tlsCa, surroundings), ...own };
  if (tls) return { ca: trustedBySystem(surroundings.env), ...own };
  const kept = keptTls(flags, surroundings);
  if (kept !== undefined) return { ...kept, ...own };
  return tlsCert === undefined ? undefined : { ca: trustedBySystem(surroundings.env), ...own };
}

/** How a server is known that no flag says anything of. */
function keptTls(flags: ConnectionFlags, surroundings: Surroundings): TlsOptions | undefined {
  const servers = serverAddresses(flags, surroundings);
  const known = servers.flatMap((server) => knownServer(server, surroundings) ?? []).filter((one) => one.isEncrypted);
  const [first] = known;
  if (first?.pins.length) return { pins: first.pins, onPins: pinKeeper(known, surroundings) };
  if (first !== undefined) return { ca: trustedBySystem(surroundings.env) };
  return ownServerTls(servers[0], flags.data, surroundings);
}

/** The client's own certificate and key. */
function ownCertificate({ tlsCert, tlsKey }: ConnectionFlags, surroundings: Surroundings): TlsOptions {
  if (tlsCert === undefined || tlsKey === undefined) return {};
  const own = { ...readPem('cert', tlsCert, surroundings), ...readPem('key', tlsKey, surroundings) };
  return checkedPem('key', tlsKey, own);
}

function readPem(name: 'ca' | 'cert' | 'key', path: string, { readFile }: Surroundings): TlsOptions {
  let text: string;
  try {
    text = readFile(path, 'trusted');
  } catch (error) {
    throw new UsageError(`--tls-${name}: ${path} cannot be read: ${asError(error).message}`);
  }
  return checkedPem(name, path, { [name]: Buffer.from(text) });
}

function checkedPin(text: string): Buffer {
  const pin = parsePin(text);
  if (pin !== undefined) return pin;
  throw new UsageError(
    `--pin: ${JSON.stringify(text)} must be sha256: and 64 hexadecimal digits, as cert show prints it`,
  );
}

function trustedBySystem(env: Surroundings['env']): Buffer {
  try {
    return systemAuthorities(env);
  } catch (error) {
    throw new UsageError(asError(error).message);
  }
}

/** A file's content, if TLS accepts it. Checked here because OpenSSL's own error comes late and names no file. */
function checkedPem(name: 'ca' | 'cert' | 'key', path: string, options: TlsOptions): TlsOptions {
  const what = name === 'key' ? 'private key' : 'certificate';
  const isMarked = name !== 'ca' || /-----BEGIN (TRUSTED |X509 )?CERTIFICATE-----/.test(String(options.ca));
  try {
    createSecureContext(options);
    if (isMarked) return options;
  } catch {
    const isPair = options.cert !== undefined && options.key !== undefined;
    if (isPair) throw new UsageError(`--tls-key: ${path} is not the private key of the certificate in --tls-cert`);
  }
  throw new UsageError(`--tls-${name}: ${path} holds no ${what} in PEM`);
}

/** Resolves when the server has answered a call. A watch alone would wait much longer for one that takes connections and says nothing. */
export async function answering(yard: Pick<GraphReader, 'listSessions'>, signal: AbortSignal): Promise<void> {
  for await (const _ of yard.listSessions({}, { pageSize: 1, signal })) return;
}

/**
 * The graph as it stands, and where. Rejects at once when there is no server, instead of waiting for one.
 *
 * A watch may begin with a snapshot that is a little old and catch up from there, so it is followed to the position that
 * the server is at now.
 */
export async function readGraph(
  yard: GraphReader,
  signal: AbortSignal,
): Promise<{ readonly graph: GraphView; readonly position: Position }> {
  await answering(yard, signal);
  const network = yard.watchNetwork();
  try {
    await syncedOrBroken(network, signal);
    const server = [...network.graph.nodes()].find((node) => node.parent === 0);
    if (server === undefined) throw new Failure('the graph that the server tells has no server in it');
    const { position } = await yard.getNode(server.cvid, { signal });
    await network.reached(position, signal);
    return { graph: network.graph, position: network.position! };
  } finally {
    network.close();
  }
}

/** Waits for the first snapshot of a replica; rejects with the first error before it. */
export async function syncedOrBroken(network: Network, signal: AbortSignal): Promise<void> {
  const broken = new Promise<never>((_, reject) => network.on('broken', reject));
  await Promise.race([network.synced(signal), broken]);
}

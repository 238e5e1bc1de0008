import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { isLoopback, parseAddress, plainAddress } from '../../base/address.js';
import { asError } from '../../base/errors.js';
import { ensurePrivateFolder, readPrivateFile, replacePrivateFile } from '../../base/private-files.js';
import { formatPin, parsePin, type TlsOptions } from '../../client/index.js';
import { defaultDataFolder } from '../../config/config.js';
import { IN_MEMORY } from '../../config/options.js';
import { NETWORK_NAME } from '../../core/model/network.js';
import { readAuthority } from '../../server/certificates/own-certificates.js';
import { readListening } from '../../server/listening-file.js';
import { OWN_SERVER_NAME } from '../../trust/pin.js';
import { Failure, type Surroundings } from '../surroundings.js';

/** What this user keeps of a server that a ticket has led to. */
export interface KnownServer {
  /** HOST:PORT. */
  readonly server: string;
  /** By what its authority is known; none: it is known to the system, or speaks plain text. */
  readonly pins: readonly Uint8Array[];
  readonly isEncrypted: boolean;
}

/** As what this user joins when a command does not say. */
export interface Membership {
  /** HOST:PORT. */
  readonly server: string;
  /** Which of the server's networks. Absent: the default one. */
  readonly network?: string | undefined;
  readonly name?: string | undefined;
  readonly uuid: string;
  /** What its key is called in the key folder. */
  readonly keyName: string;
  /** It is a person or a service, which may have several sessions at once. Absent: not known. */
  readonly hasSeveral?: boolean | undefined;
  /** Ports that peers may reach, as `join` was told them last. */
  readonly ports?: readonly number[] | undefined;
}

type Place = Pick<Surroundings, 'env' | 'platform' | 'home'>;

/** How a server is known that a ticket has led to before; undefined for another. */
export function knownServer(server: string, place: Place): KnownServer | undefined {
  const path = join(serversFolder(place), `${encodeURIComponent(server)}.json`);
  const kept = readJson(path);
  if (kept === undefined) return undefined;
  const { pins, tls } = kept as { readonly pins?: unknown; readonly tls?: unknown };
  const parsed = Array.isArray(pins) ? pins.map((pin) => parsePin(String(pin))) : [undefined];
  if (typeof tls !== 'boolean' || parsed.includes(undefined)) {
    throw new Failure(`${path} is not what this program writes: delete it, and enrol again`);
  }
  return { server, pins: parsed.flatMap((pin) => pin ?? []), isEncrypted: tls };
}

/** Keeps how a server is known, and the certificate of its authority beside it, for programs in other languages. */
export function rememberServer(
  { server, pins, isEncrypted }: KnownServer,
  authority: Buffer | undefined,
  place: Place,
) {
  const folder = serversFolder(place);
  ensurePrivateFolder(folder);
  const path = join(folder, encodeURIComponent(server));
  replacePrivateFile(`${path}.json`, `${JSON.stringify({ tls: isEncrypted, pins: pins.map(formatPin) })}\n`);
  if (authority !== undefined) replacePrivateFile(`${path}.pem`, authority.toString());
}

/** As what this user is enrolled; undefined before the first ticket. */
export function membership(place: Place): Membership | undefined {
  const path = membershipPath(place);
  const kept = readJson(path);
  if (kept === undefined) return undefined;
  const { server, network, uuid, name, keyName, hasSeveral, ports } = kept as Partial<Membership>;
  const hasTexts = typeof server === 'string' && typeof uuid === 'string' && typeof keyName === 'string';
  const hasNames = typeof (name ?? '') === 'string' && (network === undefined || NETWORK_NAME.test(network));
  const isWhole = hasTexts && hasNames && (ports === undefined || Array.isArray(ports));
  if (isWhole) return { server, network, uuid, name, keyName, hasSeveral: hasSeveral === true, ports };
  throw new Failure(`${path} is not what this program writes: delete it, and enrol again`);
}

/** Keeps it: the last ticket counts. */
export function rememberMembership(member: Membership, place: Place): void {
  ensurePrivateFolder(serversFolder(place));
  replacePrivateFile(membershipPath(place), `${JSON.stringify(member)}\n`);
}

/**
 * How to know the server of a data folder on this machine: by the authority in the folder, when the folder's server is the one that
 * is asked for and the caller may read it.
 */
export function ownServerTls(server: string, data: string | undefined, place: Place): TlsOptions | undefined {
  const folder = data ?? (place.env.SWITCHYARD_DATA || defaultDataFolder(place));
  if (folder === IN_MEMORY) return undefined;
  const { host, port } = parseAddress(server);
  const listening = readListening(folder);
  if (listening?.tls !== 'own' || parseAddress(listening.grpc).port !== port || !isThisMachine(host)) return undefined;
  const authority = readAuthority(folder);
  return authority && { ca: Buffer.from(authority.toString()), serverName: OWN_SERVER_NAME };
}

function isThisMachine(host: string): boolean {
  if (isLoopback({ host, port: 0 })) return true;
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return own.some(({ address }) => plainAddress(address) === plainAddress(host));
}

function serversFolder(place: Place): string {
  return join(defaultDataFolder(place), 'servers');
}

function membershipPath(place: Place): string {
  return join(serversFolder(place), 'enrolled.json');
}

function readJson(path: string): object | undefined {
  let text: string | undefined;
  try {
    text = readPrivateFile(path);
  } catch (error) {
    throw new Failure(asError(error).message);
  }
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // Said below.
  }
  throw new Failure(`${path} is no JSON: delete it, and enrol again`);
}

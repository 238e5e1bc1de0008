import { X509Certificate } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { isLoopback, parseAddress, plainAddress } from '../../base/address.js';
import { asError } from '../../base/errors.js';
import { ensurePrivateFolder, readPrivateFile, replacePrivateFile } from '../../base/private-files.js';
import { formatPin, parsePin, type TlsOptions, type ToldPins } from '../../client/index.js';
import { defaultDataFolder } from '../../config/config.js';
import { IN_MEMORY } from '../../config/options.js';
import { NETWORK_NAME } from '../../core/model/network.js';
import { readAuthority } from '../../server/certificates/own-certificates.js';
import { readListening } from '../../server/listening-file.js';
import { holdsPin, OWN_SERVER_NAME, pinOf } from '../../trust/pin.js';
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
  const path = `${serverPath(server, place)}.json`;
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
  ensurePrivateFolder(serversFolder(place));
  const path = serverPath(server, place);
  // The certificate first: where it cannot be written, the pins are as before, and the next telling tries again.
  if (authority !== undefined) replacePrivateFile(`${path}.pem`, authority.toString());
  replacePrivateFile(`${path}.json`, `${JSON.stringify({ tls: isEncrypted, pins: pins.map(formatPin) })}\n`);
}

/** Connections whose tellings are remembered, the latest ones: as many servers as a client knows of. */
const ACCEPTED_MAX = 64;

/**
 * Keeps what servers tell of their authorities, while one command runs: of each server that it knows, in the place of the pins that are
 * kept of it, under the name by which they are kept, as the address that was dialled may be another one of it. Only what came over a
 * connection that was verified by a pin that is kept is taken, or that has told those. Where it cannot be kept the command goes on, and says so once.
 */
export function pinKeeper(known: readonly KnownServer[], surroundings: Surroundings): (told: ToldPins) => void {
  /** What was taken last, by kept name and dialled server: a connection is known by these and by its authority. */
  const accepted = new Map<string, ToldPins>();
  let isSaid = false;
  const keep = (name: string, told: ToldPins) => {
    const key = `${name} ${told.server}`;
    const last = accepted.get(key);
    const before = last?.authority.equals(told.authority) ? last.pins : undefined;
    if (!keepPins(name, told, before, surroundings)) return;
    accepted.delete(key);
    accepted.set(key, told);
    const [oldest] = accepted.keys();
    if (accepted.size > ACCEPTED_MAX && oldest !== undefined) accepted.delete(oldest);
  };
  return (told) => {
    try {
      for (const { server } of known) keep(server, told);
    } catch (error) {
      const text = `what ${told.server} tells of its authorities cannot be kept: ${asError(error).message}`;
      if (!isSaid) void surroundings.terminal.err.write(text);
      isSaid = true;
    }
  };
}

/** False, and nothing is kept, where the connection was not verified by a pin that is kept, nor has told those (`before`). */
function keepPins(
  server: string,
  { pins, authority }: ToldPins,
  before: readonly Uint8Array[] | undefined,
  place: Place,
): boolean {
  const shown = pinOf(new X509Certificate(authority));
  const isInUse = shown.equals(pins[0]);
  // Read last, right before it is replaced: another command of this user may have kept something since.
  const known = knownServer(server, place);
  if (known === undefined) return false;
  if (!holdsPin(known.pins, shown) && (before === undefined || !samePins(known.pins, before))) return false;
  const isSame = samePins(pins, known.pins) && (!isInUse || isKeptAuthority(server, authority, place));
  if (!isSame) rememberServer({ ...known, pins }, isInUse ? authority : undefined, place);
  return true;
}

function isKeptAuthority(server: string, authority: Buffer, place: Place): boolean {
  return readPrivateFile(`${serverPath(server, place)}.pem`) === authority.toString();
}

function samePins(some: readonly Uint8Array[], others: readonly Uint8Array[]): boolean {
  return some.length === others.length && some.every((pin, index) => Buffer.from(pin).equals(others[index]));
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

function serverPath(server: string, place: Place): string {
  return join(serversFolder(place), encodeURIComponent(server));
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

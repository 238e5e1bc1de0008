import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { asError } from '../../base/errors.js';
import {
  AuthMode,
  ensureKey,
  ensureUuid,
  keptKeyPath,
  type SigningKey,
  type Switchyard,
  SwitchyardError,
} from '../../client/index.js';
import { defaultDataFolder, whyNothingIsKept } from '../../config/config.js';
import { DEFAULT_NETWORK } from '../../core/model/network.js';
import { uuidOfName } from '../../replay/uuid.js';
import { type ConnectionFlags, networkOf, serverAddresses } from '../connection.js';
import { Failure, type Surroundings, UsageError } from '../surroundings.js';
import { type Membership, membership } from './known-servers.js';

/** How many instances of one key may run at once on one machine. Bounded: the server remembers each for good. */
const SLOTS = 1_024;

/** How a command proves itself. */
export interface KeyFlags extends ConnectionFlags {
  /** The file of the private key, instead of the one that is kept for the server and the name. */
  readonly key?: string;
  /** False: proofs are not bound to the server's certificate. */
  readonly proofBinding?: boolean;
}

/** What an instance of the command line joins with. */
export interface OwnKey {
  readonly path: string;
  /** Reads the key from its file: it may be rotated while the command runs. */
  readonly key: () => Promise<SigningKey>;
  readonly bindProofs: boolean;
}

/** Where the key of a command is, by its flags and what it is called. */
export function ownKeyPath(name: string, flags: KeyFlags, surroundings: Surroundings): string {
  if (flags.key !== undefined) return flags.key;
  const network = networkOf(flags, surroundings);
  const folder = defaultDataFolder(surroundings);
  const enrolledAt = membership(surroundings)?.server;
  // First the one that has redeemed the ticket: a key was made for those before it, too, and they were away.
  const servers = serverAddresses(flags, surroundings).toSorted(
    (one, other) => Number(other === enrolledAt) - Number(one === enrolledAt),
  );
  const paths = servers.map((server) => keptKeyPath({ folder, server, network, name }));
  // In whatever order the servers of a network are named, an instance stays the same.
  return paths.find((path) => existsSync(path)) ?? paths[0];
}

/** The key of a command, made if there is none. Rejects with a Failure when it cannot be stored. */
export async function ownKey(name: string, flags: KeyFlags, surroundings: Surroundings): Promise<OwnKey> {
  const homeless = flags.key === undefined ? whyNothingIsKept(surroundings) : undefined;
  if (homeless !== undefined)
    throw new Failure(`the key cannot be kept: ${homeless}. Set HOME, or name a file with --key`);
  const path = ownKeyPath(name, flags, surroundings);
  const key = () => ensureKey(path);
  await failing(key);
  return { path, key, bindProofs: flags.proofBinding ?? true };
}

/** The name of a command's key in the key folder: the instance's UUID if one was given, else the name. */
export function keyName({ uuid, name }: { readonly uuid?: string; readonly name?: string }): string {
  const text = uuid?.toLowerCase() ?? name;
  if (text === undefined) throw new UsageError('--name or --uuid: whose key it is, as it was given to join');
  return text;
}

/** The instance of a key when none was named: drawn once, and kept beside the key. */
export async function instanceOf(path: string): Promise<string> {
  return failing(() => ensureUuid(path));
}

/** The instance that has this UUID, or that had this name here before, with its key. */
export async function namedInstance(
  flags: KeyFlags & { readonly uuid?: string; readonly name?: string },
  surroundings: Surroundings,
) {
  const { path, key, bindProofs } = await ownKey(keyName(flags), flags, surroundings);
  return { uuid: flags.uuid ?? (await instanceOf(path)), key, bindProofs };
}

/** As whom this user is enrolled at the server of a command that says nothing else, and the name of that key; undefined: as nobody. */
export function enrolledAs(
  flags: KeyFlags & { readonly uuid?: string; readonly name?: string },
  surroundings: Surroundings,
): Pick<Membership, 'uuid' | 'keyName' | 'hasSeveral'> | undefined {
  if (flags.key !== undefined || flags.name !== undefined || flags.uuid !== undefined) return undefined;
  const member = membership(surroundings);
  return member !== undefined && isMemberAt(member, flags, surroundings) ? member : undefined;
}

/** Whether this user is enrolled in the network of a command, at one of the servers that it names. */
export function isMemberAt(
  { server, network = DEFAULT_NETWORK }: Membership,
  flags: ConnectionFlags,
  surroundings: Surroundings,
): boolean {
  return serverAddresses(flags, surroundings).includes(server) && network === networkOf(flags, surroundings);
}

/**
 * The one that the key of a command stands for by itself: as this user is enrolled, or what an administrator has approved. A person has
 * another session for each command, so that two of them do not end each other.
 */
async function soleInstance(name: string, flags: KeyFlags, surroundings: Surroundings) {
  const enrolled = enrolledAs(flags, surroundings);
  const { path, key, bindProofs } = await ownKey(enrolled?.keyName ?? name, flags, surroundings);
  if (enrolled?.hasSeveral) return { uuid: randomUUID(), identity: enrolled.uuid, key, bindProofs };
  return { uuid: enrolled?.uuid ?? (await instanceOf(path)), key, bindProofs };
}

/**
 * An instance for a command without a name. Several such commands may run at once, so each process gets another instance, one
 * without a session. There are {@link SLOTS} of them and no more, because the server remembers each for good.
 *
 * Where a server wants to know who joins, it is the one that an administrator has approved.
 */
export async function passingInstance(yard: Switchyard, name: string, flags: KeyFlags, surroundings: Surroundings) {
  const { pid, signal, terminal } = surroundings;
  if (await wantsProofs(yard, signal)) return soleInstance(name, flags, surroundings);
  let own: OwnKey;
  let base: string;
  try {
    own = await ownKey(name, flags, surroundings);
    base = await instanceOf(own.path);
  } catch (error) {
    if (flags.key !== undefined) throw error;
    await terminal.err.write(`${asError(error).message}; so nothing keeps others from taking this place`);
    return { uuid: randomUUID() };
  }
  for (let tried = 0; tried < SLOTS; tried++) {
    const uuid = uuidOfName(base, `${hostname()} ${(pid + tried) % SLOTS}`);
    const { key, bindProofs } = own;
    if (!(await hasSession(yard, uuid, signal))) return { uuid, key, bindProofs };
  }
  throw new Failure(`${SLOTS} instances of this key are on the network already`);
}

async function hasSession(yard: Switchyard, instanceUuid: string, signal: AbortSignal): Promise<boolean> {
  try {
    for await (const _ of yard.listSessions({ instanceUuid }, { signal })) return true;
  } catch (error) {
    // A server that is away says nothing of it: who joins goes on trying.
    if (!(error instanceof SwitchyardError) || signal.aborted) throw error;
  }
  return false;
}

/** Whether a server wants to know who calls. One that is away, or of an older release, says nothing of it. */
export async function wantsProofs(yard: Switchyard, signal: AbortSignal): Promise<boolean> {
  try {
    return (await yard.identities.mode({ signal })) === AuthMode.REQUIRED;
  } catch (error) {
    if (!(error instanceof SwitchyardError) || signal.aborted) throw error;
    return false;
  }
}

/** Turns errors of files into a Failure. */
async function failing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new Failure(`the key cannot be kept: ${asError(error).message}`);
  }
}

import { rmSync } from 'node:fs';
import { asError, isAbsent } from '../../base/errors.js';
import { readPrivateFile, replacePrivateFile } from '../../base/private-files.js';
import { DEFAULT_NETWORK } from '../../core/model/network.js';
import { Failure } from '../surroundings.js';

/** Not used when it is good for less: the command that uses it takes some seconds. */
const SPARE_MS = 10_000;

/** An access token that `login` has kept beside the key. */
export interface KeptAccess {
  /** HOST:PORT. It is sent to no other server. */
  readonly server: string;
  /** The connection over which it came was encrypted: it is sent over no other. */
  readonly isEncrypted: boolean;
  /** The network that it is of: in another it is nobody's. */
  readonly network: string;
  readonly uuid: string;
  readonly accessToken: string;
  /** By the wall clock of this machine, which also says when to log in again; the server does not rely on it. */
  readonly goodUntilMs: number;
  /** An issuer's token has given it: what is made of it ends with it. Else a key of this machine. */
  readonly isByIssuer: boolean;
}

/** Where a command would send a token. */
export interface AccessTarget extends Pick<KeptAccess, 'isEncrypted' | 'network'> {
  /** HOST:PORT each: servers of one network. */
  readonly servers: readonly string[];
}

/** The token that is kept beside a key for one of these servers and their network, if it is still good. */
export function keptAccess(
  keyPath: string,
  { servers, isEncrypted, network }: AccessTarget,
  nowMs: number,
): KeptAccess | undefined {
  const kept = readKept(keyPath);
  if (kept === undefined || !servers.includes(kept.server) || kept.network !== network) return undefined;
  if (kept.isEncrypted && !isEncrypted) return undefined;
  return kept.goodUntilMs - SPARE_MS > nowMs ? kept : undefined;
}

/** Whether this user has logged in by a key, at whatever server and whenever: then newer tokens are kept, too. */
export function isAccessKept(keyPath: string): boolean {
  return readKept(keyPath) !== undefined;
}

/** Keeps a token beside its key, for its owner alone. */
export function keepAccess(keyPath: string, access: KeptAccess): void {
  try {
    replacePrivateFile(pathOf(keyPath), `${JSON.stringify(access)}\n`);
  } catch (error) {
    throw new Failure(`the access token cannot be kept: ${asError(error).message}`);
  }
}

/** Forgets the token beside a key. False: there was none. */
export function forgetAccess(keyPath: string): boolean {
  const isThere = readKept(keyPath) !== undefined;
  try {
    rmSync(pathOf(keyPath), { force: true });
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
  return isThere;
}

function pathOf(keyPath: string): string {
  return `${keyPath}.access`;
}

/** What is not what this program writes is as good as nothing: the next login replaces it. */
function readKept(keyPath: string): KeptAccess | undefined {
  let text: string | undefined;
  try {
    text = readPrivateFile(pathOf(keyPath));
  } catch (error) {
    throw new Failure(asError(error).message);
  }
  if (text === undefined) return undefined;
  try {
    // A file without a network is from when there was only one.
    const { server, isEncrypted, network = DEFAULT_NETWORK, ...rest } = JSON.parse(text) as Partial<KeptAccess>;
    const { uuid, accessToken, goodUntilMs, isByIssuer = false } = rest;
    const hasTexts = typeof server === 'string' && typeof uuid === 'string' && typeof accessToken === 'string';
    if (!hasTexts || typeof network !== 'string') return undefined;
    if (typeof isEncrypted !== 'boolean' || typeof goodUntilMs !== 'number') return undefined;
    if (typeof isByIssuer !== 'boolean') return undefined;
    return { server, isEncrypted, network, uuid, accessToken, goodUntilMs, isByIssuer };
  } catch {
    return undefined;
  }
}

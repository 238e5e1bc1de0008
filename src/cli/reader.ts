import { dirname } from 'node:path';
import { isLoopback, parseAddress } from '../base/address.js';
import { asError } from '../base/errors.js';
import { ensurePrivateFolder } from '../base/private-files.js';
import { readKey, type Switchyard, SwitchyardError } from '../client/index.js';
import {
  closing,
  connector,
  networkOf,
  serverAddress,
  serverAddresses,
  tlsOptions,
  withAdministrator,
  withServer,
} from './connection.js';
import { Failure, type Surroundings } from './surroundings.js';
import { givenAdminToken } from './trust/admin-token.js';
import { isAccessKept, type KeptAccess, keepAccess, keptAccess } from './trust/kept-access.js';
import { enrolledAs, instanceOf, type KeyFlags, ownKeyPath } from './trust/own-key.js';

/** The key of a person, or of a program that is no instance: what `connect` and `forward` join by. */
export const PERSON_KEY = 'connect';

/** Which key a command proves itself by. */
export interface ReaderFlags extends KeyFlags {
  readonly name?: string;
  readonly uuid?: string;
}

/** A principal of this machine: its identity, and a token for its calls. */
export interface LoggedIn {
  readonly uuid: string;
  readonly accessToken: string;
}

/** The same right after Login, with what the server said of it. */
export interface FreshLogin extends LoggedIn {
  readonly name: string;
  readonly roles: readonly string[];
  readonly goodForMs: number;
}

/**
 * Runs something that reads the network. Where the server wants to know who reads, that is who has logged in on this machine, or who its
 * key stands for, or else an administrator: a token that was given comes first.
 */
export async function withReader<Result>(
  flags: ReaderFlags,
  surroundings: Surroundings,
  run: (yard: Switchyard) => Promise<Result>,
): Promise<Result> {
  const isGiven = flags.data !== undefined || givenAdminToken(flags, surroundings.env) !== undefined;
  const kept = isGiven ? undefined : keptLogin(flags, surroundings);
  try {
    if (kept !== undefined) return await withAccess(kept, flags, surroundings, run);
    return await withServer(flags, surroundings, run);
  } catch (error) {
    if (!(error instanceof SwitchyardError) || error.reason !== 'AUTH_REQUIRED') throw error;
  }
  const principal = isGiven ? undefined : await logIn(flags, surroundings);
  if (principal === undefined) return withAdministrator(flags, surroundings, run);
  return withAccess(principal, flags, surroundings, run);
}

/** Which key a command proves itself by, and the identity that it is of, where that is said. */
export function keyOfReader(
  flags: ReaderFlags,
  surroundings: Surroundings,
): { readonly path: string; readonly uuid: string | undefined } {
  const enrolled = enrolledAs(flags, surroundings);
  const name = enrolled?.keyName ?? flags.uuid?.toLowerCase() ?? flags.name ?? PERSON_KEY;
  return { path: ownKeyPath(name, flags, surroundings), uuid: enrolled?.uuid ?? flags.uuid };
}

/** Who has logged in on this machine, with a token that is still good. */
export function keptLogin(flags: ReaderFlags, surroundings: Surroundings): KeptAccess | undefined {
  const servers = serverAddresses(flags, surroundings);
  const isEncrypted = tlsOptions(flags, surroundings) !== undefined;
  const network = networkOf(flags, surroundings);
  const { path } = keyOfReader(flags, surroundings);
  return keptAccess(path, { servers, isEncrypted, network }, surroundings.clock.wallMs());
}

/**
 * Logs in by the key that is kept for the server; undefined when there is none, or none that the server knows. The token is kept beside
 * the key if that is asked for, or one was kept before.
 */
export async function logIn(
  flags: ReaderFlags,
  surroundings: Surroundings,
  { isKept = false } = {},
): Promise<FreshLogin | undefined> {
  const { signal } = surroundings;
  const { path, uuid: known } = keyOfReader(flags, surroundings);
  const key = await readKey(path).catch((error: unknown) => {
    throw new Failure(asError(error).message);
  });
  if (key === undefined) return undefined;
  const uuid = known ?? (await instanceOf(path));
  return withServer(flags, surroundings, async (yard) => {
    try {
      const options = { signal, bindProofs: flags.proofBinding ?? true };
      const { accessToken, validFor, principal } = await yard.identities.login(uuid, key, options);
      const goodForMs = Number(validFor.seconds) * 1_000;
      const fresh = { uuid, accessToken, name: principal.name, roles: principal.roles, goodForMs };
      if (isKept || isAccessKept(path)) keep(path, { ...fresh, isByIssuer: false }, flags, surroundings);
      return fresh;
    } catch (error) {
      if (error instanceof SwitchyardError && error.reason === 'PROOF_INVALID') return undefined;
      throw error;
    }
  });
}

/** Logs in by a token of an issuer, and keeps the access token where that of a key would be. */
export async function logInByToken(token: string, flags: ReaderFlags, surroundings: Surroundings): Promise<FreshLogin> {
  const { signal } = surroundings;
  const remote = serverAddresses(flags, surroundings).find((server) => !isLoopback(parseAddress(server)));
  if (remote !== undefined && tlsOptions(flags, surroundings) === undefined) {
    throw new Failure(`${remote} is spoken to in plain text: a token is sent over TLS only (--tls, --tls-ca or --pin)`);
  }
  const { path } = keyOfReader(flags, surroundings);
  return withServer(flags, surroundings, async (yard) => {
    const { accessToken, validFor, principal } = await yard.identities.loginByToken(token, { signal });
    const { identityUuid: uuid, name, roles } = principal;
    const fresh = { uuid, accessToken, name, roles, goodForMs: Number(validFor.seconds) * 1_000 };
    ensurePrivateFolder(dirname(path));
    keep(path, { ...fresh, isByIssuer: true }, flags, surroundings);
    return fresh;
  });
}

type NewAccess = FreshLogin & Pick<KeptAccess, 'isByIssuer'>;

function keep(path: string, fresh: NewAccess, flags: ReaderFlags, around: Surroundings) {
  const { uuid, accessToken, goodForMs, isByIssuer } = fresh;
  const server = serverAddress(flags, around);
  const isEncrypted = tlsOptions(flags, around) !== undefined;
  const goodUntilMs = around.clock.wallMs() + goodForMs;
  const network = networkOf(flags, around);
  keepAccess(path, { server, isEncrypted, network, uuid, accessToken, goodUntilMs, isByIssuer });
}

/** Runs something as a principal that has logged in, and logs in again when the token is good no more. */
export async function withAccess<Result>(
  { accessToken }: LoggedIn,
  flags: ReaderFlags,
  surroundings: Surroundings,
  run: (yard: Switchyard) => Promise<Result>,
): Promise<Result> {
  const renewAccessToken = async () => (await logIn(flags, surroundings))?.accessToken;
  const connect = connector(flags, surroundings, { accessToken, renewAccessToken });
  return closing(flags, surroundings, connect(), run);
}

import { readKey, Switchyard, SwitchyardError } from '../client/index.js';
import { givenAdminToken } from './admin-token.js';
import { serverOf, withAdministrator, withServer } from './connection.js';
import { diagnose } from './diagnose.js';
import { enrolledAs, instanceOf, type KeyFlags, ownKeyPath } from './own-key.js';
import { Failure, type Surroundings } from './surroundings.js';

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

/**
 * Runs something that reads the network. Where the server wants to know who reads, that is who the key of this machine stands for,
 * or else an administrator: a token that was given comes first.
 */
export async function withReader<Result>(
  flags: ReaderFlags,
  surroundings: Surroundings,
  run: (yard: Switchyard) => Promise<Result>,
): Promise<Result> {
  try {
    return await withServer(flags, surroundings, run);
  } catch (error) {
    if (!(error instanceof SwitchyardError) || error.reason !== 'AUTH_REQUIRED') throw error;
  }
  const isGiven = flags.data !== undefined || givenAdminToken(flags, surroundings.env) !== undefined;
  const principal = isGiven ? undefined : await logIn(flags, surroundings);
  if (principal === undefined) return withAdministrator(flags, surroundings, run);
  return withAccess(principal, flags, surroundings, run);
}

/** Logs in by the key that is kept for the server; undefined when there is none, or none that the server knows. */
export async function logIn(flags: ReaderFlags, surroundings: Surroundings): Promise<LoggedIn | undefined> {
  const { signal } = surroundings;
  const enrolled = enrolledAs(flags, surroundings);
  const name = enrolled?.keyName ?? flags.uuid?.toLowerCase() ?? flags.name ?? PERSON_KEY;
  const path = ownKeyPath(name, flags, surroundings);
  const key = await readKey(path).catch((error: unknown) => {
    throw new Failure((error as Error).message);
  });
  if (key === undefined) return undefined;
  const uuid = enrolled?.uuid ?? flags.uuid ?? (await instanceOf(path));
  return withServer(flags, surroundings, async (yard) => {
    try {
      const options = { signal, bindProofs: flags.proofBinding ?? true };
      const { accessToken } = await yard.identities.login(uuid, key, options);
      return { uuid, accessToken };
    } catch (error) {
      if (error instanceof SwitchyardError && error.reason === 'PROOF_INVALID') return undefined;
      throw error;
    }
  });
}

/** Runs something as a principal that has logged in. */
export async function withAccess<Result>(
  { accessToken }: LoggedIn,
  flags: ReaderFlags,
  surroundings: Surroundings,
  run: (yard: Switchyard) => Promise<Result>,
): Promise<Result> {
  const server = serverOf(flags, surroundings);
  const yard = new Switchyard({ ...server, accessToken });
  try {
    return await run(yard);
  } catch (error) {
    throw await diagnose(error, server, surroundings.clock);
  } finally {
    await yard.close();
  }
}

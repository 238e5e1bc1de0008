import { keyOfReader, logIn, logInByToken, type ReaderFlags } from '../reader.js';
import { Failure, type Surroundings, UsageError } from '../surroundings.js';
import { durationWord } from '../words.js';
import { type EnrolFlags, enrolWith, placeOf, readSecretText, readTicketText } from './enrolment.js';
import { forgetAccess } from './kept-access.js';

/** How somebody logs in. */
export interface LoginFlags extends ReaderFlags, EnrolFlags {
  /** The file of an issuer's token; `-` is standard input. Else it is in SWITCHYARD_OIDC_TOKEN. */
  readonly oidcTokenFile?: string;
}

/**
 * Logs in by the key of this machine, and keeps the access token beside it: commands that read the network use it, and renew it when its
 * hour is over. With a ticket this machine enrols first; with a token of an issuer it needs no key, and nothing renews it.
 */
export async function login(flags: LoginFlags, surroundings: Surroundings): Promise<void> {
  const token = await readIssuerToken(flags, surroundings);
  const principal =
    token === undefined ? await logInByKey(flags, surroundings) : await logInByToken(token, flags, surroundings);
  if (principal === undefined) {
    throw new Failure('the server knows no key of this machine', [
      'Enrol with a ticket: switchyard login --ticket-file FILE. An administrator issues one: switchyard ticket issue --kind person.',
    ]);
  }
  const { uuid, name, roles, goodForMs } = principal;
  const { out } = surroundings.terminal;
  if (flags.json) return out.json({ identityUuid: uuid, name, roles, goodForMs });
  const called = name === '' ? uuid : `${name} (${uuid})`;
  const after = token === undefined ? 'renewed by itself when its time is over' : `for ${durationWord(goodForMs)}`;
  await out.write(`logged in as ${called}: ${roles.join(', ') || 'no role'}; ${after}`);
}

async function logInByKey(flags: LoginFlags, surroundings: Surroundings) {
  const text = await readTicketText(flags, surroundings);
  if (text === undefined) return logIn(flags, surroundings, { isKept: true });
  const { member } = await enrolWith(text, flags, surroundings);
  return logIn({ ...flags, ...placeOf(member) }, surroundings, { isKept: true });
}

/** The issuer's token that the flags or the environment name; undefined when they name none. */
async function readIssuerToken({ oidcTokenFile, ticketFile }: LoginFlags, around: Surroundings) {
  if (oidcTokenFile === undefined)
    return ticketFile === undefined ? around.env.SWITCHYARD_OIDC_TOKEN || undefined : undefined;
  if (ticketFile !== undefined) throw new UsageError('--oidc-token-file and --ticket-file: one of them');
  const text = (await readSecretText('--oidc-token-file', oidcTokenFile, around)).trim();
  if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(text))
    throw new UsageError(`--oidc-token-file ${oidcTokenFile}: that is no token`);
  return text;
}

/** Forgets the access token that login has kept. The key stays. */
export async function logout(flags: ReaderFlags, surroundings: Surroundings): Promise<void> {
  const wasThere = forgetAccess(keyOfReader(flags, surroundings).path);
  await surroundings.terminal.out.write(wasThere ? 'logged out; the key stays' : 'nobody was logged in');
}

import { keyOfReader, logIn, type ReaderFlags } from '../reader.js';
import { Failure, type Surroundings } from '../surroundings.js';
import { type EnrolFlags, enrolWith, readTicketText } from './enrolment.js';
import { forgetAccess } from './kept-access.js';

/**
 * Logs in by the key of this machine, and keeps the access token beside it: commands that read the network use it, and renew it when its
 * hour is over. With a ticket this machine enrols first.
 */
export async function login(flags: ReaderFlags & EnrolFlags, surroundings: Surroundings): Promise<void> {
  const text = await readTicketText(flags, surroundings);
  if (text !== undefined) await enrolWith(text, flags, surroundings);
  const principal = await logIn(flags, surroundings, { isKept: true });
  if (principal === undefined) {
    throw new Failure('the server knows no key of this machine', [
      'Enrol with a ticket: switchyard login --ticket-file FILE. An administrator issues one: switchyard ticket issue --kind person.',
    ]);
  }
  const { uuid, name, roles, goodForMs } = principal;
  const { out } = surroundings.terminal;
  if (flags.json) return out.json({ identityUuid: uuid, name, roles, goodForMs });
  const called = name === '' ? uuid : `${name} (${uuid})`;
  await out.write(`logged in as ${called}: ${roles.join(', ') || 'no role'}; renewed by itself when its time is over`);
}

/** Forgets the access token that login has kept. The key stays. */
export async function logout(flags: ReaderFlags, surroundings: Surroundings): Promise<void> {
  const wasThere = forgetAccess(keyOfReader(flags, surroundings).path);
  await surroundings.terminal.out.write(wasThere ? 'logged out; the key stays' : 'nobody was logged in');
}

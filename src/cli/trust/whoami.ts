import type { WhoAmIResponse } from '../../client/index.js';
import { withAdministrator } from '../connection.js';
import { logIn, type ReaderFlags, withAccess } from '../reader.js';
import { Failure, type Surroundings } from '../surroundings.js';
import { authModeWord } from '../words.js';
import { givenAdminToken } from './admin-token.js';

/** Says as whom the server knows the key of this machine, or that a token is the administrator's. */
export async function whoAmI(
  flags: ReaderFlags & { readonly json?: boolean },
  surroundings: Surroundings,
): Promise<void> {
  const { terminal } = surroundings;
  const who = await ask(flags, surroundings);
  const { principal, administrator, mode } = who;
  const modeWord = authModeWord(mode);
  if (flags.json) {
    const { identityUuid, roles, name, keyId, network } = principal ?? {};
    return terminal.out.json({ identityUuid, name, roles, keyId, network, administrator, mode: modeWord });
  }
  if (administrator) return terminal.out.write(`the administrator, of a server whose mode is ${modeWord}`);
  if (principal === undefined) throw new Failure('the server does not know this key');
  await terminal.out.writeLines([
    `identity   ${principal.identityUuid}`,
    `name       ${principal.name === '' ? '-' : principal.name}`,
    `roles      ${principal.roles.length === 0 ? '-' : principal.roles.join(', ')}`,
    `key        ${principal.keyId}`,
    `mode       ${modeWord}`,
  ]);
}

async function ask(flags: ReaderFlags, surroundings: Surroundings): Promise<WhoAmIResponse> {
  const { signal } = surroundings;
  if (flags.data !== undefined || givenAdminToken(flags, surroundings.env) !== undefined) {
    return withAdministrator(flags, surroundings, (yard) => yard.identities.whoAmI({ signal }));
  }
  const principal = await logIn(flags, surroundings);
  if (principal === undefined) {
    throw new Failure('the server knows no key of this machine', [
      'See switchyard key show, and have an administrator bind it: switchyard identity bind UUID KEY.',
    ]);
  }
  return withAccess(principal, flags, surroundings, (yard) => yard.identities.whoAmI({ signal }));
}

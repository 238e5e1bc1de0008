import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { IdentityServiceService as Identities } from '../../../gen/switchyard/v1/identity.js';
import { systemClock, systemRandom } from '../../../src/client/system.js';
import { makeIdentityCode } from '../../../src/console/credentials.js';
import { CLOSE } from '../../../src/console/frames.js';
import { KeyProver } from '../../../src/replica/access/key-prover.js';
import { ProofPurpose } from '../../../src/trust/signed-bytes.js';
import { accessTokenOf, giveRoles, makePerson, type Person, personalCode } from '../../console/person.js';
import { BarePage, post, type RunningConsole, runConsole } from '../../console/running.js';
import { keyOf, proofOf } from '../../trust/proving.js';
import { asAdmin, asHeaders, ask, refused } from '../running.js';

/** Away from the keys of all others here. */
const OTHER_KEY = 9_001;

let at: RunningConsole;
beforeAll(async () => {
  at = await runConsole({ auth: 'required' });
});
afterAll(() => at?.stop());

const bind = ({ uuid }: Person, key: number) =>
  ask(at, Identities.bindKey, { identityUuid: uuid, publicKey: keyOf(key).publicKey }, asAdmin());
const list = (accessToken: string) =>
  ask(
    at,
    Identities.listIdentities,
    { pageSize: 1, pageToken: '' },
    asHeaders({ 'switchyard-access': accessToken, 'switchyard-network': 'default' }),
  );

/** How an administrator takes what a key stands for away. The key itself is bound again afterwards. */
const ENDINGS: readonly (readonly [string, (person: Person) => Promise<unknown>])[] = [
  ['revoked', ({ uuid }) => ask(at, Identities.revokeIdentity, { identityUuid: uuid }, asAdmin())],
  ['forgotten', ({ uuid }) => ask(at, Identities.forgetKey, { identityUuid: uuid }, asAdmin())],
  ['given another key', (person) => bind(person, OTHER_KEY)],
];

describe.each(ENDINGS)('of an identity that was %s, and whose key was bound again', (_, end) => {
  it('an access token, a login of the console, its page and a code by the token from before stay dead, and new ones are good', async () => {
    const person = await makePerson(at, ['admin']);
    const [token, code] = [await accessTokenOf(at, person), await personalCode(at, person)];
    await list(token);
    const loggedIn = await post(at.console, '/login', code);
    expect(loggedIn.status).toBe(200);
    const cookie = loggedIn.headers.get('set-cookie')!.split(';')[0];
    const page = await BarePage.open(at.console, cookie);

    await end(person);
    await bind(person, person.number);
    await giveRoles(at, person, ['admin']);

    expect((await refused(list(token))).reason).toBe('AUTH_REQUIRED');
    const later = makeIdentityCode(token, person, systemClock, systemRandom);
    expect((await post(at.console, '/login', later)).status).toBe(403);
    const standing = await fetch(`http://${at.console}/session`, { headers: { cookie } });
    expect(await standing.json()).toMatchObject({ role: null });
    page.call('IdentityService/WhoAmI');
    await page.until(() => page.closed !== undefined);
    expect(page.closed!.code).toBe(CLOSE.loggedOut);

    await list(await accessTokenOf(at, person));
    expect((await post(at.console, '/login', await personalCode(at, person))).status).toBe(200);
  });
});

it.each(ENDINGS)('no access token is given to an identity that was %s while its proof was checked', async (_, end) => {
  const person = await makePerson(at, ['admin']);
  const { login } = KeyProver.prototype;
  const checked = jest.spyOn(KeyProver.prototype, 'login').mockImplementation(async function (
    this: KeyProver,
    ...given
  ) {
    const proven = await login.apply(this, given);
    await end(person);
    return proven;
  });
  try {
    expect(await refused(accessTokenOf(at, person))).toMatchObject({
      reason: 'AUTH_REQUIRED',
      message: expect.stringContaining('taken away while it was checked'),
    });
  } finally {
    checked.mockRestore();
  }
});

it.each(ENDINGS)(
  'an access token of an identity that was %s is refused with that as a possible cause',
  async (_, end) => {
    const person = await makePerson(at, ['admin']);
    const token = await accessTokenOf(at, person);
    await end(person);
    const message = expect.stringContaining('has expired, or its key was taken away: log in again');
    expect(await refused(list(token))).toMatchObject({ reason: 'AUTH_REQUIRED', message });
  },
);

it('an access token outlives another name, other roles and a rotation of its key', async () => {
  const person = await makePerson(at, ['admin']);
  const token = await accessTokenOf(at, person);
  await giveRoles(at, person, ['admin', 'observer']);
  const { uuid, number } = person;
  const challenge = await ask(at, Identities.challenge, { network: 'default' });
  const prove = (key: number) => proofOf(keyOf(key), uuid, challenge, { purpose: ProofPurpose.ROTATE });
  await ask(at, Identities.rotateKey, { oldProof: prove(number), newProof: prove(OTHER_KEY) });
  await list(token);
});

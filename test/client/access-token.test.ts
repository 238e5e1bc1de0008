import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { IdentityServiceService as Identities } from '../../gen/switchyard/v1/identity.js';
import { Switchyard } from '../../src/client/index.js';
import { ProofPurpose } from '../../src/trust/signed-bytes.js';
import { agent, asAdmin, ask, type Running, run } from '../grpc/running.js';
import { keyOf, proofOf } from '../trust/proving.js';

const UNKNOWN = `swa1_${'x'.repeat(32)}`;

describe('a client whose access token is good no more', () => {
  let at: Running;

  beforeAll(async () => {
    at = await run({ auth: 'required' });
    const { instanceUuid: identityUuid } = agent(1);
    await ask(at, Identities.bindKey, { identityUuid, publicKey: keyOf(1).publicKey }, asAdmin());
    const described = { kind: 0, roles: ['observer'], name: '', labels: {}, updateMask: ['roles'] };
    await ask(at, Identities.updateIdentity, { identityUuid, ...described }, asAdmin());
  });
  afterAll(() => at.stop());

  async function logIn(): Promise<string> {
    const challenge = await ask(at, Identities.challenge, { network: '' });
    const proof = proofOf(keyOf(1), agent(1).instanceUuid, challenge, { purpose: ProofPurpose.LOGIN });
    return (await ask(at, Identities.login, { proof })).accessToken;
  }

  it('goes on with another, which is fetched once for all calls that were refused', async () => {
    let renewals = 0;
    const renewAccessToken = () => {
      renewals++;
      return logIn();
    };
    const yard = new Switchyard({ server: at.address, accessToken: UNKNOWN, renewAccessToken });
    try {
      const answers = await Promise.all([1, 2, 3].map(() => yard.identities.whoAmI()));
      expect(answers.map(({ principal }) => principal?.roles)).toEqual(Array(3).fill(['observer']));
      for await (const { position } of yard.watchNetworkDelta()) {
        if (position !== undefined) break;
      }
      expect(renewals).toBe(1);
    } finally {
      await yard.close();
    }
  });

  it('is told so where there is no other', async () => {
    const yard = new Switchyard({
      server: at.address,
      accessToken: UNKNOWN,
      renewAccessToken: async () => undefined,
    });
    try {
      await expect(yard.identities.whoAmI()).rejects.toMatchObject({ reason: 'AUTH_REQUIRED' });
    } finally {
      await yard.close();
    }
  });
});

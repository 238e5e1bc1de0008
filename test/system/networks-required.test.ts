import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { IdentityServiceService as Identities } from '../../gen/switchyard/v1/identity.js';
import { ProofPurpose } from '../../src/trust/signed-bytes.js';
import { ADMIN_TOKEN, asHeaders, ask, type Running, refused, run } from '../grpc/running.js';
import { keyOf, proofOf } from '../trust/proving.js';
import { agent, type Talk, talk } from './talking.js';

const UUID = agent(1).instanceUuid;

describe('networks by system events, where callers prove who they are', () => {
  let at: Running;
  const talks: Talk[] = [];

  const inNetwork = (network: string) => asHeaders({ 'switchyard-admin': ADMIN_TOKEN, 'switchyard-network': network });
  const setRoles = (network: string, roles: string[]) => {
    const request = { identityUuid: UUID, kind: 0, roles, name: '', labels: {}, updateMask: ['roles'] };
    return ask(at, Identities.updateIdentity, request as never, inNetwork(network));
  };
  const connect = async () => {
    const one = await talk(`tcp://${at.server.addresses.tcp}`);
    talks.push(one);
    return one.client;
  };
  /** A proof without what system events do not have. */
  const overEvents = ({ binding: _, bindingKind: _kind, ...proof }: ReturnType<typeof proofOf>) => proof;
  const prove = async (
    client: Talk['client'],
    network: string,
    key: number,
    purpose: ProofPurpose = ProofPurpose.SESSION,
  ) => {
    const challenge = await client.ask('Challenge', { network });
    return overEvents(proofOf(keyOf(key), UUID, challenge, { network, purpose }));
  };
  const login = async (network: string, key: number) => {
    const client = await connect();
    const proof = await prove(client, network, key);
    const { sessionToken } = await client.ask('Session', { ...agent(1), network, proof });
    return { client, sessionToken };
  };

  beforeAll(async () => {
    at = await run({ auth: 'required', 'system-tcp-listen': '127.0.0.1:0' });
    for (const [index, name] of ['north', 'south'].entries()) {
      await ask(at, Identities.createNetwork, { name, sessionsMax: 0 }, inNetwork('default'));
      const { publicKey } = keyOf(index + 1);
      await ask(at, Identities.bindKey, { identityUuid: UUID, publicKey } as never, inNetwork(name));
      await setRoles(name, ['client']);
    }
  });
  afterAll(async () => {
    for (const { client } of talks) client.close();
    await at.stop();
  });

  it.each([UUID, agent(7).instanceUuid])(
    'a key that is not bound to %s is refused alike in one that does not exist',
    async (uuid) => {
      const answers = async (network: string) => {
        const client = await connect();
        const challenge = await client.ask('Challenge', { network });
        const [proof, newProof] = [9, 10].map((key) => proofOf(keyOf(key), uuid, challenge, { network }));
        const named = asHeaders({ 'switchyard-network': network });
        const refusals = [
          refused(ask(at, Identities.login, { proof } as never, named)),
          refused(ask(at, Identities.rotateKey, { oldProof: proof, newProof } as never, named)),
          client
            .ask('RotateKey', { oldProof: overEvents(proof), newProof: overEvents(newProof) })
            .catch((error) => error),
        ];
        return (await Promise.all(refusals)).map(({ reason, message }) => ({ reason, message }));
      };
      const [there, nowhere] = [await answers('north'), await answers('nowhere')];
      expect(nowhere).toEqual(there);
      for (const { reason, message } of there) {
        expect([reason, message]).toEqual(['PROOF_INVALID', expect.stringContaining(`instance ${uuid} is not bound`)]);
      }
    },
  );

  it('a proof that names no identity is refused alike in one that does not exist', async () => {
    const answers = async (network: string) => {
      const challenge = await ask(at, Identities.challenge, { network } as never);
      const proof = { ...proofOf(keyOf(9), UUID, challenge, { network }), identityUuid: 'x'.repeat(5_000) };
      const { reason, message } = await refused(
        ask(at, Identities.login, { proof } as never, asHeaders({ 'switchyard-network': network })),
      );
      return { reason, message };
    };
    const there = await answers('north');
    expect([there.reason, there.message]).toEqual(['FIELD_INVALID', expect.stringContaining('proof.identity_uuid')]);
    expect(await answers('nowhere')).toEqual(there);
  });

  it('a key shown in one network counts for nothing in another that has an identity of its UUID', async () => {
    const victim = await login('south', 2);
    const own = await login('north', 1);
    own.client.close();
    await setRoles('north', ['observer']);
    const client = await connect();
    const proof = await prove(client, 'north', 1, ProofPurpose.ATTACH);
    const refused = client.ask('KeepAlive', { sessionToken: own.sessionToken, proof });
    await expect(refused).rejects.toMatchObject({ reason: 'PERMISSION_DENIED' });
    const stolen = client.ask('KeepAlive', { sessionToken: victim.sessionToken });
    await expect(stolen).rejects.toMatchObject({ reason: 'AUTH_REQUIRED' });
    await setRoles('north', ['client']);
  });

  it('a key that was shown and not let in does not count for the next request either', async () => {
    const own = await login('north', 1);
    await setRoles('north', ['observer']);
    const client = await connect();
    const proof = await prove(client, 'north', 1, ProofPurpose.ATTACH);
    const refused = client.ask('KeepAlive', { sessionToken: own.sessionToken, proof });
    await expect(refused).rejects.toMatchObject({ reason: 'PERMISSION_DENIED' });
    await setRoles('north', ['client']);
    const again = client.ask('KeepAlive', { sessionToken: own.sessionToken });
    await expect(again).rejects.toMatchObject({ reason: 'AUTH_REQUIRED' });
  });
});

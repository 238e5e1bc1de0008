import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { IdentityServiceService as Identities } from '../../gen/switchyard/v1/identity.js';
import { ProofPurpose } from '../../src/trust/signed-bytes.js';
import { ADMIN_TOKEN, asHeaders, ask, type Running, run } from '../grpc/running.js';
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
  /** A proof by a key, without what system events do not have. */
  const prove = async (
    client: Talk['client'],
    network: string,
    key: number,
    purpose: ProofPurpose = ProofPurpose.SESSION,
  ) => {
    const challenge = await client.ask('Challenge', { network });
    const { binding: _, bindingKind: _kind, ...proof } = proofOf(keyOf(key), UUID, challenge, { network, purpose });
    return proof;
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

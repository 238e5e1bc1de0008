import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { IdentityServiceService as Identities } from '../../gen/switchyard/v1/identity.js';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { asAdmin, asHeaders, ask, type Running, run } from '../grpc/running.js';
import { keyOf, proofOf } from '../trust/proving.js';
import { agent, type Talk, talk } from './talking.js';

const WATCH = { networkDelta: true } as const;

describe('networks by system events', () => {
  let at: Running;
  let url: string;
  const talks: Talk[] = [];

  beforeAll(async () => {
    at = await run({ 'system-tcp-listen': '127.0.0.1:0' });
    url = `tcp://${at.server.addresses.tcp}`;
    for (const name of ['north', 'south']) {
      await ask(at, Identities.createNetwork, { name, sessionsMax: 0 }, asAdmin());
    }
  });
  afterAll(async () => {
    for (const { client } of talks) client.close();
    await at.stop();
  });

  const connect = async () => {
    const one = await talk(url);
    talks.push(one);
    return one;
  };
  const sessionsIn = async (name: string) => {
    const page = { pageSize: 0, pageToken: '', instanceUuid: '', instanceType: 0 };
    const { sessions } = await ask(at, Sessions.listSessions, page, asHeaders({ 'switchyard-network': name }));
    return sessions.map(({ instanceUuid }) => instanceUuid);
  };

  it('a session is opened in the network that it names, and is in no other', async () => {
    const [north, south] = [await connect(), await connect()];
    const opened = await north.client.ask('Session', { ...agent(1), network: 'north' });
    await south.client.ask('Session', { ...agent(2), network: 'south' });
    expect(opened.sessionToken).toMatch(/^sw2_/);
    expect(await sessionsIn('north')).toEqual([agent(1).instanceUuid]);
    expect(await sessionsIn('south')).toEqual([agent(2).instanceUuid]);
    expect(await sessionsIn('default')).toEqual([]);
    const created = south.client.ask('CreateStream', { sinkSids: [opened.instanceSid] } as never);
    await expect(created).rejects.toMatchObject({ reason: expect.stringMatching(/NOT_FOUND|FIELD_INVALID/) });
  });

  it('a session goes on over another connection by its token alone', async () => {
    const { sessionToken } = await (await connect()).client.ask('Session', { ...agent(3), network: 'north' });
    const again = await connect();
    const renewed = await again.client.ask('KeepAlive', { sessionToken });
    expect(renewed.ttlMs).toBeGreaterThan(0);
    const bytes = Buffer.from(sessionToken.slice(4), 'base64url');
    bytes.writeUInt32BE(9);
    const other = await connect();
    await expect(
      other.client.ask('KeepAlive', { sessionToken: `sw2_${bytes.toString('base64url')}` }),
    ).rejects.toMatchObject({ reason: 'SESSION_TOKEN_INVALID' });
  });

  it('a proof is good in the network of its challenge, where a session without a name is opened', async () => {
    const one = await connect();
    const key = keyOf(7);
    const challenge = await one.client.ask('Challenge', { network: 'north' });
    const {
      identityUuid,
      binding: _,
      bindingKind: _kind,
      ...proof
    } = proofOf(key, agent(4).instanceUuid, challenge, {
      network: 'north',
    });
    const shown = { ...proof, identityUuid };
    const elsewhere = await connect();
    await expect(
      elsewhere.client.ask('Session', { ...agent(4), network: 'south', proof: shown }),
    ).rejects.toMatchObject({ reason: 'CHALLENGE_EXPIRED' });
    const { identity } = await one.client.ask('Session', { ...agent(4), proof: shown });
    expect(identity?.network).toBe('north');
    expect(await sessionsIn('north')).toContain(agent(4).instanceUuid);
  });

  it('a network that there is not is challenged for alike, and opens no session', async () => {
    const one = await connect();
    const [known, unknown] = [
      await one.client.ask('Challenge', { network: 'north' }),
      await one.client.ask('Challenge', { network: 'nowhere' }),
    ];
    expect(unknown).toMatchObject({ serverUuid: known.serverUuid, mode: known.mode });
    for (const request of [agent(5), { ...agent(5), network: 'nowhere' }]) {
      await expect(one.client.ask('Session', request)).rejects.toMatchObject({ reason: 'NETWORK_NOT_FOUND' });
    }
    await one.client.ask('Session', { ...agent(5), network: 'default' });
    expect(await sessionsIn('default')).toEqual([agent(5).instanceUuid]);
  });

  it('watchers hear of their own network only, and are told when it is dropped', async () => {
    await ask(at, Identities.createNetwork, { name: 'west', sessionsMax: 0 }, asAdmin());
    const one = await connect();
    await one.client.ask('Session', { ...agent(6), network: 'west', watch: WATCH } as never);
    const other = await connect();
    await other.client.ask('Session', { ...agent(7), network: 'south' });
    const closed = one.client.closed.catch((error: unknown) => error);
    await ask(at, Identities.dropNetwork, { name: 'west' }, asAdmin());
    await closed;
    expect(await sessionsIn('south')).toContain(agent(7).instanceUuid);
  });
});

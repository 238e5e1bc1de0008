import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Client, credentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { IdentityServiceService as Identities } from '../../../gen/switchyard/v1/identity.js';
import { ServerServiceService as Servers } from '../../../gen/switchyard/v1/server.js';
import { ProvenFleet } from '../../../harness/bench/benches/proofs.js';
import { asAdmin, ask, type Running, run } from '../../grpc/running.js';

const TLS = new URL('../../client/tls/', import.meta.url);
const CERT = fileURLToPath(new URL('cert.pem', TLS));
const KEY = fileURLToPath(new URL('key.pem', TLS));
const FLEET = { sessions: 120, connections: 4 };

describe('a fleet whose sessions come back with proofs', () => {
  let at: Running;
  let fleet: ProvenFleet | undefined;
  beforeAll(async () => {
    at = await run({ 'tls-cert': CERT, 'tls-key': KEY });
  });
  afterAll(async () => {
    await fleet?.close();
    await at.stop();
  });

  it('of 120 over 4 TLS connections from four addresses loses none, and each has shown its key', async () => {
    const ca = readFileSync(CERT);
    const port = Number(at.address.split(':').at(-1));
    fleet = await ProvenFleet.open({ port, ca }, FLEET);
    expect(await fleet.comeBack()).toMatchObject({ lost: 0 });
    const client = new Client(at.address, credentials.createSsl(ca), {
      'grpc.ssl_target_name_override': 'switchyard.test',
    });
    try {
      const { limits } = await ask({ client }, Servers.getServer, {}, asAdmin());
      expect(limits.find(({ name }) => name === 'sessions-max')?.used).toBe(BigInt(FLEET.sessions));
      const { identities } = await ask(
        { client },
        Identities.listIdentities,
        { pageSize: 1_000, pageToken: '' },
        asAdmin(),
      );
      expect(identities.filter(({ cvid, keys }) => cvid !== 0 && keys.length === 1)).toHaveLength(FLEET.sessions);
    } finally {
      client.close();
    }
  });
});

describe('300 devices behind one address', () => {
  const DEVICES = { sessions: 300, connections: 300 };
  /** While their lost connections still count, so few of the new ones are let in that most have to come again. */
  const PLACES = { 'connections-max': '640', 'connections-per-address': '320' };
  const REFUSED = 280;
  let at: Running;
  let fleet: ProvenFleet | undefined;
  beforeAll(async () => {
    at = await run({ 'tls-cert': CERT, 'tls-key': KEY, ...PLACES });
  });
  afterAll(async () => {
    await fleet?.close();
    await at.stop();
  });

  it('come back at once with proofs, each on a TLS connection of its own, while the lost ones still count: all are let in when they come again', async () => {
    const port = Number(at.address.split(':').at(-1));
    fleet = await ProvenFleet.open({ port, ca: readFileSync(CERT), from: ['127.0.0.1'] }, DEVICES);
    const { lost, again } = await fleet.comeBack({ refusedFirst: REFUSED });
    expect(lost).toBe(0);
    expect(again).toBeGreaterThanOrEqual(REFUSED);
  }, 120_000);
});

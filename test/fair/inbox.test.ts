import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Running, run } from '../grpc/running.js';
import { agent, talk } from '../system/talking.js';

/** Each counts as 0.05 ms at least, so these are more than a slice. */
const REQUESTS = 60;
const CLIENTS = 8;
const ROUNDS = 20;

describe('connections of system events from one address', () => {
  let at: Running;
  beforeAll(async () => {
    at = await run({ 'system-tcp-listen': '127.0.0.1:0', 'system-packets-per-second': '1000000' });
  });
  afterAll(() => at.stop());

  it('are all answered when one of them uses up the slice just before a packet of another comes', async () => {
    const talks = await Promise.all(Array.from({ length: CLIENTS }, () => talk(`tcp://${at.server.addresses.tcp}`)));
    const clients = talks.map(({ client }) => client);
    for (const [number, client] of clients.entries()) await client.ask('Session', agent(number + 1));
    const [busy, ...others] = clients;
    for (let round = 0; round < ROUNDS; round++) {
      const flood = Array.from({ length: REQUESTS }, () => busy.ask('KeepAlive', {}));
      const asked = others.map((client) => client.ask('KeepAlive', {}));
      expect((await Promise.all([...flood, ...asked])).length).toBe(REQUESTS + CLIENTS - 1);
    }
    for (const client of clients) client.close();
  }, 8_000);
});

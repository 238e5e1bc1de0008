import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { plainAddress } from '../../src/base/address.js';
import { makeIdentity } from '../../src/client/direct/identity.js';
import { ConnectionRole } from '../../src/core/model/connection.js';
import { type Running, run } from '../grpc/running.js';
import { agent, talk } from '../system/talking.js';

// headscale #1587, Consul #2434: a dual-stack listener sees IPv4 clients as ::ffff:1.2.3.4.

const { publicKey } = makeIdentity();
const candidate = (host: string) => ({ host, port: 4711, type: 2 });

describe.each(['tcp', 'ws'])('behind a dual-stack listener of system events over %s', (scheme) => {
  let at: Running;
  let url: string;
  let number = 0;
  beforeAll(async () => {
    at = await run({ [`system-${scheme}-listen`]: '[::]:0', 'allow-open': 'true' });
    const [, port] = /:(\d+)$/.exec(at.server.addresses[scheme]!)!;
    url = `${scheme}://127.0.0.1:${port}`;
  });
  afterAll(() => at.stop());

  /** Asks a peer that answers with this candidate, as a caller with that one. */
  async function connect(near: string, far: string) {
    const told: { role?: number; host?: string }[] = [];
    const peer = await talk(url, {
      connection: (order) => {
        told.push(order);
        return order.role === ConnectionRole.GATHER ? { candidates: [candidate(far)], publicKey } : {};
      },
    });
    const caller = await talk(url);
    try {
      await caller.client.ask('Session', agent(++number));
      const { instanceSid } = await peer.client.ask('Session', agent(++number));
      await caller.client.ask('DirectConnection', {
        cvid: instanceSid,
        type: 1,
        candidates: [candidate(near)],
        publicKey,
      });
      return told;
    } finally {
      for (const { client } of [caller, peer]) client.close();
    }
  }

  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['::ffff:127.0.0.1', '::ffff:7f00:1'],
  ])('an IPv4 client at %s reaches another at %s', async (near, far) => {
    const told = await connect(near, far);
    expect(told[0]).toMatchObject({ role: ConnectionRole.GATHER });
  });

  it('an address with a zone is refused, and the field named', async () => {
    await expect(connect('fe80::1%eth0', '127.0.0.1')).rejects.toMatchObject({
      violations: [{ field: 'candidates[0].host', description: 'not an IP address without zone and brackets' }],
    });
  });
});

describe('the plain form of an address', () => {
  it.each([
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:201', '192.0.2.1'],
    ['0:0:0:0:0:ffff:192.0.2.1', '192.0.2.1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['2001:db8::1', '2001:db8::1'],
    ['192.0.2.1', '192.0.2.1'],
    ['::fffe:192.0.2.1', '::fffe:192.0.2.1'],
  ])('of %s is %s', (address, plain) => {
    expect(plainAddress(address)).toBe(plain);
  });
});

import { Duplex } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { makeIdentity } from '../../../src/client/direct/identity.js';
import { secure } from '../../../src/client/direct/secure.js';

/** Both ends of a path over streams that are not the kernel's, as those of UDP are. */
function streams(): readonly [Duplex, Duplex] {
  const write = (to: () => Duplex) => (bytes: Buffer, _: unknown, done: () => void) => {
    to().push(bytes);
    done();
  };
  const one: Duplex = new Duplex({ read() {}, write: write(() => other) });
  const other: Duplex = new Duplex({ read() {}, write: write(() => one) });
  return [one, other];
}

describe('a secured path', () => {
  it.each([
    ['client', 0],
    ['server', 1],
  ])('says as the TLS %s what the stream under it has died of', async (_, at) => {
    const raw = streams();
    const identities = [makeIdentity(), makeIdentity()] as const;
    const { signal } = new AbortController();
    const [client, server] = [
      { identity: identities[0], peerPublicKey: identities[1].publicKey, controlling: true },
      { identity: identities[1], peerPublicKey: identities[0].publicKey, controlling: false },
    ];
    const ends = await Promise.all([secure(raw[0], client, signal), secure(raw[1], server, signal)]);
    for (const end of ends) end.resume();
    const died = new Promise((resolve) => ends[at]?.once('error', resolve).once('close', () => resolve('no error')));
    const loss = Object.assign(new Error('connection timed out'), { code: 'ETIMEDOUT' });
    raw[at]?.destroy(loss);
    expect(await died).toBe(loss);
    for (const stream of [...ends, ...raw]) stream.destroy();
  });
});

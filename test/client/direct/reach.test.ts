import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { CandidateType, candidate } from '../../../src/client/direct/candidate.js';
import { makeIdentity } from '../../../src/client/direct/identity.js';
import { OUTCOMES, outcomeOf, PathError } from '../../../src/client/direct/outcome.js';
import { type Interfaces, Reach } from '../../../src/client/direct/reach.js';
import { TcpPunch } from '../../../src/client/direct/tcp.js';
import { systemClock } from '../../../src/client/system.js';

const face = (cidr: string, family: 'IPv4' | 'IPv6', internal = false) => ({ cidr, family, internal }) as never;
const INTERFACES: Interfaces = {
  lo: [face('127.0.0.1/8', 'IPv4', true), face('::1/128', 'IPv6', true)],
  eth0: [face('192.168.7.20/24', 'IPv4'), face('fd00:7::20/64', 'IPv6'), face('fe80::1/64', 'IPv6')],
  tun0: [face('100.64.3.1/32', 'IPv4')],
  // Some clouds answer with a machine's own secrets at 169.254.169.254, in an interface like this one.
  eth1: [face('169.254.9.9/16', 'IPv4')],
};
const own = (host: string) => [candidate(CandidateType.REFLEXIVE, { host, port: 9 }, 0)];

describe('the addresses that a peer names', () => {
  const reach = new Reach(own('198.51.100.7'), INTERFACES);

  it.each(['192.168.7.1', '192.168.7.255', 'fd00:7::1', '100.64.3.1', '203.0.113.9', '2001:db8::9'])(
    'are dialled where they are public or in a network of this machine: %s',
    (host) => {
      expect(reach.dials(host)).toBe(true);
    },
  );

  it.each(['192.168.8.1', '10.0.0.1', '172.16.0.1', '100.64.3.2', 'fd00:8::1', '::ffff:10.0.0.1'])(
    'are not dialled where they are private and in another network: %s',
    (host) => {
      expect(reach.dials(host)).toBe(false);
    },
  );

  it.each([
    '169.254.169.254',
    'fe80::2',
    'fe80::2%eth0',
    '127.0.0.1',
    '127.9.9.9',
    '::1',
    '::ffff:127.0.0.1',
    '0.0.0.0',
    '::',
    '224.0.0.1',
    '255.255.255.255',
    'ff02::1',
    'localhost',
  ])('are never dialled where they are of one link, of this machine itself, or of nobody: %s', (host) => {
    expect(reach.dials(host)).toBe(false);
  });

  it('may be loopback where this end itself is reached there, as all are on one machine then', () => {
    expect(new Reach(own('127.0.0.1'), INTERFACES).dials('127.0.0.1')).toBe(true);
    expect(new Reach(own('127.0.0.1'), INTERFACES).dials('169.254.169.254')).toBe(false);
  });
});

describe('a punch over TCP', () => {
  it('dials nothing on its own loopback that a peer names, and says so in words of the list', async () => {
    let dialled = 0;
    const victim = createServer((socket) => {
      dialled += 1;
      socket.destroy();
    }).listen(0, '127.0.0.1');
    await once(victim, 'listening');
    const { port } = victim.address() as AddressInfo;
    const punch = await TcpPunch.gather([], systemClock);
    try {
      const candidates = ['127.0.0.1', '169.254.1.1'].map((host) => candidate(CandidateType.HOST, { host, port }, 0));
      const identity = makeIdentity();
      const proof = { identity, peerPublicKey: identity.publicKey, controlling: false };
      const giveUp = AbortSignal.timeout(500);
      const { pairs } = await punch.attempt({ ...proof, candidates, nonce: Buffer.alloc(16), startAfterMs: 0 }, giveUp);
      expect(pairs.map(({ outcome }) => outcome)).toEqual(
        Array(2).fill('not dialled: it is not in a network of this end'),
      );
      expect(dialled).toBe(0);
    } finally {
      punch.close();
      victim.close();
    }
  });
});

describe('what one end says of an address to the other', () => {
  it('is of a closed list, whatever was thrown', () => {
    const openssl =
      '803C42A7217F0000:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../deps/x.c:350:';
    const thrown = [
      new Error(openssl),
      new DOMException('late', 'TimeoutError'),
      new PathError('not nominated'),
      'text',
    ];
    expect(thrown.map(outcomeOf)).toEqual([
      'the handshake failed',
      'the handshake took too long',
      'not nominated',
      'the handshake failed',
    ]);
    for (const outcome of OUTCOMES) expect(Buffer.byteLength(outcome)).toBeLessThanOrEqual(120);
  });
});

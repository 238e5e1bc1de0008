import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { NatNetwork, type Place } from './network.js';
import { NAT_KINDS, type NatKind } from './routers.js';

const PROBE = fileURLToPath(new URL('./probe.mjs', import.meta.url));
const ECHO_PORTS = ['7001', '7002'];
const OTHER_PORT = '7003';

/** What RFC 4787 calls the kind: is the mapped port the same for all, and who gets in by it. */
const EXPECTED: Readonly<Record<NatKind, { samePort: boolean; stranger: string; otherPort: string }>> = {
  none: { samePort: true, stranger: 'let in', otherPort: 'let in' },
  eif: { samePort: true, stranger: 'let in', otherPort: 'let in' },
  apdf: { samePort: true, stranger: 'silence', otherPort: 'silence' },
  edm: { samePort: false, stranger: 'silence', otherPort: 'silence' },
};

const lacks = NatNetwork.lacks();
if (lacks) process.stderr.write(`not checked: ${lacks}\n`);

/** The first line that a probe prints. */
async function firstLine(network: NatNetwork, place: Place, ...args: string[]): Promise<string> {
  const child = network.spawn(place, [process.execPath, PROBE, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface(child.stdout!), 'line')) as [string];
  return line;
}

(lacks ? describe.skip : describe).each(NAT_KINDS)('a router of kind %s', (kind) => {
  let network: NatNetwork;

  beforeAll(async () => {
    network = await NatNetwork.make({ a: kind, b: 'none' });
    await firstLine(network, 'server', 'echo', ...ECHO_PORTS);
  }, 20_000);
  afterAll(() => network?.remove());

  it.each(['udp', 'tcp'])('maps and filters %s as its kind says', async (protocol) => {
    const { samePort, stranger, otherPort } = EXPECTED[kind];
    const server = network.outside('server');
    const seen: number[] = JSON.parse(await firstLine(network, 'a', 'inside', protocol, server, ...ECHO_PORTS));
    expect(seen[0] === seen[1]).toBe(samePort);
    const mapped = [network.outside('a'), String(seen[0])];
    const [byStranger, byOtherPort, byUnmapped] = await Promise.all([
      firstLine(network, 'b', 'knock', protocol, ...mapped),
      firstLine(network, 'server', 'knock', protocol, ...mapped, OTHER_PORT),
      firstLine(network, 'b', 'knock', protocol, network.outside('a'), '9'),
    ]);
    expect({ byStranger, byOtherPort, byUnmapped }).toEqual({
      byStranger: stranger,
      byOtherPort: otherPort,
      byUnmapped: kind === 'none' && protocol === 'tcp' ? 'refused' : 'silence',
    });
  });
});

(lacks ? describe.skip : describe)('a network of namespaces', () => {
  it('adds the round trip that was asked for', async () => {
    const network = await NatNetwork.make({ a: 'apdf', b: 'edm', roundTripMs: 80 });
    try {
      await firstLine(network, 'server', 'echo', ...ECHO_PORTS);
      const before = performance.now();
      expect(await firstLine(network, 'a', 'knock', 'udp', network.outside('server'), ECHO_PORTS[0]!)).toBe('let in');
      expect(performance.now() - before).toBeGreaterThanOrEqual(80);
    } finally {
      network.remove();
    }
  });

  it('is gone with everything in it once it is removed', async () => {
    const network = await NatNetwork.make({ a: 'eif', b: 'apdf' });
    const child = network.spawn('a', ['sleep', 'infinity']);
    const exited = once(child, 'exit');
    network.remove();
    await exited;
    expect(NatNetwork.namespaces()).toEqual([]);
  });
});

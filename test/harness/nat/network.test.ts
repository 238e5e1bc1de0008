import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { firstLineOf, NatNetwork, type Place } from '../../../harness/nat/network.js';
import { NAT_KINDS, type NatKind } from '../../../harness/nat/routers.js';
import { removeRunFolder, runFolder } from '../../../harness/nat/run-folder.js';

const PROBE = fileURLToPath(new URL('../../../harness/nat/probe.mjs', import.meta.url));
const ECHO_PORTS = ['7001', '7002'];
const OTHER_PORT = 7003;

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
function firstLine(network: NatNetwork, place: Place, ...args: string[]): Promise<string> {
  return firstLineOf(
    network.spawn(place, [process.execPath, PROBE, ...args], { stdio: ['ignore', 'pipe', 'inherit'] }),
  );
}

/** A knock of {@link knock}: from where to where, and what should come of it. */
interface Knock {
  readonly from: Place;
  readonly to: readonly [host: string, port: number];
  readonly expected: string;
  readonly localPort?: number;
}

/** What comes of knocking: an answer that should come is waited for, silence for as long as an answer would take. */
async function knock(network: NatNetwork, protocol: string, { from, to, expected, localPort = 0 }: Knock) {
  const patienceMs = expected === 'silence' ? 400 : 10_000;
  const argv = [protocol, ...to, patienceMs, localPort].map(String);
  const [came] = JSON.parse(await firstLine(network, from, 'knock', ...argv)) as [string];
  return came;
}

(lacks ? describe.skip : describe).each(NAT_KINDS)('a router of kind %s', (kind) => {
  let network: NatNetwork;

  beforeAll(async () => {
    network = await NatNetwork.make({ routers: { a: kind, b: 'none' } });
    await firstLine(network, 'server', 'echo', ...ECHO_PORTS);
  }, 20_000);
  afterAll(() => network?.remove());

  it.each(['udp', 'tcp'])('maps and filters %s as its kind says', async (protocol) => {
    const { samePort, stranger, otherPort } = EXPECTED[kind];
    const inside = await firstLine(network, 'a', 'inside', network.outside('server'), ...ECHO_PORTS);
    const [seen, other] = (JSON.parse(inside) as Record<string, [number, number]>)[protocol]!;
    expect(seen === other).toBe(samePort);
    const to = [network.outside('a'), seen] as const;
    const unmapped = kind === 'none' && protocol === 'tcp' ? 'refused' : 'silence';
    const knocks: readonly Knock[] = [
      { from: 'b', to, expected: stranger },
      { from: 'server', to, expected: otherPort, localPort: OTHER_PORT },
      { from: 'b', to: [network.outside('a'), 9], expected: unmapped },
    ];
    const came = await Promise.all(knocks.map((one) => knock(network, protocol, one)));
    expect(came).toEqual(knocks.map(({ expected }) => expected));
  });
});

(lacks ? describe.skip : describe)('a network of namespaces', () => {
  it('adds the round trip that was asked for', async () => {
    const network = await NatNetwork.make({ routers: { a: 'apdf', b: 'edm' }, roundTripMs: 80 });
    try {
      await firstLine(network, 'server', 'echo', ...ECHO_PORTS);
      const before = performance.now();
      const to = [network.outside('server'), Number(ECHO_PORTS[0])] as const;
      expect(await knock(network, 'udp', { from: 'a', to, expected: 'let in' })).toBe('let in');
      expect(performance.now() - before).toBeGreaterThanOrEqual(80);
    } finally {
      network.remove();
    }
  });

  it('lets sites reach nothing but the server while they are separated', async () => {
    const network = await NatNetwork.make({ routers: { a: 'none', b: 'none' } });
    try {
      await firstLine(network, 'server', 'echo', ...ECHO_PORTS);
      await firstLine(network, 'b', 'echo', ...ECHO_PORTS);
      const reach = (place: Place, expected: string) => {
        const to = [network.outside(place), Number(ECHO_PORTS[0])] as const;
        return knock(network, 'tcp', { from: 'a', to, expected });
      };
      expect(await reach('b', 'let in')).toBe('let in');
      network.separate(true);
      expect([await reach('b', 'silence'), await reach('server', 'let in')]).toEqual(['silence', 'let in']);
      network.separate(false);
      expect(await reach('b', 'let in')).toBe('let in');
    } finally {
      network.remove();
    }
  });

  it('is gone with everything in it once it is removed', async () => {
    const before = NatNetwork.namespaces();
    const network = await NatNetwork.make({ routers: { a: 'eif', b: 'apdf' } });
    const child = network.spawn('a', ['sleep', 'infinity']);
    const exited = once(child, 'exit');
    network.remove();
    await exited;
    expect(NatNetwork.namespaces()).toEqual(before);
  });

  it('is removed by whoever comes next when its process was killed, as are the files of that process', async () => {
    const made = `const { NatNetwork } = await import('${here('../../../harness/nat/network.ts')}');
      const { runFolder } = await import('${here('../../../harness/nat/run-folder.ts')}');
      await NatNetwork.make({ routers: { a: 'none' } });
      console.log(runFolder());
      setInterval(() => {}, 1000);`;
    const argv = ['--import', here('../../../harness/typescript.mjs'), '--input-type=module', '--eval', made];
    const killed = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
    const folder = await firstLineOf(killed);
    expect(existsSync(folder)).toBe(true);
    expect(namespacesOf(killed.pid!)).toHaveLength(4);
    killed.kill('SIGKILL');
    await once(killed, 'exit');
    (await NatNetwork.make({ routers: { a: 'none' } })).remove();
    runFolder();
    removeRunFolder();
    expect(namespacesOf(killed.pid!)).toEqual([]);
    expect(existsSync(folder)).toBe(false);
  });
});

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const namespacesOf = (pid: number) => readdirSync('/run/netns').filter((name) => name.startsWith(`swnat-${pid}-`));

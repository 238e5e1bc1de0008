import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import type { Candidate } from '../../src/client/direct/candidate.js';
import { compiled } from './compiled.js';
import { NatNetwork, type NetworkOptions, type Place } from './network.js';
import { NAT_KINDS, type NatKind } from './routers.js';

const PROBE = fileURLToPath(new URL('./probe.mjs', import.meta.url));
const RENDEZVOUS_PORT = 3478;
const ECHO_PORT = '7001';
const CELL_MS = 60_000;

const lacks = NatNetwork.lacks();
if (lacks) process.stderr.write(`not checked: ${lacks}\n`);

/**
 * Where theory lets two ends meet: unless one of them sends from a port that nobody can know (`edm`) to another that
 * takes nothing from a port it has not sent to (`apdf`, `edm`).
 */
function reachable(a: NatKind, b: NatKind): boolean {
  const strict = (kind: NatKind) => kind === 'apdf' || kind === 'edm';
  return !((a === 'edm' && strict(b)) || (b === 'edm' && strict(a)));
}

const letsStrangersIn = (kind: NatKind) => kind === 'none' || kind === 'eif';

/** What a peer process tells first, and what it tells of an attempt. */
interface Gathered {
  readonly candidates: readonly Candidate[];
  readonly publicKey: string;
}
interface Tried {
  readonly heard?: string;
  readonly remote?: { host: string };
  readonly tookMs: number;
}

async function told<T>(peer: ChildProcess): Promise<T> {
  const exited = once(peer, 'exit').then(([code]) => Promise.reject(new Error(`a peer ended with ${code}`)));
  const [message] = (await Promise.race([once(peer, 'message'), exited])) as [T];
  return message;
}

async function firstLine(network: NatNetwork, place: Place, argv: string[]): Promise<string> {
  const child = network.spawn(place, [process.execPath, ...argv], { stdio: ['ignore', 'pipe', 'inherit'] });
  return ((await once(createInterface(child.stdout!), 'line')) as [string])[0];
}

/** Whether `from` is let in by whom it was never sent anything, at a port that `to` has mapped. */
async function plainDial(network: NatNetwork, protocol: string, from: 'a' | 'b', to: 'a' | 'b'): Promise<boolean> {
  const inside = [PROBE, 'inside', protocol, network.outside('server'), ECHO_PORT];
  const [port] = JSON.parse(await firstLine(network, to, inside)) as [number];
  return (await firstLine(network, from, [PROBE, 'knock', protocol, network.outside(to), String(port)])) === 'let in';
}

/** One attempt of both peers at the same time; the test stands in for the server's orders. */
async function punch(network: NatNetwork, protocol: string, ipv6 = false): Promise<[Tried, Tried]> {
  await firstLine(network, 'server', [compiled('test/nat/rendezvous.ts')]);
  const hosts = [network.outside('server'), ...(ipv6 ? [network.host6('server')] : [])];
  const at = JSON.stringify(hosts.map((host) => ({ host, port: RENDEZVOUS_PORT })));
  const peers = (['a', 'b'] as const).map((place) =>
    network.spawn(place, [process.execPath, compiled('test/nat/peer.ts'), protocol, at], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    }),
  );
  const gathered = await Promise.all(peers.map((peer) => told<Gathered>(peer)));
  const nonce = randomBytes(16).toString('base64');
  const tried = peers.map((peer) => told<Tried>(peer));
  for (const [end, peer] of peers.entries()) {
    const { candidates, publicKey: peerPublicKey } = gathered[1 - end]!;
    peer.send({ controlling: end === 0, candidates, peerPublicKey, nonce, startAfterMs: 20 });
  }
  return (await Promise.all(tried)) as [Tried, Tried];
}

async function within<T>(options: NetworkOptions, act: (network: NatNetwork) => Promise<T>): Promise<T> {
  const network = await NatNetwork.make(options);
  try {
    return await act(network);
  } finally {
    network.remove();
  }
}

const CELLS = ['tcp', 'udp'].flatMap((protocol) =>
  NAT_KINDS.flatMap((a) => NAT_KINDS.map((b) => ({ protocol, a, b, direct: reachable(a, b) }))),
);

(lacks ? describe.skip : describe)('a punch', () => {
  it.concurrent.each(CELLS)(
    'over $protocol between $a and $b: direct is $direct',
    ({ protocol, a, b, direct }) =>
      within({ a, b }, async (network) => {
        await firstLine(network, 'server', [PROBE, 'echo', ECHO_PORT]);
        const plain = [plainDial(network, protocol, 'a', 'b'), plainDial(network, protocol, 'b', 'a')];
        expect(await Promise.all(plain)).toEqual([letsStrangersIn(b), letsStrangersIn(a)]);
        const [one, other] = await punch(network, protocol);
        expect([one.heard, other.heard]).toEqual(
          direct ? ['hello from false', 'hello from true'] : [undefined, undefined],
        );
      }),
    CELL_MS,
  );

  it.concurrent.each(['tcp', 'udp'])(
    'over %s takes IPv6 where both have it, even between NATs that could never meet',
    (protocol) =>
      within({ a: 'edm', b: 'edm', ipv6: true }, async (network) => {
        const [one, other] = await punch(network, protocol, true);
        expect([one.remote?.host, other.remote?.host]).toEqual([network.host6('b'), network.host6('a')]);
      }),
    CELL_MS,
  );
});

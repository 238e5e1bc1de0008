import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { Cell, lacksForCells, TRANSPORTS } from '../../../harness/nat/cell.js';
import { NatNetwork, type NetworkOptions } from '../../../harness/nat/network.js';
import { NAT_KINDS, reachable } from '../../../harness/nat/routers.js';
import { removeRunFolder, runFolder } from '../../../harness/nat/run-folder.js';
import { sampleOf } from '../../long.js';

const CELL_MS = 90_000;
/** The same where a path has to be found dead, and an end's connection to the server, too. */
const RETURN_MS = 120_000;

const lacks = lacksForCells();
if (lacks) process.stderr.write(`not checked: ${lacks}\n`);

/** `npm test` tries one of so many pairs of kinds, which lie on a diagonal of their table, and `npm run test:all` each. */
const ONE_OF = 3;
const PAIRS = NAT_KINDS.flatMap((a) => NAT_KINDS.map((b) => ({ a, b, way: reachable(a, b) ? 'direct' : 'relayed' })));

/** Two sites of each kind, `apdf-a` and `apdf-b` say, so that every pair of kinds has one of its own. */
const SITES = Object.fromEntries(NAT_KINDS.flatMap((kind) => ['a', 'b'].map((side) => [`${kind}-${side}`, kind])));
let shared: Promise<Cell> | undefined;

/** One network with all sites for the tests that break nothing. Made by the first that asks: hooks do not wait for concurrent tests. */
function allSites(): Promise<Cell> {
  shared ??= Cell.make({ routers: SITES });
  return shared;
}

/** A network with the sites a and b, for a test that breaks it. */
async function within(
  options: Pick<NetworkOptions, 'ipv6'> & Readonly<Record<'a' | 'b', NetworkOptions['routers'][string]>>,
  act: (cell: Cell) => Promise<void>,
  data?: string,
): Promise<void> {
  const { a, b, ipv6 } = options;
  const cell = await Cell.make({ routers: { a, b }, ...(ipv6 && { ipv6 }) }, data);
  try {
    await act(cell);
  } finally {
    cell.remove();
  }
}

(lacks ? describe.skip : describe)('two instances behind routers', () => {
  afterAll(() => {
    NatNetwork.removeAll();
    removeRunFolder();
  });

  it.concurrent(
    'reach each other by plain dials only where their routers let strangers in',
    async () => expect(await (await allSites()).wrongDials()).toEqual([]),
    CELL_MS,
  );

  it.concurrent.each(sampleOf(PAIRS, ONE_OF))(
    'of the kinds $a and $b meet by a $way path, over TCP and over UDP',
    async ({ a, b, way }) => {
      const cell = await allSites();
      const outcomes = await Promise.all(TRANSPORTS.map((transport) => cell.connect(transport, `${a}-a`, `${b}-b`)));
      expect(outcomes.map(({ path, error }) => ({ path, error }))).toEqual([
        { path: way, error: undefined },
        { path: way, error: undefined },
      ]);
    },
    CELL_MS,
  );

  it.concurrent(
    'that could never meet take IPv6 where both have it',
    () =>
      within({ a: 'edm', b: 'edm', ipv6: ['a', 'b'] }, async (cell) => {
        const outcomes = await Promise.all(TRANSPORTS.map((transport) => cell.connect(transport, 'a', 'b')));
        expect(outcomes.map(({ path }) => path)).toEqual(['direct', 'direct']);
      }),
    CELL_MS,
  );

  it.concurrent.each(TRANSPORTS)(
    'that ask for each other at the same moment get one connection over %s',
    async (transport) => {
      const cell = await allSites();
      const [here, there] = ['apdf-a', 'eif-a'] as const;
      const [one, other] = await Promise.all([
        cell.connect(transport, here, there),
        cell.connect(transport, there, here),
      ]);
      expect([one.error, other.error]).toEqual([undefined, undefined]);
      expect(one).toMatchObject({ path: 'direct', connectionId: other.connectionId });
    },
    CELL_MS,
  );

  it.concurrent(
    'come to a path although the server is killed and started again in the middle of a punch',
    () =>
      // Never direct, so that there is a punch for long enough.
      within(
        { a: 'apdf', b: 'edm' },
        async (cell) => {
          const connecting = cell.connect('tcp', 'a', 'b', { fallback: 'late' });
          await cell.punching('a');
          await cell.killServer();
          await cell.startServer();
          expect(await connecting).toMatchObject({ path: 'relayed' });
        },
        mkdtempSync(join(runFolder(), 'data-')),
      ),
    CELL_MS,
  );

  it.concurrent(
    'notice that a path is dead when a router has forgotten it, and its link leaves the graph where it has no way back',
    () =>
      // The new mapping of `edm` is another one; that of `apdf` would be the same, and a path over UDP would live on.
      within({ a: 'none', b: 'edm' }, async (cell) => {
        const choices = { hold: true, fallback: 'none' } as const;
        const held = await Promise.all(TRANSPORTS.map((transport) => cell.connect(transport, 'a', 'b', choices)));
        expect(held.map(({ path }) => path)).toEqual(['direct', 'direct']);
        await Promise.all(TRANSPORTS.map((transport) => cell.linked(transport, 'a', 'b', true)));
        cell.network.rebootRouter('b');
        for (const { ended } of held) expect(await ended).not.toBe('closed');
        await Promise.all(TRANSPORTS.map((transport) => cell.linked(transport, 'a', 'b', false)));
      }),
    RETURN_MS,
  );

  it.concurrent(
    'go on through the server when a router has forgotten their path over UDP, with every byte, and stay linked',
    () =>
      // Over TCP the router may answer what it has no mapping for with a reset, and there is no way back from that.
      within({ a: 'none', b: 'edm' }, async (cell) => {
        const { held, path } = await cell.connect('udp', 'a', 'b', { hold: true });
        expect(path).toBe('direct');
        cell.network.rebootRouter('b');
        const { error, paths } = await cell.talk('a', held, 1 << 20);
        expect(error).toBeUndefined();
        expect(paths).toContain('relayed');
        await cell.linked('udp', 'a', 'b', true);
      }),
    RETURN_MS,
  );

  it.concurrent(
    'cannot have each other dial into a network in which nobody has been seen',
    async () => {
      const cell = await allSites();
      const claim = (...hosts: string[]) => cell.claim('apdf-a', 'none-a', hosts);
      const [own, stranger] = [cell.network.outside('apdf-a'), '203.0.113.200'];
      const refusal = 'is not an address that this server observed';
      expect(await claim(own, stranger)).toContain(`${stranger} ${refusal}`);
      expect(await claim(cell.network.outside('server'))).toContain(refusal);
    },
    CELL_MS,
  );
});

import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { Cell, lacksForCells, TRANSPORTS } from './cell.js';
import { NatNetwork, type NetworkOptions } from './network.js';
import { NAT_KINDS, reachable } from './routers.js';
import { removeRunFolder, runFolder } from './run-folder.js';

const CELL_MS = 90_000;

const lacks = lacksForCells();
if (lacks) process.stderr.write(`not checked: ${lacks}\n`);

const PAIRS = NAT_KINDS.flatMap((a) => NAT_KINDS.map((b) => ({ a, b, way: reachable(a, b) ? 'direct' : 'relayed' })));

async function within<T>(options: NetworkOptions, act: (cell: Cell) => Promise<T>, data?: string): Promise<T> {
  const cell = await Cell.make(options, data);
  try {
    return await act(cell);
  } finally {
    cell.remove();
  }
}

(lacks ? describe.skip : describe)('two instances behind routers', () => {
  afterAll(() => {
    NatNetwork.removeAll(); // of tests that were given up
    removeRunFolder();
  });

  it.concurrent.each(PAIRS)(
    'of the kinds $a and $b meet by a $way path, over TCP and over UDP',
    ({ a, b, way }) =>
      within({ a, b }, async (cell) => {
        expect(await cell.wrongDials()).toEqual([]);
        const outcomes = await Promise.all(TRANSPORTS.map((transport) => cell.connect(transport)));
        expect(outcomes.map(({ path, error }) => ({ path, error }))).toEqual([
          { path: way, error: undefined },
          { path: way, error: undefined },
        ]);
      }),
    CELL_MS,
  );

  it.concurrent(
    'that could never meet take IPv6 where both have it',
    () =>
      within({ a: 'edm', b: 'edm', ipv6: true }, async (cell) => {
        const outcomes = await Promise.all(TRANSPORTS.map((transport) => cell.connect(transport)));
        expect(outcomes.map(({ path }) => path)).toEqual(['direct', 'direct']);
      }),
    CELL_MS,
  );

  it.concurrent(
    'that ask for each other at the same moment get one connection',
    () =>
      within({ a: 'apdf', b: 'apdf' }, async (cell) => {
        for (const transport of TRANSPORTS) {
          const [one, other] = await Promise.all([cell.connect(transport, 'a'), cell.connect(transport, 'b')]);
          expect(one).toMatchObject({ path: 'direct', connectionId: other.connectionId });
        }
      }),
    CELL_MS,
  );

  it.concurrent(
    'come to a path although the server is killed and started again in the middle of a punch',
    () =>
      // Never direct, so that there is a punch for long enough.
      within(
        { a: 'apdf', b: 'edm' },
        async (cell) => {
          const connecting = cell.connect('tcp');
          await cell.punching();
          await cell.killServer();
          await cell.startServer();
          expect(await connecting).toMatchObject({ path: 'relayed' });
        },
        mkdtempSync(join(runFolder(), 'data-')),
      ),
    CELL_MS,
  );

  it.concurrent(
    'notice that a path is dead when a router has forgotten it, and its link leaves the graph',
    () =>
      // The new mapping of `edm` is another one; that of `apdf` would be the same, and a path over UDP would live on.
      within({ a: 'none', b: 'edm' }, async (cell) => {
        const held = await Promise.all(TRANSPORTS.map((transport) => cell.connect(transport, 'a', true)));
        expect(held.map(({ path }) => path)).toEqual(['direct', 'direct']);
        await Promise.all(TRANSPORTS.map((transport) => cell.linked(transport, true)));
        cell.network.rebootRouter('b');
        for (const { ended } of held) expect(await ended).not.toBe('closed');
        await Promise.all(TRANSPORTS.map((transport) => cell.linked(transport, false)));
      }),
    CELL_MS,
  );

  it.concurrent(
    'cannot have each other dial into a network in which nobody has been seen',
    () =>
      within({ a: 'apdf', b: 'apdf' }, async (cell) => {
        const stranger = '203.0.113.77';
        const refusal = `${stranger} is not an address that this server observed`;
        expect(await cell.claim([cell.network.outside('a'), stranger])).toContain(refusal);
        expect(await cell.claim([cell.network.outside('server')])).toContain(
          'is not an address that this server observed',
        );
      }),
    CELL_MS,
  );
});

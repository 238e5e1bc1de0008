import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { Cell, lacksForCells, reachable, type Transport } from './cell.js';
import { removeCompiled } from './compiled.js';
import type { NetworkOptions } from './network.js';
import { NAT_KINDS, type NatKind } from './routers.js';

const CELL_MS = 90_000;
const TRANSPORTS: readonly Transport[] = ['tcp', 'udp'];

const lacks = lacksForCells();
if (lacks) process.stderr.write(`not checked: ${lacks}\n`);

const letsStrangersIn = (kind: NatKind) => kind === 'none' || kind === 'eif';
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
  afterAll(removeCompiled);

  it.concurrent.each(PAIRS)(
    'of the kinds $a and $b meet by a $way path, over TCP and over UDP',
    ({ a, b, way }) =>
      within({ a, b }, async (cell) => {
        const dials = { aToB: letsStrangersIn(b), bToA: letsStrangersIn(a) };
        expect(await cell.plainDials(TRANSPORTS)).toEqual([dials, dials]);
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
        const [one, other] = await Promise.all([cell.connect('tcp', 'a'), cell.connect('tcp', 'b')]);
        expect({ path: one!.path, id: one!.connectionId }).toEqual({ path: 'direct', id: other!.connectionId });
      }),
    CELL_MS,
  );

  it.concurrent(
    'come to a path although the server is killed and started again in the middle of a punch',
    async () => {
      const data = mkdtempSync(join(tmpdir(), 'switchyard-nat-'));
      try {
        await within(
          { a: 'apdf', b: 'edm' },
          async (cell) => {
            const connecting = cell.connect('tcp');
            // An attempt between these two lasts 2.5 s, so this is in the middle of the first.
            await new Promise((resolve) => setTimeout(resolve, 1_500));
            await cell.killServer();
            await cell.startServer();
            expect(await connecting).toMatchObject({ path: 'relayed' });
          },
          data,
        );
      } finally {
        rmSync(data, { recursive: true, force: true });
      }
    },
    CELL_MS,
  );

  it.concurrent(
    'notice that a path is dead when a router has forgotten it, and take its link back',
    () =>
      within({ a: 'apdf', b: 'apdf' }, async (cell) => {
        const { path, ended } = await cell.connect('tcp', 'a', true);
        expect(path).toBe('direct');
        cell.network.rebootRouter('b');
        expect(await ended).not.toBe('closed');
      }),
    CELL_MS,
  );
});

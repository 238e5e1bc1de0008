import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Cell, lacksForCells, TRANSPORTS } from '../../../harness/nat/cell.js';
import { compiled } from '../../../harness/nat/compiled.js';
import { hasMapper } from '../../../harness/nat/mapper.js';
import { NatNetwork, type NetworkOptions } from '../../../harness/nat/network.js';
import { removeRunFolder } from '../../../harness/nat/run-folder.js';
import { sampleOf } from '../../long.js';

const CELL_MS = 90_000;
/** Programs of the namespaces are compiled once, which takes a minute on a busy machine. */
const COMPILE_MS = 300_000;
/** The port of HTTPS, which networks let out that let out nothing else. */
const HTTPS_PORT = 443;
/** After how long the test's proxy ends what is idle: less than the 15 s between two heartbeats, as none would be idle otherwise. */
const PROXY_IDLE_MS = 2_000;
/** `npm test` tries one of so many, `npm run test:all` each. */
const ONE_OF = 4;

const lacks = lacksForCells();
if (lacks) process.stderr.write(`not checked: ${lacks}\n`);

/** A network that lets out little, and which path there is in it by TCP and by UDP. */
interface Row {
  readonly what: string;
  readonly options: NetworkOptions;
  readonly port?: number;
  /** Who connects to whom. */
  readonly ends: readonly [from: string, to: string];
  readonly paths: readonly ['direct' | 'relayed', 'direct' | 'relayed'];
}

const [apdf, edm] = ['apdf', 'edm'] as const;
const ROWS: readonly Row[] = [
  {
    what: 'only through a proxy that asks for a user and a password',
    options: { routers: { a: apdf, b: apdf }, fences: { a: 'proxy' } },
    ends: ['a', 'b'],
    paths: ['relayed', 'relayed'],
  },
  {
    what: 'without UDP',
    options: { routers: { a: apdf, b: apdf }, fences: { a: 'no-udp' } },
    ends: ['a', 'b'],
    paths: ['direct', 'relayed'],
  },
  {
    what: 'with TCP to port 443 alone',
    options: { routers: { a: apdf, b: apdf }, fences: { a: 'tcp-443' } },
    port: HTTPS_PORT,
    ends: ['a', 'b'],
    paths: ['relayed', 'relayed'],
  },
  {
    what: 'behind one NAT that does not lead back to itself, and maps each peer to another port',
    options: { routers: { a: edm }, neighbours: { c: 'a' } },
    ends: ['a', 'c'],
    paths: ['direct', 'direct'],
  },
  {
    what: 'behind two NATs in a row',
    options: { routers: { a: apdf, b: apdf }, carrier: { sites: ['a'], kind: apdf, hairpin: false } },
    ends: ['a', 'b'],
    paths: ['direct', 'direct'],
  },
  {
    what: 'behind two NATs in a row, of which the outer one maps each peer to another port',
    options: { routers: { a: apdf, b: apdf }, carrier: { sites: ['a'], kind: edm, hairpin: false } },
    ends: ['a', 'b'],
    paths: ['relayed', 'relayed'],
  },
  {
    what: 'behind a router of its own and a NAT that both ends have in common and that leads back to itself',
    options: { routers: { a: apdf, b: apdf }, carrier: { sites: ['a', 'b'], kind: 'eif', hairpin: true } },
    ends: ['a', 'b'],
    paths: ['direct', 'direct'],
  },
  {
    what: 'behind a router of its own and a NAT that both ends have in common and that does not lead back to itself',
    options: { routers: { a: apdf, b: apdf }, carrier: { sites: ['a', 'b'], kind: 'eif', hairpin: false } },
    ends: ['a', 'b'],
    paths: ['relayed', 'relayed'],
  },
  {
    what: 'with IPv6 beside IPv4, and a peer without IPv6',
    options: { routers: { a: apdf, b: apdf }, ipv6: ['a'] },
    ends: ['a', 'b'],
    paths: ['direct', 'direct'],
  },
  {
    what: 'with IPv6 alone, and a peer with both',
    options: { routers: { a: edm, b: edm }, ipv6: ['a', 'b'], ipv6Only: ['a'] },
    ends: ['a', 'b'],
    paths: ['direct', 'direct'],
  },
  {
    what: 'with IPv6 alone, and a peer without it',
    options: { routers: { a: 'eif', b: 'eif' }, ipv6: ['a'], ipv6Only: ['a'] },
    ends: ['a', 'b'],
    paths: ['relayed', 'relayed'],
  },
];

(lacks ? describe.skip : describe)('an instance', () => {
  beforeAll(() => void compiled('harness/nat/server.ts'), COMPILE_MS);
  afterAll(() => {
    NatNetwork.removeAll();
    removeRunFolder();
  });

  it.each(sampleOf(ROWS, ONE_OF))(
    '$what watches the graph, and is connected whoever asks',
    async ({ options, port, ends, paths }) => {
      const cell = await Cell.make(options, undefined, port);
      try {
        for (const [from, to] of [ends, [ends[1], ends[0]] as const]) {
          const outcomes = await Promise.all(
            TRANSPORTS.map((transport, at) => {
              return cell.connect(transport, from, to, { hold: true, settles: paths[at] === 'direct' });
            }),
          );
          expect(outcomes.map(({ path, error }) => ({ path, error }))).toEqual(
            paths.map((path) => ({ path, error: undefined })),
          );
          await Promise.all(TRANSPORTS.map((transport) => cell.linked(transport, from, to, true)));
        }
        const proxied = options.fences?.a === 'proxy' ? [expect.stringContaining(':8768')] : [];
        expect(cell.proxied).toEqual(expect.arrayContaining(proxied));
      } finally {
        cell.remove();
      }
    },
    CELL_MS,
  );

  (hasMapper() ? it : it.skip)(
    'is reached directly over TCP through a port that its router maps, although it could only be relayed',
    async () => {
      const cell = await Cell.make({ routers: { a: edm, b: edm }, mappers: ['a'] });
      try {
        for (const [from, to] of [
          ['a', 'b'],
          ['b', 'a'],
        ] as const) {
          const outcome = await cell.connect('tcp', from, to, { hold: true });
          expect([outcome.error, outcome.path]).toEqual([undefined, 'direct']);
          const talked = await cell.talk(from, outcome.held, 3 << 20);
          expect([talked.error, talked.path]).toEqual([undefined, 'direct']);
        }
      } finally {
        cell.remove();
      }
    },
    CELL_MS,
  );

  it(
    'goes on with a connection while a proxy ends what is idle',
    async () => {
      const routers = { a: apdf, b: apdf };
      const cell = await Cell.make({ routers, fences: { a: 'proxy' }, proxyIdleMs: PROXY_IDLE_MS });
      try {
        const { held, path } = await cell.connect('tcp', 'a', 'b', { hold: true, settles: false });
        expect(path).toBe('relayed');
        for (let idle = 0; idle < 2; idle++) {
          const before = cell.proxied.length;
          // Tries for a direct path keep it busy at first; an attachment that was cut comes back over another connection.
          while (cell.proxied.length === before)
            await new Promise((resolve) => setTimeout(resolve, PROXY_IDLE_MS / 10));
          const talked = await cell.talk('a', held, 3 << 20);
          expect([talked.error, talked.path]).toEqual([undefined, 'relayed']);
        }
      } finally {
        cell.remove();
      }
    },
    CELL_MS,
  );
});

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Http2Session, type Http2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SEED } from '../../../harness/seed.js';
import { StreamTable, tableStreams } from '../../../src/grpc/http2/stream-table.js';

const MAJOR = Number.parseInt(process.versions.node, 10);
/** What a call leaves in the old generation: 180 with the table, 1,390 with node's own Map. */
const PROMOTED_BYTES_MAX = 500;
const HEAP = ['--initial-old-space-size=1024', '--min-semi-space-size=16', '--max-semi-space-size=16'];

async function promotedBytes(): Promise<number> {
  const program = ['--import', './harness/typescript.mjs', 'test/grpc/http2/promotion.ts'];
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', ...HEAP, ...program]);
  return Number(stdout);
}

describe('the streams of a session', () => {
  it('are kept as a Map would keep them', () => {
    const id = fc.integer({ min: 1, max: 12 });
    const action = fc.oneof(
      fc.record({ kind: fc.constant('set' as const), id }),
      fc.record({ kind: fc.constant('delete' as const), id }),
    );
    fc.assert(
      fc.property(fc.array(action), (actions) => {
        const table = new StreamTable();
        const map = new Map<number, Http2Stream>();
        for (const { kind, id } of actions) {
          if (kind === 'delete') expect(table.delete(id)).toBe(map.delete(id));
          else {
            const stream = { id } as Http2Stream;
            table.set(id, stream);
            map.set(id, stream);
          }
          expect(table.size).toBe(map.size);
          expect(table.get(id)).toBe(map.get(id));
        }
        const all: Http2Stream[] = [];
        table.forEach((stream) => void all.push(stream));
        expect(new Set(all)).toEqual(new Set(map.values()));
      }),
      { seed: SEED },
    );
  });

  it('are gone through without those that are deleted meanwhile', () => {
    const table = new StreamTable();
    for (const id of [1, 3, 5]) table.set(id, { id } as Http2Stream);
    const seen: (number | undefined)[] = [];
    table.forEach(({ id }) => {
      seen.push(id);
      table.delete(3);
    });
    expect(seen).toEqual([1, 5]);
  });

  it('are in the table of a session of this version of node, which ends all of them with the session', async () => {
    const server = createServer();
    const isTabled: boolean[] = [];
    const closed: Promise<unknown>[] = [];
    server.on('session', (session: Http2Session) => {
      isTabled.push(tableStreams(session));
      session.once('stream', () => setImmediate(() => session.destroy()));
    });
    server.on('stream', (stream) => {
      stream.on('error', () => {});
      closed.push(once(stream, 'close'));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    client.on('error', () => {});
    for (let at = 0; at < 3; at++) client.request({ ':path': '/' }).on('error', () => {});
    await once(client, 'close');
    await Promise.all(closed);
    expect([isTabled, closed.length]).toEqual([[true], 3]);
    server.close();
  });

  // Node 24 promotes as much with the table as without it.
  (MAJOR < 24 ? it : it.skip)('leave nothing in the old generation when their calls are over', async () => {
    expect(await promotedBytes()).toBeLessThan(PROMOTED_BYTES_MAX);
  });
});

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DEFAULT_STREAM_PARAMS } from '../../../src/core/model/stream.js';
import type { Row } from '../../../src/core/store/snapshot.js';
import { decodeChunks, encodeChunks } from '../../../src/journal/format/chunk.js';
import { FORMAT_VERSION, FrameKind, formatOf, seal } from '../../../src/journal/format/frame.js';
import type { StoredSnapshot } from '../../../src/journal/journal.js';
import { CHUNK_BYTES_MAX, GROUPS_A_TURN, ROWS_ENCODED_MAX } from '../../../src/journal/limits.js';
import { limitsRow, metaRow, ROWS } from '../arbitrary.js';

const META: Row = {
  kind: 'meta',
  epoch: 'e',
  revision: 7,
  serverSid: 257,
  serverUuid: 'u',
  streamCursor: 3,
  atMs: undefined,
  sidCursors: [{ pool: 2, base: 5 }],
};

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

async function rowsOf(snapshot: StoredSnapshot): Promise<Row[]> {
  return (await all(decodeChunks(snapshot))).flatMap((rows) => [...rows]);
}

/** The parts of a snapshot at revision 7, as they would come from a journal. */
function stored(parts: readonly Uint8Array[], revision = 7): StoredSnapshot {
  return {
    revision,
    async *chunks() {
      yield* parts;
    },
  };
}

/** The format of a row that builds without identities, or without other servers, would take for another; 0 of others. */
function laterFormat(row: Row): number {
  if (row.kind === 'server' || (row.kind === 'session' && row.session.home !== undefined)) return 4;
  if (row.kind === 'session') return row.session.keyId === undefined ? 0 : 3;
  const kinds = ['identity', 'policy', 'ticket', 'anchors'];
  return kinds.includes(row.kind) || (row.kind === 'ended' && row.reason === 5) ? 3 : 0;
}

describe('a snapshot', () => {
  it.each(Object.entries(ROWS))('gives back every row of kind %s as it went in', async (_, rows) => {
    await fc.assert(
      fc.asyncProperty(metaRow(7), limitsRow, fc.array<Row>(rows), async (meta, limits, rest) => {
        const parts = await all(encodeChunks(7, [meta, limits, ...rest]));
        expect(await rowsOf(stored(parts))).toStrictEqual([meta, limits, ...rest]);
        const needed = parts.map((_, at) => (at === 0 ? 2 : 1));
        const later = Math.max(0, ...rest.map(laterFormat));
        if (later === 0) expect(parts.map(formatOf)).toEqual(needed);
        else expect(Math.max(...parts.map(formatOf))).toBe(later);
      }),
    );
  });

  it('gives back rows of all kinds in the order they came in, whatever it was', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(...Object.values(ROWS))), async (rest) => {
        const parts = await all(encodeChunks(7, [META, ...rest]));
        expect(await rowsOf(stored(parts))).toStrictEqual([META, ...rest]);
      }),
    );
  });

  it('is cut into parts of a bounded size, and loses nothing at the cuts', async () => {
    const rows: Row[] = [META];
    for (let sid = 1; sid <= 50_000; sid++) rows.push({ kind: 'settled', sid, orderId: `o${sid}` });
    const parts = await all(encodeChunks(7, rows));
    expect(parts.length).toBeGreaterThan(1);
    for (const part of parts) expect(part.length).toBeLessThanOrEqual(CHUNK_BYTES_MAX + 6);
    expect(await rowsOf(stored(parts))).toStrictEqual(rows);
  });

  it('rests after so many rows, within a part as well, and is the same with rests as without', async () => {
    const rows: Row[] = [META];
    for (let sid = 1; sid < 10_000; sid++) rows.push({ kind: 'settled', sid, orderId: `o${sid}` });
    let rests = 0;
    const rest = async () => void rests++;
    const parts = await all(encodeChunks(7, rows, rest));
    expect(rests).toBe(Math.floor(rows.length / (ROWS_ENCODED_MAX * GROUPS_A_TURN)));
    expect(parts).toEqual(await all(encodeChunks(7, rows)));
  });

  it('stores rows that are larger than a part, as few together as are encoded in one go', async () => {
    const body = { kind: 'terminate' as const, reason: '' };
    const order: Row = { kind: 'order', order: { id: 'x'.repeat(CHUNK_BYTES_MAX), sid: 1, deadlineMs: 1, body } };
    const rows = [META, ...Array.from({ length: ROWS_ENCODED_MAX + 1 }, () => order)];
    const parts = await all(encodeChunks(7, rows));
    expect(parts.length).toBe(3);
    expect(await rowsOf(stored(parts))).toStrictEqual(rows);
  });

  it('gives all streams with default parameters one object for them', async () => {
    const stream = { id: 1, owner: 2, sinks: [], params: { ...DEFAULT_STREAM_PARAMS, labels: {} }, revision: 3 };
    const [, row] = await rowsOf(stored(await all(encodeChunks(7, [META, { kind: 'stream', stream }]))));
    expect(row).toMatchObject({ kind: 'stream', stream: { id: 1 } });
    expect(row.kind === 'stream' && row.stream.params).toBe(DEFAULT_STREAM_PARAMS);
  });

  it('is damaged, with its revision, when any bit of a part is another', async () => {
    const [part] = await all(encodeChunks(7, [META]));
    for (let bit = 0; bit < part.length * 8; bit++) {
      const bytes = Buffer.from(part);
      bytes[bit >> 3] ^= 1 << (bit & 7);
      await expect(rowsOf(stored([bytes]))).rejects.toMatchObject({ kind: 'damaged', revision: 7 });
    }
  });

  it('is damaged when parts stand in another order, or in a snapshot of another revision', async () => {
    const parts = await all(encodeChunks(7, [META, { kind: 'settled', sid: 1, orderId: '' }, META]));
    expect(parts.length).toBe(2);
    const swapped = rowsOf(stored([parts[1], parts[0]]));
    await expect(swapped).rejects.toMatchObject({ kind: 'damaged', revision: 7 });
    await expect(rowsOf(stored(parts, 8))).rejects.toMatchObject({ kind: 'damaged', revision: 8 });
  });

  it('is damaged when its first row is not that of its revision', async () => {
    const parts = await all(encodeChunks(8, [META]));
    await expect(rowsOf(stored(parts, 8))).rejects.toMatchObject({ kind: 'damaged', revision: 8 });
  });

  it('of a newer version, or with an order that only a newer build knows, is refused', async () => {
    const newer = seal(FrameKind.CHUNK, { revision: 7, part: 0 }, Buffer.from('anything'), FORMAT_VERSION + 1);
    await expect(rowsOf(stored([newer]))).rejects.toMatchObject({ kind: 'version', revision: 7 });
    const unknown = seal(
      FrameKind.CHUNK,
      { revision: 7, part: 0 },
      Buffer.from('0a0210073202 5200'.replace(' ', ''), 'hex'),
    );
    await expect(rowsOf(stored([unknown]))).rejects.toMatchObject({ kind: 'version', revision: 7 });
    const message = expect.stringContaining('holds a kind of row or a field, which this build does not know');
    const later = seal(FrameKind.CHUNK, { revision: 7, part: 0 }, Buffer.from('0a021007a20600', 'hex'));
    await expect(rowsOf(stored([later]))).rejects.toMatchObject({ kind: 'version', revision: 7, message });
  });

  it.each([
    ['1a0608011002 1809', 'the value 9 of LinkRow.link'],
    ['2a0608011002 1809', 'the value 9 of LinkReportRow.link'],
    ['4204 0801 1009', 'the value 9 of EndedSessionRow.reason'],
    ['320b 0a016f 1002 2a04 0801 1009', 'the value 9 of ConnectionBody.role'],
    ['4a02 3809', 'the value 9 of ConnectionRow.state'],
  ])('with a row %s is refused, as it holds %s', async (row, part) => {
    const content = Buffer.from(`0a021007${row.replaceAll(' ', '')}`, 'hex');
    const chunk = seal(FrameKind.CHUNK, { revision: 7, part: 0 }, content);
    const message = expect.stringContaining(`holds ${part}, which this build does not know`);
    await expect(rowsOf(stored([chunk]))).rejects.toMatchObject({ kind: 'version', revision: 7, message });
  });
});

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Command as CommandMessage } from '../../../gen/switchyard/journal/v1/command.js';
import { SnapshotChunk } from '../../../gen/switchyard/journal/v1/snapshot.js';
import type { Row } from '../../../src/core/store/snapshot.js';
import { encodeChunks } from '../../../src/journal/format/chunk.js';
import { RowReader, readCommand } from '../../../src/journal/format/decode-fast.js';
import { decodeRecord, encodeRecord } from '../../../src/journal/format/record.js';
import { COMMANDS, metaRow, ROWS } from '../arbitrary.js';

const HEAD_BYTES = 6;
const plain = fc.oneof(COMMANDS.OpenSession, COMMANDS.CloseSession, COMMANDS.ReportLink);
const row = fc.oneof(ROWS.session, ROWS.link);

/** The content of the second part of a snapshot: these rows alone. */
async function contentOf(rows: readonly Row[]): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of encodeChunks(7, rows)) parts.push(part.subarray(HEAD_BYTES));
  return Buffer.concat(parts);
}

describe('a command read by hand', () => {
  it('is the one that was stored, where it is one of the three', () => {
    fc.assert(
      fc.property(plain, (command) => {
        const content = encodeRecord(1, command).bytes.subarray(HEAD_BYTES);
        const isPlain = !('brokered' in command) || command.brokered === undefined;
        expect(readCommand(content)).toEqual(isPlain ? command : undefined);
      }),
    );
  });

  it('is left to the generated decoder where it is any other', () => {
    const { OpenSession, CloseSession, ReportLink, ...others } = COMMANDS;
    fc.assert(
      fc.property(fc.oneof(...Object.values(others)), (command) => {
        expect(readCommand(encodeRecord(1, command).bytes.subarray(HEAD_BYTES))).toBeUndefined();
      }),
    );
  });

  it('is never read from less than all of it, nor from other bytes, and nothing throws', () => {
    fc.assert(
      fc.property(plain, fc.nat(), fc.integer({ min: 1, max: 255 }), (command, place, flip) => {
        const content = encodeRecord(1, command).bytes.subarray(HEAD_BYTES);
        expect(readCommand(content.subarray(0, place % content.length))).toBeUndefined();
        const other = Uint8Array.from(content);
        other[place % content.length] ^= flip;
        const read = readCommand(other);
        // What it understands in spite of that, it understands as the generated decoder does.
        if (read === undefined) return;
        const { kind } = CommandMessage.decode(other);
        const value = kind!.value as unknown as Record<string, unknown>;
        for (const [name, number] of Object.entries(read)) {
          if (typeof number === 'number') expect(Number(value[name])).toBe(number);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('keeps a name that begins with a byte order mark, which decoders like to drop', () => {
    const session = { ...openSession('\uFEFFname'), labels: { '\uFEFFkey': '\uFEFFvalue' } };
    const stream = { kind: 'UpdateStreamParams', sid: 1, id: 8, params: { name: '\uFEFFname' } } as const;
    for (const command of [session, stream]) expect(decodeRecord(encodeRecord(1, command))).toEqual(command);
  });

  it('gives up numbers that no double holds', () => {
    const message = CommandMessage.encode({
      kind: {
        $case: 'openSession',
        value: {
          ...openSession('n'),
          ...{ labels: [], tokenHash: Buffer.alloc(0), atMs: 2n ** 60n },
          ...{ server: 0, identity: '', binding: Buffer.alloc(0), bindKey: Buffer.alloc(0) },
        },
      },
    }).finish();
    expect(readCommand(message)).toBeUndefined();
  });
});

function openSession(name: string) {
  const about = { uuid: 'u', type: 2, flavor: 0, ttlMs: 1_000, labels: {}, tokenHash: '', atMs: 5 };
  return { kind: 'OpenSession', name, ...about } as const;
}

describe('rows read by hand', () => {
  it('are those that were stored, up to the first that is neither a session nor a link', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1 }), fc.array(ROWS.order), async (rows, orders) => {
        const content = await contentOf([...rows, ...orders]);
        const reader = new RowReader(content);
        expect([...reader]).toStrictEqual(rows);
        expect(SnapshotChunk.decode(content.subarray(reader.at))).toEqual(
          SnapshotChunk.decode(await contentOf(orders)),
        );
      }),
    );
  });

  it('are none where the meta row stands first', async () => {
    await fc.assert(
      fc.asyncProperty(metaRow(7), row, async (meta, after) => {
        const reader = new RowReader(await contentOf([meta, after]));
        expect([[...reader], reader.at]).toEqual([[], 0]);
      }),
    );
  });

  it('end before the one that is cut, or that has a field which nobody knows', async () => {
    await fc.assert(
      fc.asyncProperty(row, row, fc.nat(), async (whole, cut, place) => {
        const [first, second] = [await contentOf([whole]), await contentOf([cut])];
        for (const bad of [second.subarray(0, place % second.length), extended(second)]) {
          const reader = new RowReader(Buffer.concat([first, bad]));
          expect([...reader]).toStrictEqual([whole]);
          expect(reader.at).toBe(first.length);
        }
      }),
    );
  });
});

/** A row with one more field, number 15: a varint. */
function extended(content: Uint8Array): Uint8Array {
  let at = 1;
  while (content[at] >= 0x80) at++;
  const row = Buffer.concat([content.subarray(at + 1), Buffer.of(0x78, 1)]);
  const length: number[] = [];
  for (let left = row.length; ; left >>>= 7) {
    length.push(left >= 0x80 ? (left & 0x7f) | 0x80 : left);
    if (left < 0x80) break;
  }
  return Buffer.concat([content.subarray(0, 1), Buffer.from(length), row]);
}

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { encodeBody, interpretBody, interpretEncoding } from '../../../src/system/codec/body.js';
import { ByteWriter } from '../../../src/system/codec/bytes.js';
import { compile } from '../../../src/system/codec/compile.js';
import { EVENTS } from '../../../src/system/codec/event.js';
import type { EventType } from '../../../src/system/codec/event-type.js';
import type { Table } from '../../../src/system/codec/field.js';
import { Flaw } from '../../../src/system/codec/flaw.js';
import { bodyOf } from './arbitrary.js';
import { mutated, randomOf } from './mutation.js';

const tables = (Object.values(EVENTS) as EventType[]).flatMap(({ table, answerTable }): Table[] =>
  answerTable === undefined ? [table] : [table, answerTable],
);
const tableAndBody = fc.constantFrom(...tables).chain((table) => fc.tuple(fc.constant(table), bodyOf(table)));

describe('A compiled table', () => {
  it('writes what the interpreter writes', () => {
    fc.assert(
      fc.property(tableAndBody, ([table, body]) => {
        const [fast, slow] = [new ByteWriter(), new ByteWriter()];
        expect(compile(table).encode(fast, body)).toBe(true);
        interpretEncoding(table, slow, body as never);
        expect(fast.finish()).toEqual(slow.finish());
      }),
      { numRuns: 500 },
    );
  });

  it('reads what the interpreter reads, and gives up exactly where that finds a flaw', () => {
    let flaws = 0;
    fc.assert(
      fc.property(tableAndBody, fc.nat(), ([table, body], seed) => {
        const writer = new ByteWriter();
        encodeBody(table, writer, body as never);
        const bytes = writer.finish();
        const random = randomOf(seed);
        for (const input of [bytes, ...Array.from({ length: 8 }, () => mutated(bytes, random))]) {
          const slow = interpretBody(table, input, 0, input.length);
          const fast = compile(table).decode(input, 0, input.length);
          if (slow instanceof Flaw) flaws++;
          expect(fast).toStrictEqual(slow instanceof Flaw ? undefined : slow);
        }
      }),
      { numRuns: 500 },
    );
    expect(flaws).toBeGreaterThan(100);
  });

  it('leaves it to the interpreter to refuse a value', () => {
    const writer = new ByteWriter();
    writer.u8(1);
    const { table } = EVENTS.TerminateStream;
    expect(() => encodeBody(table, writer, { id: -1 })).toThrow('TerminateStream.id');
  });
});

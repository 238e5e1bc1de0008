import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { lengthTag, varintTag } from '../../src/protowire/tag.js';
import { WireWriter } from '../../src/protowire/writer.js';

/** A message as a tree. */
type Field = { tag: number } & ({ number: number } | { always: number } | { text: string } | { fields: Field[] });

const number = fc.oneof(fc.nat(300), fc.nat(), fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }));
const text = fc.oneof(fc.string({ maxLength: 20 }), fc.string({ unit: 'grapheme', maxLength: 400 }));
const { message } = fc.letrec<{ message: Field[]; field: Field }>((tie) => ({
  message: fc.array(tie('field'), { maxLength: 6 }),
  field: fc.oneof(
    { maxDepth: 4 },
    fc.record({ tag: fc.constantFrom(varintTag(1), varintTag(10), varintTag(511)), number }),
    fc.record({ tag: fc.constant(varintTag(2)), always: number }),
    fc.record({ tag: fc.constantFrom(lengthTag(1), lengthTag(12)), text }),
    fc.record({ tag: fc.constantFrom(lengthTag(3), lengthTag(128)), fields: tie('message') }),
  ),
}));

function write(writer: WireWriter, fields: readonly Field[]): void {
  for (const field of fields) {
    if ('number' in field) writer.number(field.tag, field.number);
    else if ('always' in field) writer.numberAlways(field.tag, field.always);
    else if ('text' in field) writer.text(field.tag, field.text);
    else {
      const start = writer.open(field.tag);
      write(writer, field.fields);
      writer.close(start);
    }
  }
}

function writeAsGenerated(writer: BinaryWriter, fields: readonly Field[]): BinaryWriter {
  for (const field of fields) {
    if ('number' in field) {
      if (field.number !== 0) writer.uint32(field.tag).uint64(BigInt(field.number));
    } else if ('always' in field) writer.uint32(field.tag).uint64(BigInt(field.always));
    else if ('text' in field) {
      if (field.text !== '') writer.uint32(field.tag).string(field.text);
    } else {
      writeAsGenerated(writer.uint32(field.tag).fork(), field.fields).join();
    }
  }
  return writer;
}

describe('the writer', () => {
  it('writes what the generated encoders write, one message after the other', () => {
    const writer = new WireWriter();
    fc.assert(
      fc.property(message, (fields) => {
        write(writer, fields);
        expect(Buffer.from(writer.finish())).toEqual(
          Buffer.from(writeAsGenerated(new BinaryWriter(), fields).finish()),
        );
      }),
    );
  });

  it('begins anew when it is cleared in the midst of a message', () => {
    const writer = new WireWriter();
    writer.open(lengthTag(1));
    writer.text(lengthTag(1), 'half');
    writer.clear();
    writer.number(varintTag(1), 1);
    expect([...writer.finish()]).toEqual([8, 1]);
  });

  it('finds room for messages of any size, also within each other', () => {
    const writer = new WireWriter();
    for (const length of [0, 1, 126, 127, 128, 129, 4_095, 4_096, 16_383, 16_384, 3_000_000]) {
      const inner: Field = { tag: lengthTag(3), fields: [{ tag: lengthTag(1), text: 'x'.repeat(length) }] };
      const fields: Field[] = [{ tag: lengthTag(3), fields: [inner, { tag: varintTag(2), always: 0 }] }];
      write(writer, fields);
      // Compared as one block of memory: `toEqual` takes seconds for 3 MB, as it looks at each byte.
      const generated = writeAsGenerated(new BinaryWriter(), fields).finish();
      expect({ length, isSame: Buffer.compare(writer.finish(), generated) === 0 }).toEqual({ length, isSame: true });
    }
  });
});

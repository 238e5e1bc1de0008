import { WireType } from '@bufbuild/protobuf/wire';
import { describe, expect, it } from '@jest/globals';
import { lengthTag, varintTag } from '../../src/protowire/tag.js';

describe('the tag of a field', () => {
  it.each([1, 2, 15, 16, 2_047, 268_435_455])(
    'of number %i is the number and the wire type of the library',
    (field) => {
      expect(varintTag(field)).toBe((field << 3) | WireType.Varint | 0);
      expect(lengthTag(field)).toBe((field << 3) | WireType.LengthDelimited | 0);
    },
  );

  it('is what a message of Protobuf begins with', () => {
    // From https://protobuf.dev/programming-guides/encoding: field 1 as the number 150, field 2 as the text "testing".
    expect(Buffer.from('089601', 'hex')[0]).toBe(varintTag(1));
    expect(Buffer.from('120774657374696e67', 'hex')[0]).toBe(lengthTag(2));
  });
});

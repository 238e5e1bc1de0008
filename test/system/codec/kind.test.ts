import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ByteReader, ByteWriter } from '../../../src/system/codec/bytes.js';
import * as kinds from '../../../src/system/codec/kind.js';

function written<T>(kind: kinds.Kind<T>, value: T): Uint8Array | undefined {
  const writer = new ByteWriter();
  return kind.write(writer, value) ? writer.finish() : undefined;
}

function read<T>(kind: kinds.Kind<T>, ...bytes: number[]): unknown {
  return kind.read(Uint8Array.from(bytes), 0, bytes.length);
}

describe('Text', () => {
  const text = kinds.text();

  it('is refused where it is not UTF-8 in its shortest form, also when it is long', () => {
    const wrong = [[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82], [0x80]];
    for (const bytes of wrong) {
      expect(read(text, ...bytes)).toBeUndefined();
      expect(read(text, ...new Array<number>(60).fill(65), ...bytes)).toBeUndefined();
    }
  });

  it('keeps a byte order mark, a zero and everything else', () => {
    expect(read(text, 0xef, 0xbb, 0xbf, 0x41)).toBe('\ufeffA');
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 100 }), (value) => {
        expect(read(text, ...written(text, value)!)).toBe(value);
      }),
    );
  });

  it('writes a lone surrogate as U+FFFD', () => {
    expect(written(text, 'a\ud800')).toEqual(Uint8Array.of(0x61, 0xef, 0xbf, 0xbd));
  });
});

describe('A number', () => {
  it('is refused beyond what it can be in every language', () => {
    expect(read(kinds.u64, 0, 0x20, 0, 0, 0, 0, 0, 0)).toBeUndefined();
    expect(read(kinds.u64, 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)).toBe(Number.MAX_SAFE_INTEGER);
    expect(read(kinds.id, 0x80, 0, 0, 0)).toBeUndefined();
    expect(read(kinds.u32, 0xff, 0xff, 0xff, 0xff)).toBe(0xffffffff);
    expect(read(kinds.bool, 2)).toBeUndefined();
  });

  it('is not written when its kind cannot hold it', () => {
    for (const value of [-1, 0.5, Number.NaN, 256]) expect(written(kinds.u8, value)).toBeUndefined();
    expect(written(kinds.u16, 0x10000)).toBeUndefined();
    expect(written(kinds.u32, 2 ** 32)).toBeUndefined();
    expect(written(kinds.u64, 2 ** 53)).toBeUndefined();
  });
});

describe('A UUID', () => {
  it('is 16 bytes, read in lower case and written from either', () => {
    const bytes = written(kinds.uuid, '5F1C9A20-7d3e-4b8a-9c41-2e6f0d8b7a13');
    expect(bytes).toEqual(Uint8Array.from(Buffer.from('5f1c9a207d3e4b8a9c412e6f0d8b7a13', 'hex')));
    expect(read(kinds.uuid, ...bytes!)).toBe('5f1c9a20-7d3e-4b8a-9c41-2e6f0d8b7a13');
  });

  it('is not written from anything else', () => {
    const wrong = ['', '5f1c9a20', '5f1c9a2007d3e04b8a09c4102e6f0d8b7a13', '5f1c9a20-7d3e-4b8a-9c41-2e6f0d8b7a1g'];
    for (const value of [...wrong, '5f1c9a20-7d3e-4b8a-9c41-2e6f0d8b7a1\u0130']) {
      expect(written(kinds.uuid, value)).toBeUndefined();
    }
  });
});

describe('A byte reader', () => {
  it('moves over what is there and stays where too little is left', () => {
    const reader = new ByteReader(Uint8Array.of(1, 2, 3));
    expect(reader.take(2)).toBe(0);
    expect(reader.take(2)).toBe(-1);
    expect(reader.left).toBe(1);
    expect(reader.take(1)).toBe(2);
  });
});

describe('A byte writer', () => {
  it('grows, and begins anew after each finish', () => {
    const writer = new ByteWriter();
    writer.bytes(new Uint8Array(5000).fill(7));
    expect(writer.finish()).toHaveLength(5000);
    writer.text('é'.repeat(400));
    expect(writer.finish()).toHaveLength(800);
    expect(writer.finish()).toHaveLength(0);
  });
});

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SEED } from '../../../harness/seed.js';
import { CarrierFrameKind } from '../../../src/client/carrier/carrier.js';
import { CarrierFrameReader, frameHead } from '../../../src/client/carrier/frame.js';

const alive = frameHead(CarrierFrameKind.ALIVE, 0);

describe('frames', () => {
  it(`are read whatever they are cut into (seed ${SEED})`, () => {
    const payloads = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 12 });
    const cuts = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(payloads, cuts, (all, sizes) => {
        const whole = Buffer.concat(
          all.flatMap((bytes) => [frameHead(CarrierFrameKind.DATA, bytes.length), bytes, alive]),
        );
        const reader = new CarrierFrameReader();
        const read: Buffer[] = [];
        for (let at = 0, turn = 0; at < whole.length; turn++) {
          const size = sizes[turn % sizes.length]!;
          for (const frame of reader.read(whole.subarray(at, at + size))) if ('bytes' in frame) read.push(frame.bytes);
          at += size;
        }
        expect(Buffer.concat(read)).toEqual(Buffer.concat(all));
      }),
      { seed: SEED },
    );
  });

  it.each([
    ['of an unknown kind', 'ff000000'],
    ['of the relay', '01000004'],
    ['that are signs of life with bytes', '02000001'],
    ['that are too long', '00100001'],
    ['that are ends with bytes', '03000001'],
  ])('%s are none', (_, hex) => {
    expect(() => new CarrierFrameReader().read(Buffer.from(hex, 'hex'))).toThrow('which none has');
  });

  it('end once, wherever they are cut, and only signs of life follow', () => {
    const reader = new CarrierFrameReader();
    const whole = Buffer.from('0000000161' + '03000000' + '02000000', 'hex');
    const kinds = [...whole].flatMap((byte) => reader.read(Buffer.of(byte)).map(({ kind }) => kind));
    expect(kinds).toEqual([CarrierFrameKind.DATA, CarrierFrameKind.END]);
    for (const more of ['00000000', '03000000']) {
      const ended = new CarrierFrameReader();
      ended.read(Buffer.from('03000000', 'hex'));
      expect(() => ended.read(Buffer.from(more, 'hex'))).toThrow('sends more after it has said that it is done');
    }
  });
});

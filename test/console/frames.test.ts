import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  messageHead,
  readPageFrame,
  readServerFrame,
  writeEnd,
  writePageFrame,
  writeTick,
} from '../../src/console/frames.js';

const call = fc.integer({ min: 0, max: 0xffff_ffff });
const bytes = fc.uint8Array({ maxLength: 200 });
/** TextDecoder makes replacement characters of halves of pairs, so they are not among what is written. */
const text = fc.string({ unit: 'grapheme', maxLength: 60 });

describe('the frames of a page', () => {
  it('are read as they were written, and cut short they are none', () => {
    fc.assert(
      fc.property(call, text, bytes, (number, path, request) => {
        const frame = { kind: 'open', call: number, path, request } as const;
        const written = writePageFrame(frame);
        expect(readPageFrame(written)).toEqual(frame);
        const headAndPath = written.length - request.length;
        for (let length = 0; length < headAndPath; length++) {
          expect(readPageFrame(written.subarray(0, length))).toBeUndefined();
        }
      }),
      { numRuns: 100 },
    );
  });

  it('cancel a call by its number alone', () => {
    fc.assert(
      fc.property(call, (number) => {
        expect(readPageFrame(writePageFrame({ kind: 'cancel', call: number }))).toEqual({
          kind: 'cancel',
          call: number,
        });
      }),
    );
  });

  it('are never read as something by accident: any bytes are a frame or undefined', () => {
    fc.assert(
      fc.property(bytes, (any) => {
        const frame = readPageFrame(any);
        if (frame !== undefined) expect(['open', 'cancel']).toContain(frame.kind);
        readServerFrame(any);
      }),
    );
  });
});

describe('the frames of the server', () => {
  it('are read as they were written', () => {
    fc.assert(
      fc.property(call, bytes, text, fc.integer({ min: 0, max: 16 }), (number, message, words, code) => {
        const whole = Buffer.concat([messageHead(number), message]);
        expect(readServerFrame(whole)).toEqual({ kind: 'message', call: number, bytes: Buffer.from(message) });
        const end = { code, message: words, details: message };
        expect(readServerFrame(writeEnd(number, end))).toEqual({ kind: 'end', call: number, ...end });
      }),
    );
    expect(readServerFrame(writeTick())).toEqual({ kind: 'tick' });
  });
});

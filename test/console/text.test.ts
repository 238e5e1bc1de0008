import { describe, expect, it } from '@jest/globals';
import { count, momentWord, timeWord } from '../../console/src/text.js';

describe("the page's words for a moment", () => {
  it('are ISO 8601, and a question mark for a moment beyond the calendar, which a server can say', () => {
    expect([0, 1_500, 8.64e15, 8.64e15 + 1, Number.MAX_SAFE_INTEGER, Number.NaN].map(momentWord)).toEqual([
      ...['1970-01-01T00:00:00.000Z', '1970-01-01T00:00:01.500Z', '+275760-09-13T00:00:00.000Z', '?', '?', '?'],
    ]);
  });
});

describe("the page's numbers and times", () => {
  it('are written as British English has them, without what a browser takes for its own words', () => {
    const numbers = [0, 7, 999, 1_000, 48_211, 1_234_567, Number.MAX_SAFE_INTEGER, -1_000];
    expect(numbers.map(count)).toEqual(numbers.map((number) => number.toLocaleString('en-GB')));
    const moments = [0, 1_500, 86_399_000, 1_700_000_000_000];
    expect(moments.map(timeWord)).toEqual(moments.map((ms) => new Date(ms).toLocaleTimeString('en-GB')));
  });
});

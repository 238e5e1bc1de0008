import { describe, expect, it } from '@jest/globals';
import { momentWord } from '../../console/src/text.js';

describe("the page's words for a moment", () => {
  it('are ISO 8601, and a question mark for a moment beyond the calendar, which a server can say', () => {
    expect([0, 1_500, 8.64e15, 8.64e15 + 1, Number.MAX_SAFE_INTEGER, Number.NaN].map(momentWord)).toEqual([
      ...['1970-01-01T00:00:00.000Z', '1970-01-01T00:00:01.500Z', '+275760-09-13T00:00:00.000Z', '?', '?', '?'],
    ]);
  });
});

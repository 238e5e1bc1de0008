import { describe, expect, it } from '@jest/globals';
import { countWord, pauseMs, readList } from '../../console/src/model/list.js';

/** A list of so many pages of two items each, and the tokens that it was asked with. */
function listOf(pages: number) {
  const asked: string[] = [];
  const askPage = async ({ pageToken }: { readonly pageToken: string }) => {
    asked.push(pageToken);
    const page = Number(pageToken);
    return { items: [page * 2, page * 2 + 1], nextPageToken: page + 1 < pages ? String(page + 1) : '' };
  };
  return { asked, read: () => readList(askPage, ({ items }) => items) };
}

describe('a list that the page reads', () => {
  it('is whole up to 20 pages, and said to be cut beyond', async () => {
    const whole = listOf(20);
    expect(await whole.read()).toEqual({ items: Array.from({ length: 40 }, (_, at) => at), isCut: false, pages: 20 });
    const longer = listOf(21);
    expect(await longer.read()).toMatchObject({ isCut: true, pages: 20 });
    expect(longer.asked).toEqual(['', ...Array.from({ length: 19 }, (_, at) => String(at + 1))]);
    expect(
      await readList(
        async (): Promise<{ one: number; nextPageToken?: string }> => ({ one: 7 }),
        ({ one }) => [one],
      ),
    ).toEqual({ items: [7], isCut: false, pages: 1 });
  });

  it('is read less often the longer it is, and every 30 s at least', () => {
    expect([0, 1, 3, 20].map((pages) => pauseMs(5_000, pages))).toEqual([5_000, 5_000, 15_000, 30_000]);
  });

  it('has a count that says when it is not of all', () => {
    expect(countWord(1_234, 1_234, false)).toBe('1,234');
    expect(countWord(3, 1_234, false)).toBe('3 of 1,234');
    expect(countWord(20_000, 20_000, true)).toBe('the first 20,000');
    expect(countWord(3, 20_000, true)).toBe('3 of the first 20,000');
  });
});

import { count } from '../text.js';

/** What a page of a list has for the next one. */
export interface ListPage {
  /** Empty, or absent where a list has one page: this was the last. */
  readonly nextPageToken?: string;
}

/** What was read of a list. */
export interface ReadList<Item> {
  readonly items: readonly Item[];
  /** There is more than was read. */
  readonly isCut: boolean;
  readonly pages: number;
}

const PAGE_SIZE = 1_000;
/** Some megabytes of identities, which the server encodes and the page keeps: the command line reads longer lists. */
const PAGES_MAX = 20;
/** The longest pause: what is done in the page is to be seen in it soon. */
const PAUSE_MS_MAX = 30_000;

/** Reads a list page by page, up to 20,000 items. */
export async function readList<Page extends ListPage, Item>(
  askPage: (request: { readonly pageSize: number; readonly pageToken: string }) => Promise<Page>,
  itemsOf: (page: Page) => readonly Item[],
): Promise<ReadList<Item>> {
  const items: Item[] = [];
  let pageToken = '';
  let pages = 0;
  do {
    const page = await askPage({ pageSize: PAGE_SIZE, pageToken });
    for (const item of itemsOf(page)) items.push(item);
    pageToken = page.nextPageToken ?? '';
    pages++;
  } while (pageToken !== '' && pages < PAGES_MAX);
  return { items, isCut: pageToken !== '', pages };
}

/** How long to wait before a list is read again: longer for one of many pages. */
export function pauseMs(everyMs: number, pages: number): number {
  return Math.max(everyMs, Math.min(everyMs * pages, PAUSE_MS_MAX));
}

/** How many lines a table shows of those that were read, and whether there are more than those. */
export function countWord(shown: number, read: number, isCut: boolean): string {
  const all = isCut ? `the first ${count(read)}` : count(read);
  return shown === read ? all : `${count(shown)} of ${all}`;
}

import { signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { wordsOf } from '../actions.js';
import type { Method } from '../net/methods.js';
import { link } from '../state.js';

/** What was read last, and why it could not be read. */
export interface Polled<Item> {
  readonly items: readonly Item[];
  readonly isRead: boolean;
  readonly problem: string;
}

const PAGE_SIZE = 1_000;
const PAGES_MAX = 20;

/** Reads a list again and again while a view is open: the server has no watch of it. */
export function usePolled<Page extends { readonly nextPageToken?: string }, Item>(
  method: Method<Page>,
  itemsOf: (page: Page) => readonly Item[],
  everyMs: number,
): Polled<Item> {
  const [state] = useState(() => signal<Polled<Item>>({ items: [], isRead: false, problem: '' }));
  const role = link.role.value;
  const kind = link.state.value.kind;
  useEffect(() => {
    let timer = 0;
    let isOver = false;
    const read = async () => {
      if (document.visibilityState === 'visible' && link.state.peek().kind === 'open') {
        const next = await readAll(method, itemsOf, state.peek());
        if (isOver) return;
        state.value = next;
      }
      timer = setTimeout(() => void read(), everyMs);
    };
    void read();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [role, kind]);
  return state.value;
}

async function readAll<Page extends { readonly nextPageToken?: string }, Item>(
  method: Method<Page>,
  itemsOf: (page: Page) => readonly Item[],
  before: Polled<Item>,
): Promise<Polled<Item>> {
  try {
    const items: Item[] = [];
    let pageToken = '';
    for (let pages = 0; pages < PAGES_MAX; pages++) {
      const page = await link.ask(method, { pageSize: PAGE_SIZE, pageToken });
      items.push(...itemsOf(page));
      pageToken = page.nextPageToken ?? '';
      if (pageToken === '') break;
    }
    return { items, isRead: true, problem: '' };
  } catch (error) {
    return { ...before, problem: wordsOf(error) };
  }
}

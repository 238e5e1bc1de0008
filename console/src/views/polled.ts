import { signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { wordsOf } from '../actions.js';
import { type ListPage, pauseMs, type ReadList, readList } from '../model/list.js';
import type { Method } from '../net/methods.js';
import { acts } from '../outcome.js';
import { link } from '../state.js';

/** What was read last, and why it could not be read. */
export interface Polled<Item> extends ReadList<Item> {
  readonly isRead: boolean;
  readonly problem: string;
}

const NOTHING_READ = { items: [], isCut: false, pages: 0, isRead: false, problem: '' };

/** Reads a list again and again while a view is open: the server has no watch of it. */
export function usePolled<Page extends ListPage, Item>(
  method: Method<Page>,
  itemsOf: (page: Page) => readonly Item[],
  everyMs: number,
): Polled<Item> {
  const [state] = useState(() => signal<Polled<Item>>(NOTHING_READ));
  const role = link.role.value;
  const kind = link.state.value.kind;
  const done = acts.value;
  useEffect(() => {
    let timer = 0;
    let isOver = false;
    const read = async () => {
      let pages = 0;
      if (document.visibilityState === 'visible' && link.state.peek().kind === 'open') {
        const next = await readAnew(method, itemsOf, state.peek());
        if (isOver) return;
        state.value = next;
        ({ pages } = next);
      }
      timer = setTimeout(() => void read(), pauseMs(everyMs, pages));
    };
    void read();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [role, kind, done]);
  return state.value;
}

async function readAnew<Page extends ListPage, Item>(
  method: Method<Page>,
  itemsOf: (page: Page) => readonly Item[],
  before: Polled<Item>,
): Promise<Polled<Item>> {
  try {
    const list = await readList((request) => link.ask(method, request), itemsOf);
    return { ...list, isRead: true, problem: '' };
  } catch (error) {
    return { ...before, problem: wordsOf(error) };
  }
}

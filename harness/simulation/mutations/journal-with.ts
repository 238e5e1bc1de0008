import type { Journal } from '../../../src/journal/journal.js';

/** A journal of which some methods are others. */
export function journalWith(journal: Journal, methods: Partial<Journal>): Journal {
  return new Proxy(journal, {
    get: (target, key) => {
      const value = Reflect.get(methods, key) ?? Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

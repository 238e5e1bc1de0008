import { go, route } from '../route.js';
import { layout } from '../state.js';
import { count, many, printable } from '../text.js';
import { showGroup } from './graph.js';

/** Groups that are listed; the picture has all of them. */
const LISTED = 60;

/** The groups of the graph as a list, the largest first: the same as the picture for those who do not see it. */
export function Groups() {
  const grouped = layout.value?.grouped.value;
  if (grouped === undefined) return null;
  const { groups, bundles } = grouped;
  const links = new Map<number, number>();
  for (const { a, b, links: number } of bundles) {
    for (const id of [a, b]) links.set(id, (links.get(id) ?? 0) + number);
  }
  const { q } = route.value;
  return (
    <section class="groups">
      <h2>{many(groups.length, 'group')}</h2>
      <ul class="peers">
        {groups.slice(0, LISTED).map(({ id, name, size, query }) => (
          <li key={id}>
            <button type="button" class="plain" onClick={() => showGroup(id)}>
              {printable(name)}
            </button>
            <span class="muted">
              {count(size)} · {many(links.get(id) ?? 0, 'link')} out{' '}
              {query !== '' && (
                <button
                  type="button"
                  class="plain"
                  aria-label={`only ${printable(name)}`}
                  aria-pressed={q === query}
                  onClick={() => go({ q: q === query ? '' : query })}
                >
                  only
                </button>
              )}
            </span>
          </li>
        ))}
        {groups.length > LISTED && <li class="muted">and {groups.length - LISTED} smaller ones</li>}
      </ul>
    </section>
  );
}

import type { Part } from '../results.js';
import { GOALS } from './goals.js';
import { aligned, findResult, measuredText } from './page.js';

const BEGIN = '<!-- begin figures: made by npm run bench:report, not by hand -->';
const END = '<!-- end figures -->';

/** The README with the few figures that say most, as they were measured last. */
export function refreshedReadme(readme: string, parts: readonly Part[]): string {
  const [from, to] = [readme.indexOf(BEGIN), readme.indexOf(END)];
  if (from < 0 || to < from) throw new Error('the README has no part for the figures');
  const rows = GOALS.flatMap((goal) => {
    const found = goal.inReadme === undefined ? undefined : findResult(goal, parts);
    return found === undefined ? [] : [[goal.inReadme!, measuredText(found, goal.isShare)]];
  });
  const table = aligned([['', 'median (least–greatest)'], ...rows]);
  return `${readme.slice(0, from + BEGIN.length)}\n\n${table}\n\n${readme.slice(to)}`;
}

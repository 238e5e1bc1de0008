import { ETCD_PASSWORD_VARIABLE } from '../config/etcd-options.js';
import { environmentName } from '../config/option.js';
import { OPTIONS } from '../config/options.js';

const PREFIX = 'SWITCHYARD_';
/** Names that differ in more places than this are not misspellings of each other. */
const SLIPS_MAX = 2;

/** Variables that commands read, in addition to those of `serve`. */
const OF_COMMANDS = [
  'SWITCHYARD_SERVER',
  'SWITCHYARD_NETWORK',
  'SWITCHYARD_TICKET',
  'SWITCHYARD_OIDC_TOKEN',
  ETCD_PASSWORD_VARIABLE,
];

/** A line about each variable that looks like this program's but is unknown. */
export function unknownVariables(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = [...OF_COMMANDS, ...Object.values(OPTIONS).map(({ flag }) => environmentName(flag))];
  const unknown = Object.keys(env).filter((name) => name.startsWith(PREFIX) && !known.includes(name));
  return unknown.sort().map((name) => {
    const [nearest] = known
      .map((one) => ({ one, slips: distance(name, one) }))
      .filter(({ slips }) => slips <= SLIPS_MAX)
      .sort((a, b) => a.slips - b.slips);
    const hint = nearest === undefined ? '' : `; did you mean ${nearest.one}?`;
    return `warning: ${name} is not a variable of switchyard, and is not read${hint}`;
  });
}

/** In how many places two words differ (Levenshtein). */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (let i = 0; i < one.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < other.length; j++) {
      next.push(Math.min(row[j + 1] + 1, next[j] + 1, row[j] + Number(one[i] !== other[j])));
    }
    row = next;
  }
  return row[other.length];
}

import { DOOR_LIMIT_OPTIONS, LIMIT_OPTIONS, SHARE_OPTIONS } from '../../../src/config/limit-options.js';
import { environmentName, type Option } from '../../../src/config/option.js';
import { OPTIONS } from '../../../src/config/options.js';

const BEGIN = '<!-- begin options: made from src/config/options.ts, not by hand -->';
const END = '<!-- end options -->';

/** The tables of docs/operations.md: the options, and the bounds among them. */
function tables(): string {
  const all = Object.entries(OPTIONS) as [string, Option<unknown>][];
  const isBound = (key: string) => [LIMIT_OPTIONS, SHARE_OPTIONS, DOOR_LIMIT_OPTIONS].some((bounds) => key in bounds);
  const bounds = all.filter(([key]) => isBound(key)).map(([, option]) => option);
  const others = all.filter(([key]) => !isBound(key)).map(([, option]) => option);
  return `${table(others)}\n\nBounds:\n\n${table(bounds)}`;
}

function table(options: readonly Option<unknown>[]): string {
  const rows = options.map((option) => {
    const flag = option.placeholder === '' ? `--${option.flag}` : `--${option.flag} ${option.placeholder}`;
    const fallback = option.fallback === undefined ? '' : `\`${option.fallback}\``;
    return `| \`${flag}\` | \`${environmentName(option.flag)}\` | ${fallback} | ${option.help.replaceAll('|', '\\|')} |`;
  });
  return ['| flag | variable | default | what it does |', '|---|---|---|---|', ...rows].join('\n');
}

/** The document with its tables as the code has them now. */
export function refreshed(document: string): string {
  const [from, to] = [document.indexOf(BEGIN), document.indexOf(END)];
  if (from < 0 || to < from) throw new Error('the document has no part for the options');
  return `${document.slice(0, from + BEGIN.length)}\n\n${tables()}\n\n${document.slice(to)}`;
}

import type { GraphNode } from './model/graph.js';
import { kindOf } from './model/instance.js';

/** A query that cannot be read: what is wrong, and what would be right. */
export class QueryError extends Error {}

/** What a query asks of a node that the graph does not say. */
export interface QueryFacts {
  /** Undefined while it is not known. */
  isAttached(sid: number): boolean | undefined;
}

/** What a query asks of: a node of the graph, or what is remembered of one that has gone. */
export type AskedNode = Pick<GraphNode, 'sid' | 'uuid' | 'name' | 'labels'> & {
  readonly links: { readonly size: number };
};

/** Whether a node is one of those asked for. */
export type Matcher = (node: AskedNode, facts: QueryFacts) => boolean;

/**
 * Reads a query, the same for the graph and all tables. Its parts, separated by spaces, must all hold:
 *
 *     harbour          name, UUID, SID or a label has it in it
 *     name~har         the name has it in it          name=harbour-1   it is the name
 *     site=north       the label is this              site~nor         the label has it in it
 *     sid:2562         type:agent        uuid:ab98    attached:no      links>5   links<2   links=0
 *     -site=north      a minus turns one around
 *
 * Upper and lower case are the same. Throws a {@link QueryError}.
 */
export function parseQuery(text: string): Matcher {
  const parts = text
    .trim()
    .split(/\s+/)
    .filter((part) => part !== '')
    .map(parsePart);
  return (node, facts) => parts.every((part) => part(node, facts));
}

function parsePart(text: string): Matcher {
  if (text.length > 1 && text.startsWith('-')) {
    const part = parsePart(text.slice(1));
    return (node, facts) => !part(node, facts);
  }
  const found = /^([^=~:<>]+)([=~:<>])(.*)$/.exec(text);
  if (found === null) return containing(text.toLowerCase());
  const [, key = '', sign = '', value = ''] = found;
  if (key === 'links') return countingLinks(sign, value);
  if (sign === ':') return byFact(key, value.toLowerCase());
  if (sign === '<' || sign === '>') throw new QueryError(`only links can be counted: links${sign}${value}`);
  return comparing(key, sign === '=', value.toLowerCase());
}

function containing(part: string): Matcher {
  return ({ name, uuid, sid, labels }) =>
    [name, uuid, String(sid)].some((one) => one.toLowerCase().includes(part)) ||
    [...labels].some(([key, value]) => `${key}=${value}`.toLowerCase().includes(part));
}

function countingLinks(sign: string, value: string): Matcher {
  const wanted = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (Number.isNaN(wanted) || !['<', '>', '='].includes(sign)) {
    throw new QueryError(`links${sign}${value}: write links>5, links<2 or links=0`);
  }
  if (sign === '>') return ({ links }) => links.size > wanted;
  return sign === '<' ? ({ links }) => links.size < wanted : ({ links }) => links.size === wanted;
}

function byFact(key: string, value: string): Matcher {
  switch (key) {
    case 'sid':
      return ({ sid }) => String(sid) === value;
    case 'uuid':
      return ({ uuid }) => uuid.startsWith(value);
    case 'type':
      return ({ sid }) => kindOf(sid) === value;
    case 'attached':
      if (value !== 'yes' && value !== 'no') throw new QueryError('attached: yes or no');
      return ({ sid }, facts) => facts.isAttached(sid) === (value === 'yes');
    default:
      throw new QueryError(`${key}: is not known; sid, uuid, type and attached are`);
  }
}

function comparing(key: string, isWhole: boolean, value: string): Matcher {
  const is = (given: string) => (isWhole ? given.toLowerCase() === value : given.toLowerCase().includes(value));
  if (key === 'name') return ({ name }) => is(name);
  return ({ labels }) => labels.has(key) && is(labels.get(key) ?? '');
}

/** Whether a line, by the names of its fields, is one of those asked for. */
export type LineMatcher = (line: Readonly<Record<string, string>>) => boolean;

/**
 * Reads a query of lines that have fields, in the same language: `field=value` is it, `field~part` has it in it, a word alone is in any
 * field, and a minus turns one around. Throws a {@link QueryError}.
 */
export function parseLineQuery(text: string, fields: readonly string[]): LineMatcher {
  const words = text.trim().split(/\s+/);
  const parts = words.filter((word) => word !== '').map((word) => parseLinePart(word, fields));
  return (line) => parts.every((part) => part(line));
}

/** The same for a page: what is asked for, and what is wrong with how; then everything is. */
export function matchLines(
  text: string,
  fields: readonly string[],
): { readonly matcher: LineMatcher; readonly problem: string } {
  try {
    return { matcher: parseLineQuery(text, fields), problem: '' };
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    return { matcher: () => true, problem: error.message };
  }
}

function parseLinePart(text: string, fields: readonly string[]): LineMatcher {
  if (text.length > 1 && text.startsWith('-')) {
    const part = parseLinePart(text.slice(1), fields);
    return (line) => !part(line);
  }
  const [, key = '', sign = '', value = text] = /^([a-z]+)([=~])(.*)$/.exec(text) ?? [];
  const wanted = value.toLowerCase();
  if (key === '') return (line) => Object.values(line).some((one) => one.toLowerCase().includes(wanted));
  if (!fields.includes(key)) throw new QueryError(`${key}${sign} is not known here; ${fields.join(', ')} are`);
  const fieldOf = (line: Readonly<Record<string, string>>) => (line[key] ?? '').toLowerCase();
  return (line) => (sign === '=' ? fieldOf(line) === wanted : fieldOf(line).includes(wanted));
}

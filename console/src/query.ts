import type { GraphNode } from './model/graph.js';
import { kindOf } from './model/instance.js';

/** A query that cannot be read: what is wrong, and what would be right. */
export class QueryError extends Error {}

/** What a query asks of a node that the graph does not say. */
export interface QueryFacts {
  /** Undefined while it is not known. */
  isAttached(sid: number): boolean | undefined;
}

/** Whether a node is one of those asked for. */
export type Matcher = (node: GraphNode, facts: QueryFacts) => boolean;

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

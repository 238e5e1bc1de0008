import { describe, expect, it } from '@jest/globals';
import type { GraphNode } from '../../console/src/model/graph.js';
import { parseLineQuery, parseQuery, QueryError } from '../../console/src/query.js';

/** Nodes as a query sees them. SIDs end in the type: 2 agent, 3 client. */
function node(sid: number, name: string, labels: Record<string, string> = {}, links = 0): GraphNode {
  const peers = new Map(Array.from({ length: links }, (_, at) => [at, {} as never]));
  const uuid = `ab98c0de-0000-4000-8000-${String(sid).padStart(12, '0')}`;
  return { sid, uuid, name, labels: new Map(Object.entries(labels)), parent: 257, slot: 0, links: peers };
}

const NODES = [
  node(258, 'Harbour-1', { site: 'north', gateway: 'true' }, 9),
  node(514, 'mill-9', { site: 'south' }, 2),
  node(771, 'laptop', {}, 0),
];
const facts = { isAttached: (sid: number) => (sid === 771 ? undefined : sid === 258) };

function found(query: string): string[] {
  const matcher = parseQuery(query);
  return NODES.filter((one) => matcher(one, facts)).map(({ name }) => name);
}

describe('a query', () => {
  it.each([
    ['', ['Harbour-1', 'mill-9', 'laptop']],
    ['harb', ['Harbour-1']],
    ['514', ['mill-9']],
    ['name~IL', ['mill-9']],
    ['name=harbour-1', ['Harbour-1']],
    ['site=north', ['Harbour-1']],
    ['site~o', ['Harbour-1', 'mill-9']],
    ['-site=north', ['mill-9', 'laptop']],
    ['sid:771', ['laptop']],
    ['type:client', ['laptop']],
    ['uuid:ab98', ['Harbour-1', 'mill-9', 'laptop']],
    ['attached:yes', ['Harbour-1']],
    ['attached:no', ['mill-9']],
    ['links>2', ['Harbour-1']],
    ['links<3', ['mill-9', 'laptop']],
    ['links=0', ['laptop']],
    ['type:agent links>5 gateway=true', ['Harbour-1']],
    ['type:agent type:client', []],
  ])('%p finds %j', (query, names) => {
    expect(found(query)).toEqual(names);
  });

  it.each([
    ['links>many', 'links>many: write links>5, links<2 or links=0'],
    ['links~3', 'links~3: write links>5, links<2 or links=0'],
    ['attached:perhaps', 'attached: yes or no'],
    ['colour:red', 'colour: is not known; sid, uuid, type and attached are'],
    ['name>a', 'only links can be counted: links>a'],
  ])('%p is refused with what is allowed', (query, message) => {
    expect(() => parseQuery(query)).toThrow(new QueryError(message));
  });
});

describe('the query of lines with fields', () => {
  const line = { who: 'identity Ab-1', what: 'StopStream', outcome: 'ok' };
  const fields = ['who', 'what', 'outcome'];

  it.each([
    ['', true],
    ['stop', true],
    ['ab-1 outcome=ok', true],
    ['who=identity', false],
    ['who~identity', true],
    ['-outcome=ok', false],
    ['-what~session stop', true],
    ['nowhere', false],
  ])('%p fits: %p', (query, fits) => {
    expect(parseLineQuery(query, fields)(line)).toBe(fits);
  });

  it('refuses a field that the lines do not have, and says which they have', () => {
    const refusal = new QueryError('whom= is not known here; who, what, outcome are');
    expect(() => parseLineQuery('whom=me', fields)).toThrow(refusal);
  });
});

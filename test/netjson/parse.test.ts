import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { NetJsonError, parseNetworkGraph } from '../../src/netjson/parse.js';
import { writeNetJson } from '../../src/netjson/write.js';
import { anyGraph } from './graph.js';

const sound = {
  type: 'NetworkGraph',
  protocol: 'batman-adv',
  version: '',
  metric: '1/TQ',
  nodes: [
    { id: 'a', label: 'roof', properties: { online: true } },
    { id: 'b', local_addresses: ['10.0.0.1'] },
  ],
  links: [{ source: 'a', target: 'b', cost: 1.5, properties: { type: 'wifi' } }],
};

function problemsOf(text: string): readonly string[] {
  try {
    parseNetworkGraph(text);
  } catch (error) {
    if (error instanceof NetJsonError) return error.problems;
    throw error;
  }
  return [];
}

describe('reading a NetworkGraph', () => {
  it('keeps what the format names and ignores the rest', () => {
    expect(parseNetworkGraph(JSON.stringify({ ...sound, colour: 'red' }))).toEqual({
      protocol: 'batman-adv',
      version: '',
      metric: '1/TQ',
      nodes: [
        { id: 'a', label: 'roof', properties: { online: true } },
        { id: 'b', properties: {} },
      ],
      links: [{ source: 'a', target: 'b', cost: 1.5, properties: { type: 'wifi' } }],
    });
  });

  it('reads a file that begins with a byte order mark', () => {
    expect(parseNetworkGraph(`\ufeff${JSON.stringify(sound)}`).nodes).toHaveLength(2);
  });

  it('reads back what it writes, whatever the graph', () => {
    fc.assert(
      fc.property(anyGraph, (graph) => {
        const written = [...writeNetJson(graph)].join('');
        expect(parseNetworkGraph(written)).toEqual(JSON.parse(JSON.stringify(graph)));
      }),
    );
  });
});

describe('a file that is not a NetworkGraph', () => {
  const wrong: [what: string, change: object, problem: string][] = [
    ['another type', { type: 'NetworkRoutes' }, '/type: must be "NetworkGraph", not "NetworkRoutes"'],
    ['no protocol', { protocol: undefined }, '/protocol: must be a string or null, not absent'],
    ['nodes that are no list', { nodes: {}, links: [] }, '/nodes: must be a list, not an object'],
    ['no links', { links: undefined }, '/links: must be a list, not absent'],
    ['a node that is no object', { nodes: ['a'], links: [] }, '/nodes/0: must be an object, not "a"'],
    ['a node without an id', { nodes: [{}], links: [] }, '/nodes/0/id: must be a string that is not empty, not absent'],
    ['an empty id', { nodes: [{ id: '' }], links: [] }, '/nodes/0/id: must be a string that is not empty, not ""'],
    ['a number as id', { nodes: [{ id: 7 }], links: [] }, '/nodes/0/id: must be a string that is not empty, not 7'],
    [
      'an id twice',
      { nodes: [{ id: 'a' }, { id: 'b' }, { id: 'a' }], links: [] },
      '/nodes/2/id: "a" is the id of /nodes/0 already',
    ],
    [
      'properties that are no object',
      { nodes: [{ id: 'a', properties: [] }], links: [] },
      '/nodes/0/properties: must be an object, not a list',
    ],
    ['a number as label', { label: 1 }, '/label: must be a string, not 1'],
    [
      'a link to nobody',
      { links: [{ source: 'a', target: 'z', cost: 1 }] },
      '/links/0/target: "z" is not the id of a node',
    ],
    ['a link from nowhere', { links: [{ target: 'a', cost: 1 }] }, "/links/0/source: must be a node's id, not absent"],
    ['a link to itself', { links: [{ source: 'a', target: 'a', cost: 1 }] }, '/links/0: leads from "a" to itself'],
    [
      'a cost in words',
      { links: [{ source: 'a', target: 'b', cost: '1' }] },
      '/links/0/cost: must be a number, not "1"',
    ],
    ['a very long wrong value', { type: 'x'.repeat(100) }, `/type: must be "NetworkGraph", not "${'x'.repeat(38)}…`],
  ];
  it.each(wrong)('is told where: %s', (_, change, problem) => {
    expect(problemsOf(JSON.stringify({ ...sound, ...change }))).toEqual([problem]);
  });

  it('is told why: not JSON, not an object', () => {
    expect(problemsOf('{"type":')[0]).toMatch(/^not JSON: /);
    expect(problemsOf('[]')).toEqual(['the file: must be an object, not a list']);
    expect(problemsOf('null')).toEqual(['the file: must be an object, not null']);
  });

  it('hears of all problems, the first of them in words', () => {
    const nodes = Array.from({ length: 30 }, () => ({ id: 0 }));
    expect(problemsOf(JSON.stringify({ ...sound, nodes, links: [] }))).toHaveLength(20);
    expect(() => parseNetworkGraph(JSON.stringify({ ...sound, nodes, links: [] }))).toThrow(/… and 10 more$/);
  });
});

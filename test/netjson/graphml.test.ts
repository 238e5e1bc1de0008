import { spawnSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Json, NetworkGraph } from '../../src/netjson/graph.js';
import { writeGraphml } from '../../src/netjson/graphml.js';
import { anyGraph } from './graph.js';

/** Reads GraphML documents, a JSON list in base64, with a parser that is not ours; answers with what they say. */
const READER = `
import base64, json, sys, xml.etree.ElementTree as ET
ns = '{http://graphml.graphdrawing.org/xmlns}'
def facts(element, keys):
    return {keys[d.get('key')]: d.text or '' for d in element.findall(ns + 'data')}
def read(text):
    root = ET.fromstring(base64.b64decode(text))
    keys = {k.get('id'): k.get('attr.name') for k in root.findall(ns + 'key')}
    graph = root.find(ns + 'graph')
    nodes = [[n.get('id'), facts(n, keys)] for n in graph.findall(ns + 'node')]
    edges = [[e.get('source'), e.get('target'), facts(e, keys)] for e in graph.findall(ns + 'edge')]
    return {'id': graph.get('id'), 'default': graph.get('edgedefault'), 'nodes': nodes, 'edges': edges}
print(json.dumps([read(text) for text in json.load(sys.stdin)]))
`;

function readWithPython(documents: readonly string[]): unknown[] {
  const { status, stdout, stderr } = spawnSync('python3', ['-c', READER], {
    input: JSON.stringify(documents.map((text) => Buffer.from(text).toString('base64'))),
    encoding: 'utf8',
    maxBuffer: 64 * 1024 ** 2,
  });
  if (status !== 0) throw new Error(`python3 refused the document: ${stderr}`);
  return JSON.parse(stdout) as unknown[];
}

/** What XML 1.0 cannot hold is replaced; all other characters come through. */
function held(text: string): string {
  const canBeHeld = (c: string) => (c >= ' ' || '\t\n\r'.includes(c)) && !/^[\ud800-\udfff]$/.test(c);
  return [...text].map((c) => (canBeHeld(c) ? c : '\ufffd')).join('');
}

function expected(graph: NetworkGraph): unknown {
  const facts = (properties: Record<string, Json | undefined>) =>
    Object.fromEntries(
      Object.entries(properties)
        .filter(([, value]) => value !== null && value !== undefined)
        .map(([name, value]) => [held(name), held(typeof value === 'string' ? value : JSON.stringify(value))]),
    );
  return {
    id: held(graph.label ?? 'network'),
    default: 'undirected',
    nodes: graph.nodes.map(({ id, label, properties }) => [held(id), facts({ label, ...properties })]),
    edges: graph.links.map(({ source, target, cost, properties }) => [
      held(source),
      held(target),
      facts({ cost, ...properties }),
    ]),
  };
}

describe('a graph as GraphML', () => {
  it('says the same to another parser, whatever its texts hold', () => {
    const seed = Date.now() | 0;
    const graphs = fc.sample(anyGraph, { seed, numRuns: 300 });
    const read = readWithPython(graphs.map((graph) => [...writeGraphml(graph)].join('')));
    for (const [index, graph] of graphs.entries()) {
      expect({ seed, index, read: read[index] }).toEqual({ seed, index, read: expected(graph) });
    }
  });

  it('declares every attribute once, with the type that all its values have', () => {
    const written = [
      ...writeGraphml({
        protocol: null,
        version: null,
        metric: null,
        nodes: [
          { id: 'a', label: 'roof', properties: { online: true, mixed: 1 } },
          { id: 'b', properties: { online: false, mixed: 'one', nothing: null } },
        ],
        links: [{ source: 'a', target: 'b', cost: 2, properties: {} }],
      }),
    ].join('');
    expect(written.match(/<key .*\/>/g)).toEqual([
      '<key id="n0" for="node" attr.name="label" attr.type="string"/>',
      '<key id="n1" for="node" attr.name="online" attr.type="boolean"/>',
      '<key id="n2" for="node" attr.name="mixed" attr.type="string"/>',
      '<key id="e0" for="edge" attr.name="cost" attr.type="double"/>',
    ]);
  });
});

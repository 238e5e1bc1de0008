import { describe, expect, it } from '@jest/globals';
import { writeDot } from '../../src/netjson/dot.js';

describe('a graph in the DOT language', () => {
  it('is undirected, everything quoted', () => {
    const written = writeDot({
      label: 'yard',
      protocol: null,
      version: null,
      metric: null,
      nodes: [
        { id: 'node', label: 'roof', properties: { online: true, tags: ['a'] } },
        { id: '2', properties: {} },
      ],
      links: [{ source: 'node', target: '2', cost: 1.5, properties: { type: 'wifi' } }],
    });
    expect([...written].join('')).toBe(
      [
        'graph "yard" {',
        '  "node" ["online"="true", "tags"="[\\"a\\"]", "label"="roof"];',
        '  "2" ["label"="2"];',
        '  "node" -- "2" ["cost"="1.5", "type"="wifi"];',
        '}',
        '',
      ].join('\n'),
    );
  });

  it('lets no text out of its quotes', () => {
    const hostile = ['"]; x [a="', 'ends in \\', '\\"', 'two\nlines', 'nul\0', '<b>html</b>'];
    const nodes = hostile.map((id) => ({ id, properties: { [id]: id } }));
    const written = writeDot({ protocol: null, version: null, metric: null, nodes, links: [] });
    const [, ...statements] = [...written].slice(0, -1);
    const string = String.raw`"(?:[^"\\\n\0]|\\.)*"`;
    const statement = new RegExp(`^  ${string} \\[${string}=${string}, ${string}=${string}\\];\\n$`);
    expect(statements).toHaveLength(hostile.length);
    for (const line of statements) expect(line).toMatch(statement);
    expect(statements[0]).toContain(String.raw`"\"]; x [a=\""`);
    expect(statements[1]).toContain(String.raw`"ends in \\"`);
    expect(statements[3]).toContain(String.raw`"two\nlines"`);
  });
});

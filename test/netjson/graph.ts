import fc from 'fast-check';
import type { Json, NetworkGraph, Properties } from '../../src/netjson/graph.js';

/** Texts that writers get wrong: quotes, backslashes, markup, control characters, other scripts. */
const text = fc.string({
  unit: fc.constantFrom(
    'a',
    'B',
    '7',
    ' ',
    '"',
    "'",
    '\\',
    '<',
    '>',
    '&',
    ']]>',
    '\n',
    '\r',
    '\t',
    '\0',
    '\u001b',
    'é',
    '日',
    '😀',
    '\ud800',
  ),
  maxLength: 8,
});

const properties = fc.dictionary(
  text,
  fc.oneof(
    text,
    fc.boolean(),
    fc.constant(null),
    fc.integer(),
    fc.array(fc.integer(), { maxLength: 2 }),
  ) as fc.Arbitrary<Json>,
  { maxKeys: 4, noNullPrototype: true },
) as fc.Arbitrary<Properties>;

/** Any graph that the format can hold, small. */
export const anyGraph: fc.Arbitrary<NetworkGraph> = fc
  .record({
    label: fc.option(text, { nil: undefined }),
    protocol: fc.option(text),
    version: fc.option(text),
    metric: fc.option(text),
    nodes: fc.uniqueArray(
      fc.record({ id: text.filter((id) => id !== ''), label: fc.option(text, { nil: undefined }), properties }),
      { selector: (node) => node.id, maxLength: 6 },
    ),
  })
  .chain((graph): fc.Arbitrary<NetworkGraph> => {
    const { nodes } = graph;
    if (nodes.length < 2) return fc.constant({ ...graph, links: [] });
    const link = fc
      .tuple(fc.subarray(nodes, { minLength: 2, maxLength: 2 }), fc.integer(), properties)
      .map(([[a, b], cost, facts]) => ({ source: a.id, target: b.id, cost, properties: facts }));
    return fc.array(link, { maxLength: 6 }).map((links) => ({ ...graph, links }));
  });

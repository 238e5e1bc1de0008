import type { Json, NetworkGraph, Properties } from './graph.js';

/** Writes a graph as GraphML, for Gephi, yEd, NetworkX and their like. Source: graphml.graphdrawing.org/specification. */
export function* writeGraphml(graph: NetworkGraph): Iterable<string> {
  const nodeKeys = new Keys('node', 'n');
  const linkKeys = new Keys('edge', 'e');
  for (const node of graph.nodes) nodeKeys.learn(nodeFacts(node.label, node.properties));
  for (const link of graph.links) linkKeys.learn({ cost: link.cost, ...link.properties });
  yield '<?xml version="1.0" encoding="UTF-8"?>\n<graphml xmlns="http://graphml.graphdrawing.org/xmlns">\n';
  yield* nodeKeys.declarations();
  yield* linkKeys.declarations();
  yield `  <graph id="${escaped(graph.label ?? 'network')}" edgedefault="undirected">\n`;
  for (const node of graph.nodes) {
    yield `    <node id="${escaped(node.id)}">${nodeKeys.values(nodeFacts(node.label, node.properties))}</node>\n`;
  }
  for (const link of graph.links) {
    const ends = `source="${escaped(link.source)}" target="${escaped(link.target)}"`;
    yield `    <edge ${ends}>${linkKeys.values({ cost: link.cost, ...link.properties })}</edge>\n`;
  }
  yield '  </graph>\n</graphml>\n';
}

function nodeFacts(label: string | undefined, properties: Properties): Properties {
  return label === undefined ? properties : { label, ...properties };
}

/** The types of GraphML that a value of JSON can have. */
type KeyType = 'boolean' | 'double' | 'string';

/** The attributes of nodes or of edges: GraphML wants each declared, with its type, before it is used. */
class Keys {
  private readonly types = new Map<string, KeyType>();
  private readonly ids = new Map<string, string>();

  constructor(
    private readonly owner: 'node' | 'edge',
    private readonly prefix: string,
  ) {}

  /** Takes note of the names and types in use. A name with values of two types is a string. */
  learn(properties: Properties): void {
    for (const [name, value] of Object.entries(properties)) {
      if (value === null) continue;
      const type = typeOf(value);
      const known = this.types.get(name);
      this.types.set(name, known === undefined || known === type ? type : 'string');
      if (known === undefined) this.ids.set(name, `${this.prefix}${this.ids.size}`);
    }
  }

  *declarations(): Iterable<string> {
    for (const [name, type] of this.types) {
      const about = `for="${this.owner}" attr.name="${escaped(name)}" attr.type="${type}"`;
      yield `  <key id="${this.ids.get(name)}" ${about}/>\n`;
    }
  }

  values(properties: Properties): string {
    const parts = Object.entries(properties).filter(([, value]) => value !== null);
    return parts
      .map(([name, value]) => {
        const text = typeof value === 'string' ? value : JSON.stringify(value);
        return `<data key="${this.ids.get(name)}">${escaped(text)}</data>`;
      })
      .join('');
  }
}

function typeOf(value: Json): KeyType {
  if (typeof value === 'boolean') return 'boolean';
  return typeof value === 'number' ? 'double' : 'string';
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
};

/** Text for an element or an attribute. What XML 1.0 cannot hold at all becomes U+FFFD. */
function escaped(text: string): string {
  return text.replaceAll(/[&<>"\t\n\r]/g, (character) => ENTITIES[character]).replaceAll(FORBIDDEN, '\ufffd');
}

/** Source: XML 1.0, production Char. Half a surrogate pair becomes U+FFFD by itself when it is written as UTF-8. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is to find
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g;

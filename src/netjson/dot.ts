import type { Json, NetworkGraph, Properties } from './graph.js';

/** Writes a graph in the DOT language, for Graphviz. Source: graphviz.org/doc/info/lang.html. */
export function* writeDot(graph: NetworkGraph): Iterable<string> {
  yield `graph ${quoted(graph.label ?? 'network')} {\n`;
  for (const node of graph.nodes) {
    yield `  ${quoted(node.id)}${attributes({ ...node.properties, label: node.label ?? node.id })};\n`;
  }
  for (const link of graph.links) {
    yield `  ${quoted(link.source)} -- ${quoted(link.target)}${attributes({ cost: link.cost, ...link.properties })};\n`;
  }
  yield '}\n';
}

function attributes(properties: Properties): string {
  const list = Object.entries(properties).map(([key, value]) => `${quoted(key)}=${quoted(textOf(value))}`);
  return ` [${list.join(', ')}]`;
}

function textOf(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/**
 * A double-quoted string. The lexer knows only `\"` and `\\`; a label reads `\n` as a new line as well. Everything is
 * quoted, because an unquoted keyword or number would be something else.
 */
function quoted(text: string): string {
  const escaped = text
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('\n', '\\n')
    .replaceAll('\0', '\ufffd');
  return `"${escaped}"`;
}

import type { GraphLink, GraphNode, Json, NetworkGraph, Properties } from './graph.js';

/** A text that is not a NetworkGraph: each problem with the place it stands, as a JSON Pointer (RFC 6901). */
export class NetJsonError extends Error {
  constructor(
    readonly problems: readonly string[],
    /** How many more there are than are listed. */
    readonly unlistedCount: number,
  ) {
    const more = unlistedCount > 0 ? [`… and ${unlistedCount} more`] : [];
    super([...problems, ...more].join('\n'));
    this.name = 'NetJsonError';
  }
}

/** More than this only scrolls the first ones off the screen. */
const PROBLEMS_LISTED_MAX = 20;

/** Collects what is wrong, and goes on: a person who mends a file wants to see all of it. */
class Problems {
  readonly listed: string[] = [];
  count = 0;

  add(pointer: string, text: string): void {
    this.count += 1;
    if (this.listed.length < PROBLEMS_LISTED_MAX) this.listed.push(`${pointer || 'the file'}: ${text}`);
  }
}

/**
 * Reads a NetworkGraph and checks all of it: ids are unique, links have two different ends and both are nodes.
 *
 * Throws a {@link NetJsonError}. Members that the format does not name are ignored, as it asks.
 */
export function parseNetworkGraph(text: string): NetworkGraph {
  const problems = new Problems();
  let content: Json;
  try {
    content = JSON.parse(text.startsWith('\ufeff') ? text.slice(1) : text) as Json;
  } catch (error) {
    throw new NetJsonError([`not JSON: ${(error as Error).message}`], 0);
  }
  const top = asObject(content, '', problems);
  if (top !== undefined && top.type !== 'NetworkGraph') {
    problems.add('/type', `must be "NetworkGraph", not ${shown(top.type)}`);
  }
  // Of something else altogether, the missing members say nothing.
  if (top === undefined || problems.count > 0) throw new NetJsonError(problems.listed, 0);
  const nodes = parseNodes(top.nodes, problems);
  const links = parseLinks(top.links, new Set(nodes.map((node) => node.id)), problems);
  const graph: NetworkGraph = {
    ...optionalLabel(top.label, '/label', problems),
    protocol: textOrNull(top.protocol, '/protocol', problems),
    version: textOrNull(top.version, '/version', problems),
    metric: textOrNull(top.metric, '/metric', problems),
    nodes,
    links,
  };
  if (problems.count > 0) throw new NetJsonError(problems.listed, problems.count - problems.listed.length);
  return graph;
}

function parseNodes(value: Json | undefined, problems: Problems): GraphNode[] {
  const firstIndex = new Map<string, number>();
  const nodes: GraphNode[] = [];
  for (const [index, item] of asList(value, '/nodes', problems).entries()) {
    const pointer = `/nodes/${index}`;
    const node = asObject(item, pointer, problems);
    if (node === undefined) continue;
    if (typeof node.id !== 'string' || node.id === '') {
      problems.add(`${pointer}/id`, `must be a string that is not empty, not ${shown(node.id)}`);
      continue;
    }
    const earlier = firstIndex.get(node.id);
    if (earlier !== undefined)
      problems.add(`${pointer}/id`, `${shown(node.id)} is the id of /nodes/${earlier} already`);
    else firstIndex.set(node.id, index);
    nodes.push({
      id: node.id,
      ...optionalLabel(node.label, `${pointer}/label`, problems),
      properties: parseProperties(node.properties, pointer, problems),
    });
  }
  return nodes;
}

function parseLinks(value: Json | undefined, ids: ReadonlySet<string>, problems: Problems): GraphLink[] {
  const links: GraphLink[] = [];
  for (const [index, item] of asList(value, '/links', problems).entries()) {
    const pointer = `/links/${index}`;
    const link = asObject(item, pointer, problems);
    if (link === undefined) continue;
    const { source, target, cost } = link;
    for (const [name, end] of Object.entries({ source, target })) {
      if (typeof end !== 'string') problems.add(`${pointer}/${name}`, `must be a node's id, not ${shown(end)}`);
      else if (!ids.has(end)) problems.add(`${pointer}/${name}`, `${shown(end)} is not the id of a node`);
    }
    if (typeof source === 'string' && source === target) problems.add(pointer, `leads from ${shown(source)} to itself`);
    if (typeof cost !== 'number') problems.add(`${pointer}/cost`, `must be a number, not ${shown(cost)}`);
    const properties = parseProperties(link.properties, pointer, problems);
    links.push({ source: source as string, target: target as string, cost: cost as number, properties });
  }
  return links;
}

function parseProperties(value: Json | undefined, pointer: string, problems: Problems): Properties {
  return value === undefined ? {} : (asObject(value, `${pointer}/properties`, problems) ?? {});
}

function optionalLabel(value: Json | undefined, pointer: string, problems: Problems): { label?: string } {
  if (value === undefined) return {};
  if (typeof value === 'string') return { label: value };
  problems.add(pointer, `must be a string, not ${shown(value)}`);
  return {};
}

function textOrNull(value: Json | undefined, pointer: string, problems: Problems): string | null {
  if (typeof value === 'string' || value === null) return value;
  problems.add(pointer, `must be a string or null, not ${shown(value)}`);
  return null;
}

function asList(value: Json | undefined, pointer: string, problems: Problems): readonly Json[] {
  if (Array.isArray(value)) return value;
  problems.add(pointer, `must be a list, not ${shown(value)}`);
  return [];
}

function asObject(value: Json | undefined, pointer: string, problems: Problems): Properties | undefined {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Properties;
  problems.add(pointer, `must be an object, not ${shown(value)}`);
  return undefined;
}

/** A value as it may stand in a line of an error. */
function shown(value: Json | undefined): string {
  if (value === undefined) return 'absent';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}

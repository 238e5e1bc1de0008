import type { GraphView, Position } from '../../client/index.js';
import { writeDot } from '../../netjson/dot.js';
import type { NetworkGraph, Properties } from '../../netjson/graph.js';
import { writeGraphml } from '../../netjson/graphml.js';
import { writeNetJson } from '../../netjson/write.js';
import { jsonEscape } from '../output/output.js';
import type { Surroundings } from '../surroundings.js';
import { linkWord } from '../words.js';
import { type GraphFlags, graphOf } from './via.js';

/** What a graph can be written as, and how the format writes a character that a terminal should not see. */
export const FORMATS = {
  netjson: { write: writeNetJson, spell: jsonEscape },
  // A label of DOT reads the entities of HTML.
  dot: { write: writeDot, spell: (character: string) => `&#${character.codePointAt(0)};` },
  graphml: { write: writeGraphml, spell: (character: string) => `&#x${character.codePointAt(0)!.toString(16)};` },
} as const;

/** Prints the graph as it stands, in a format that other programs read. */
export async function exportGraph(
  flags: GraphFlags & { readonly format: keyof typeof FORMATS },
  surroundings: Surroundings,
): Promise<void> {
  const { terminal } = surroundings;
  const { graph, position } = await graphOf(flags, surroundings);
  const { write, spell } = FORMATS[flags.format];
  for (const text of write(topologyOf(graph, position))) await terminal.out.document(text, spell);
}

/**
 * The graph as NetJSON, which `replay` reads again: a node is identified by its instance, which outlives its sessions,
 * and has its name; the server is marked, because `replay` must not join as it: a server makes its own node.
 */
export function topologyOf(graph: GraphView, position: Position): NetworkGraph {
  const idOf = new Map([...graph.nodes()].map((node) => [node.cvid, node.instanceUuid]));
  return {
    label: `Switchyard, revision ${position.revision} of ${position.epoch}`,
    protocol: 'switchyard',
    version: null,
    metric: null,
    nodes: [...graph.nodes()].map(({ cvid, parent, instanceUuid, name, labels }) => {
      const role: Properties = parent === 0 ? { server: true } : { parent };
      const gateway: Properties = labels.gateway === 'true' ? { gateway: true } : {};
      const properties = { online: true, cvid, ...role, ...gateway, labels };
      return { id: instanceUuid, ...(name === '' ? {} : { label: name }), properties };
    }),
    links: [...graph.links()].flatMap(({ cvid1, cvid2, link }) => {
      const [source, target] = [idOf.get(cvid1), idOf.get(cvid2)];
      if (source === undefined || target === undefined) return [];
      return [{ source, target, cost: 1, properties: { type: linkWord(link) } }];
    }),
  };
}

import { type GraphView, LinkType } from '../client/index.js';
import type { ReplayPlan } from './plan.js';

/** Where a graph is not what a plan says. Each line names one node or link, in the file's own ids. */
export interface Comparison {
  readonly nodes: number;
  readonly links: number;
  readonly differences: readonly string[];
}

/**
 * Compares the graph that a watcher built with a plan, node by node and link by link.
 *
 * Everything between the plan's nodes counts, and so does each one's control link to its server; nodes and links of
 * others on the same server do not.
 */
export function compare(plan: ReplayPlan, graph: GraphView): Comparison {
  const differences: string[] = [];
  const indexOfUuid = new Map(plan.nodes.map((node, index) => [node.uuid, index]));
  const indexOfCvid = new Map<number, number>();
  const seen = new Set<number>();
  for (const { cvid, parent, instanceUuid } of graph.nodes()) {
    const index = indexOfUuid.get(instanceUuid);
    if (index === undefined) continue;
    indexOfCvid.set(cvid, index);
    const { id } = plan.nodes[index];
    if (seen.has(index)) differences.push(`node ${id}: there is more than one`);
    else if (!graph.hasLink(cvid, parent, LinkType.CONTROL_TCP)) differences.push(`node ${id}: no link to its server`);
    seen.add(index);
  }
  for (const [index, { id }] of plan.nodes.entries()) if (!seen.has(index)) differences.push(`node ${id}: missing`);

  const expected = new Set(plan.links.map(({ a, b, link }) => `${a} ${b} ${link}`));
  const found = new Set<string>();
  for (const { cvid1, cvid2, link } of graph.links()) {
    const [one, other] = [indexOfCvid.get(cvid1), indexOfCvid.get(cvid2)];
    if (one === undefined || other === undefined) continue;
    const key = `${Math.min(one, other)} ${Math.max(one, other)} ${link}`;
    found.add(key);
    if (!expected.has(key)) differences.push(`${inWords(plan, key)}: not in the file`);
  }
  for (const key of expected) if (!found.has(key)) differences.push(`${inWords(plan, key)}: missing`);
  return { nodes: seen.size, links: found.size, differences };
}

function inWords(plan: ReplayPlan, key: string): string {
  const [a, b, link] = key.split(' ').map(Number);
  return `link ${plan.nodes[a].id} -- ${plan.nodes[b].id} (${LinkType[link]})`;
}

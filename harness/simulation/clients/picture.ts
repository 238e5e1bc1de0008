import type { NetworkDelta, NodeAdded } from '../../../gen/switchyard/v1/network.js';
import type { Change } from '../../../src/core/model/change.js';
import { LinkType } from '../../../src/core/model/link.js';
import { Lines } from '../lines.js';

/** Every type that a link can have: "all links of the pair" is one of each. */
const LINK_TYPES = Object.values(LinkType);

/** A node and everything that is told about it, as one line. */
export interface PicturedNode {
  readonly sid: number;
  readonly line: string;
}

/** A link, its lower end first. A type that is absent means every link of the pair. */
export interface PicturedLink {
  readonly a: number;
  readonly b: number;
  readonly type: number | undefined;
}

/** What one revision does to a graph, in no message's format. */
export interface PictureChange {
  readonly linksRemoved: readonly PicturedLink[];
  readonly nodesRemoved: readonly number[];
  readonly nodesAdded: readonly PicturedNode[];
  readonly linksAdded: readonly PicturedLink[];
}

/**
 * A graph in the most naive form, which shares nothing with the core's or the client's: lines of text, looked through from
 * end to end.
 */
export class Picture {
  private nodes = new Lines<number>();
  private links = new Lines<string>();
  private ends = new Map<string, PicturedLink>();

  /** The same for the same nodes and links. */
  get hash(): number {
    return (this.nodes.hash + this.links.hash) | 0;
  }

  /** Links removed, nodes removed with what hangs on them, nodes added, links added: the order of the contract. */
  apply({ linksRemoved, nodesRemoved, nodesAdded, linksAdded }: PictureChange): void {
    for (const { a, b, type } of linksRemoved) {
      for (const each of type === undefined ? LINK_TYPES : [type]) this.unlink(lineOf({ a, b, type: each }));
    }
    for (const sid of nodesRemoved) {
      for (const [line, { a, b }] of this.ends) if (a === sid || b === sid) this.unlink(line);
      this.nodes.set(sid, undefined);
    }
    for (const { sid, line } of nodesAdded) this.nodes.set(sid, line);
    for (const link of linksAdded) {
      const line = lineOf(link);
      this.links.set(line, line);
      this.ends.set(line, link);
    }
  }

  /** What a watcher of some nodes sees of it. */
  only(sids: ReadonlySet<number>): Picture {
    const nodesAdded = [...this.nodes.entries()]
      .map(([sid, line]) => ({ sid, line }))
      .filter(({ sid }) => sids.has(sid));
    const linksAdded = [...this.ends.values()].filter(({ a, b }) => sids.has(a) || sids.has(b));
    const part = new Picture();
    part.apply({ linksRemoved: [], nodesRemoved: [], nodesAdded, linksAdded });
    return part;
  }

  copy(): Picture {
    const copy = new Picture();
    copy.nodes = this.nodes.copy();
    copy.links = this.links.copy();
    copy.ends = new Map(this.ends);
    return copy;
  }

  /** Whether this link is in it. */
  hasLink(link: PicturedLink): boolean {
    return this.links.has(lineOf(link));
  }

  /** The lines of its nodes. */
  nodeLines(): string[] {
    return this.nodes.all();
  }

  /** What the other has not, and what only the other has: for reports. */
  difference(other: Picture): string {
    return [...this.nodes.difference(other.nodes), ...this.links.difference(other.links)].join('; ');
  }

  private unlink(line: string): void {
    this.links.set(line, undefined);
    this.ends.delete(line);
  }
}

/** What a delta on the wire does. */
export function changeOfDelta(delta: NetworkDelta): PictureChange {
  const link = ({ cvid1, cvid2, link: type }: { cvid1: number; cvid2: number; link?: number }): PicturedLink =>
    pictured(cvid1, cvid2, type);
  return {
    linksRemoved: delta.linkRemoved.map(link),
    nodesRemoved: delta.nodeRemoved.map(({ cvid }) => cvid),
    nodesAdded: delta.nodeAdded.map(picturedNode),
    linksAdded: delta.linkAdded.map(link),
  };
}

/** A node as a watcher is told of it, or as the client keeps it. */
export function picturedNode({ cvid, parent, instanceUuid, name, labels }: NodeAdded): PicturedNode {
  const told = Object.entries(labels).sort(([one], [other]) => (one < other ? -1 : 1));
  return { sid: cvid, line: `node ${cvid} at ${parent}: ${instanceUuid} ${name} ${JSON.stringify(told)}` };
}

/** A link by its two ends in any order. */
export function pictured(one: number, other: number, type: number | undefined): PicturedLink {
  return { a: Math.min(one, other), b: Math.max(one, other), type };
}

/** What came of a command, as the core says it. */
export function changeOfCore(changes: readonly Change[], serverSid: number): PictureChange {
  const linksRemoved: PicturedLink[] = [];
  const nodesRemoved: number[] = [];
  const nodesAdded: PicturedNode[] = [];
  const linksAdded: PicturedLink[] = [];
  for (const change of changes) {
    if (change.kind === 'NetworkFounded') {
      const { serverSid: cvid, serverUuid: instanceUuid } = change;
      nodesAdded.push(picturedNode({ cvid, parent: 0, instanceUuid, name: '', labels: {} }));
    } else if (change.kind === 'SessionOpened') {
      const { sid, uuid, name, labels } = change.session;
      nodesAdded.push(picturedNode({ cvid: sid, parent: serverSid, instanceUuid: uuid, name, labels: { ...labels } }));
    } else if (change.kind === 'SessionClosed') nodesRemoved.push(change.session.sid);
    else if (change.kind === 'LinkAdded') linksAdded.push(pictured(change.link.a, change.link.b, change.link.link));
    else if (change.kind === 'LinkRemoved') linksRemoved.push(pictured(change.link.a, change.link.b, change.link.link));
  }
  return { linksRemoved, nodesRemoved, nodesAdded, linksAdded };
}

/** A change as text that does not depend on any order; empty when nothing of it is about these nodes. */
export function textOfChange(change: PictureChange, sids: ReadonlySet<number>): string {
  const all = sids.size === 0;
  const keeps = ({ a, b }: PicturedLink) => all || sids.has(a) || sids.has(b);
  const lines = [
    ...change.linksRemoved.filter(keeps).map((link) => `- ${lineOf(link)}`),
    ...change.nodesRemoved.filter((sid) => all || sids.has(sid)).map((sid) => `- node ${sid}`),
    ...change.nodesAdded.filter(({ sid }) => all || sids.has(sid)).map(({ line }) => `+ ${line}`),
    ...change.linksAdded.filter(keeps).map((link) => `+ ${lineOf(link)}`),
  ];
  return lines.sort().join('\n');
}

function lineOf({ a, b, type }: PicturedLink): string {
  return `link ${a}-${b}/${type ?? '*'}`;
}

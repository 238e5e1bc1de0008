import type { Change } from '../core/model/change.js';
import type { Link } from '../core/model/link.js';
import type { Session } from '../core/model/session.js';
import type { Capture } from '../core/store/snapshot.js';
import type { State } from '../core/store/state.js';
import type { Touch } from './touches.js';

/** A node as a watcher is told of it. */
export interface GraphNode {
  readonly sid: number;
  /** The SID of its server; 0 for a server. */
  readonly parent: number;
  readonly uuid: string;
  readonly name: string;
  readonly labels: Session['labels'];
}

/**
 * What happened to the graph, in no door's format: what the doors' topics are made from, so that they cannot disagree.
 *
 * A reader applies it in this order: links removed, nodes removed, nodes added, links added.
 */
export interface GraphDelta {
  readonly linksRemoved: { readonly a: number; readonly b: number; readonly link?: Link['link'] }[];
  readonly nodesRemoved: number[];
  readonly nodesAdded: GraphNode[];
  readonly linksAdded: Link[];
}

/** A session's node. */
export function nodeOf({ sid, uuid, name, labels }: Session, serverSid: number): GraphNode {
  return { sid, parent: serverSid, uuid, name, labels };
}

/** The server's own node. */
export function serverNode(sid: number, uuid: string): GraphNode {
  return { sid, parent: 0, uuid, name: '', labels: {} };
}

/** What a revision did to the graph; nothing, for most kinds of changes. */
export function graphDelta(changes: readonly Change[], serverSid: number): GraphDelta {
  const delta = emptyDelta();
  for (const change of changes) {
    switch (change.kind) {
      case 'NetworkFounded':
        delta.nodesAdded.push(serverNode(change.serverSid, change.serverUuid));
        break;
      case 'SessionOpened':
        delta.nodesAdded.push(nodeOf(change.session, serverSid));
        break;
      case 'SessionClosed':
        delta.nodesRemoved.push(change.session.sid);
        break;
      case 'LinkAdded':
        delta.linksAdded.push(change.link);
        break;
      case 'LinkRemoved':
        delta.linksRemoved.push(change.link);
        break;
    }
  }
  return delta;
}

/** What a revision touched of the graph. */
export function graphTouches(changes: readonly Change[]): Touch[] {
  const touched: Touch[] = [];
  for (const change of changes) {
    if (change.kind === 'NetworkFounded') touched.push({ a: change.serverSid, b: 0 });
    else if (change.kind === 'SessionOpened' || change.kind === 'SessionClosed') {
      touched.push({ a: change.session.sid, b: 0 });
    } else if (change.kind === 'LinkAdded' || change.kind === 'LinkRemoved') touched.push(change.link);
  }
  return touched;
}

/**
 * What the touched nodes and links are now, as one delta on top of whatever a reader had: each is removed first, and added
 * again where it is still there.
 *
 * Sound because a node is only touched when it comes or goes, and all its links with it; so nothing is removed here that
 * is not listed to be added again.
 */
export function netEffect(state: State, missed: Iterable<Touch>): GraphDelta {
  const delta = emptyDelta();
  const seen = new Set<string>();
  for (const { a, b } of missed) {
    const key = `${a} ${b}`;
    if (seen.has(key)) continue;
    seen.add(key);
    if (b === 0) addNode(delta, state, a);
    else {
      delta.linksRemoved.push({ a, b });
      delta.linksAdded.push(...state.graph.linksBetween(a, b));
    }
  }
  return delta;
}

/** What a node takes besides its name and labels: two SIDs, a UUID and the tags. */
const NODE_BYTES = 56;

/**
 * A snapshot of the graph in pieces: nodes first, so that a link's two ends are there when it comes. A piece has nodes of
 * `nodeBytes` by estimate, or `links` links.
 */
export function* snapshotDeltas(taken: Capture, nodeBytes: number, links: number): Generator<GraphDelta> {
  let delta = emptyDelta();
  let bytes = 0;
  delta.nodesAdded.push(serverNode(taken.serverSid, taken.serverUuid));
  for (const session of taken.sessions) {
    const node = nodeOf(session, taken.serverSid);
    delta.nodesAdded.push(node);
    bytes += bytesOf(node);
    if (bytes < nodeBytes) continue;
    yield delta;
    delta = emptyDelta();
    bytes = 0;
  }
  if (delta.nodesAdded.length > 0) yield delta;
  delta = emptyDelta();
  for (const link of taken.links) {
    delta.linksAdded.push(link);
    if (delta.linksAdded.length < links) continue;
    yield delta;
    delta = emptyDelta();
  }
  if (delta.linksAdded.length > 0) yield delta;
}

function bytesOf({ name, labels }: GraphNode): number {
  let bytes = NODE_BYTES + name.length;
  for (const key in labels) bytes += key.length + labels[key].length + 6;
  return bytes;
}

function addNode(delta: GraphDelta, state: State, sid: number): void {
  delta.nodesRemoved.push(sid);
  const session = state.sessions.get(sid);
  if (session !== undefined) delta.nodesAdded.push(nodeOf(session, state.serverSid));
  else if (sid === state.serverSid) delta.nodesAdded.push(serverNode(sid, state.serverUuid));
}

function emptyDelta(): GraphDelta {
  return { linksRemoved: [], nodesRemoved: [], nodesAdded: [], linksAdded: [] };
}

import type { Change } from '../core/model/change.js';
import type { Link } from '../core/model/link.js';
import type { NetworkServer } from '../core/model/server.js';
import type { Session } from '../core/model/session.js';
import type { Capture } from '../core/store/snapshot.js';
import type { StateView } from '../core/store/state-view.js';
import type { Touch } from './touches.js';

/** A node as a watcher sees it. */
export interface WatchedNode {
  readonly sid: number;
  /** The SID of its server; 0 for a server. */
  readonly parent: number;
  readonly uuid: string;
  readonly name: string;
  readonly labels: Session['labels'];
}

/**
 * What happened to the graph, in a form that every door's topic encodes, so that the doors cannot disagree.
 *
 * A reader applies it in this order: links removed, nodes removed, nodes added, links added.
 */
export interface GraphDelta {
  readonly linksRemoved: { readonly a: number; readonly b: number; readonly link?: Link['link'] }[];
  readonly nodesRemoved: number[];
  readonly nodesAdded: WatchedNode[];
  readonly linksAdded: Link[];
}

/** A session's node. `founder`: the server that it is at when it does not say another. */
export function nodeOf({ sid, uuid, name, labels, home = 0 }: Session, founder: number): WatchedNode {
  return { sid, parent: home === 0 ? founder : home, uuid, name, labels };
}

/** A server's node. */
export function serverNode({ sid, uuid, name }: Pick<NetworkServer, 'sid' | 'uuid' | 'name'>): WatchedNode {
  return { sid, parent: 0, uuid, name, labels: {} };
}

/**
 * What a revision did to the graph; nothing, for most kinds of changes. A node that is there already and comes again looks like this
 * now, and keeps its links.
 */
export function graphDelta(changes: readonly Change[], serverSid: number): GraphDelta {
  const delta = emptyDelta();
  for (const change of changes) {
    switch (change.kind) {
      case 'NetworkFounded':
        delta.nodesAdded.push(serverNode({ sid: change.serverSid, uuid: change.serverUuid, name: '' }));
        break;
      case 'ServerAdded':
      case 'ServerChanged':
        delta.nodesAdded.push(serverNode(change.server));
        break;
      case 'ServerRemoved':
        delta.nodesRemoved.push(change.server.sid);
        break;
      case 'SessionMoved':
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

/** In the place of a touch's other end: the node stays, with its links, and looks otherwise. */
const LOOKS = -1;

/** What a revision touched of the graph. */
export function graphTouches(changes: readonly Change[]): Touch[] {
  const touched: Touch[] = [];
  for (const change of changes) {
    if (change.kind === 'NetworkFounded') touched.push({ a: change.serverSid, b: 0 });
    else if (change.kind === 'ServerAdded' || change.kind === 'ServerRemoved')
      touched.push({ a: change.server.sid, b: 0 });
    else if (change.kind === 'ServerChanged') touched.push({ a: change.server.sid, b: LOOKS });
    else if (change.kind === 'SessionMoved') touched.push({ a: change.session.sid, b: LOOKS });
    else if (change.kind === 'SessionOpened' || change.kind === 'SessionClosed') {
      touched.push({ a: change.session.sid, b: 0 });
    } else if (change.kind === 'LinkAdded' || change.kind === 'LinkRemoved') touched.push(change.link);
  }
  return touched;
}

/*
 * At most so many bytes, at every door: SIDs, types, a UUID, and the tags or headers of all of them. A text's own bytes are
 * added.
 */
const NODE_BYTES_MAX = 96;
const LABEL_BYTES_MAX = 12;
const SID_BYTES_MAX = 12;
const LINK_BYTES_MAX = 24;

/** What a UTF-16 code unit takes at most in UTF-8. */
const UNIT_BYTES_MAX = 3;

/** Bytes of a message with these changes of the graph, at most. It stops counting once they are more than `bytesMax`. */
export function graphBytes(changes: readonly Change[], bytesMax: number): number {
  let bytes = 0;
  for (const change of changes) {
    if (change.kind === 'LinkAdded' || change.kind === 'LinkRemoved') bytes += LINK_BYTES_MAX;
    else if (change.kind === 'SessionClosed' || change.kind === 'ServerRemoved') bytes += SID_BYTES_MAX;
    else if (change.kind === 'ServerAdded' || change.kind === 'ServerChanged')
      bytes += serverBytesAtMost(change.server);
    else if (change.kind === 'SessionOpened' || change.kind === 'SessionMoved')
      bytes += nodeBytesAtMost(change.session);
    else if (change.kind === 'NetworkFounded') bytes += NODE_BYTES_MAX;
    if (bytes > bytesMax) return bytes;
  }
  return bytes;
}

/** An upper bound, without measuring the texts: a revision has one node, whose size is far from any bound. */
function nodeBytesAtMost({ name, labels }: Pick<WatchedNode, 'name' | 'labels'>): number {
  let units = name.length;
  let bytes = NODE_BYTES_MAX;
  for (const key in labels) {
    units += key.length + labels[key].length;
    bytes += LABEL_BYTES_MAX;
  }
  return bytes + UNIT_BYTES_MAX * units;
}

function serverBytesAtMost({ name }: NetworkServer): number {
  return NODE_BYTES_MAX + UNIT_BYTES_MAX * name.length;
}

function nodeBytes({ name, labels }: WatchedNode): number {
  let bytes = NODE_BYTES_MAX + Buffer.byteLength(name);
  for (const key in labels) bytes += LABEL_BYTES_MAX + Buffer.byteLength(key) + Buffer.byteLength(labels[key]);
  return bytes;
}

/**
 * What the touched nodes and links are now, as one delta on top of whatever a reader had: each is removed first, and added
 * again where it is still there.
 *
 * Correct because a node is only touched when it comes or goes, and all its links with it: everything that is removed here
 * and still exists is among the touches that are added again. One that only looks otherwise is not removed.
 *
 * Undefined as soon as it would be more than `bytesMax`.
 */
export function netEffect(state: StateView, missed: Iterable<Touch>, bytesMax: number): GraphDelta | undefined {
  const delta = emptyDelta();
  const seen = new Set<string>();
  let bytes = 0;
  for (const { a, b } of missed) {
    const key = `${a} ${b}`;
    if (seen.has(key)) continue;
    seen.add(key);
    if (b === 0 || b === LOOKS) {
      if (b === 0) delta.nodesRemoved.push(a);
      const node = nodeAt(state, a);
      if (node !== undefined) delta.nodesAdded.push(node);
      bytes += SID_BYTES_MAX + (node === undefined ? 0 : nodeBytes(node));
    } else {
      const links = state.graph.linksBetween(a, b);
      delta.linksRemoved.push({ a, b });
      delta.linksAdded.push(...links);
      bytes += LINK_BYTES_MAX * (1 + links.length);
    }
    if (bytes > bytesMax) return undefined;
  }
  return delta;
}

/**
 * A snapshot of the graph in pieces: nodes first, so that a link's two ends are there when it comes. A piece has nodes of
 * `nodesBytes` at most, the last of them excepted, or `links` links.
 */
export function* snapshotDeltas(taken: Capture, nodesBytes: number, links: number): Generator<GraphDelta> {
  let delta = emptyDelta();
  let bytes = 0;
  delta.nodesAdded.push(...taken.servers.map(serverNode));
  for (const session of taken.sessions) {
    const node = nodeOf(session, taken.serverSid);
    delta.nodesAdded.push(node);
    bytes += nodeBytes(node);
    if (bytes < nodesBytes) continue;
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

/** The node, if it is there. */
function nodeAt({ sessions, servers, serverSid }: StateView, sid: number): WatchedNode | undefined {
  const session = sessions.get(sid);
  if (session !== undefined) return nodeOf(session, serverSid);
  const server = servers.get(sid);
  return server && serverNode(server);
}

function emptyDelta(): GraphDelta {
  return { linksRemoved: [], nodesRemoved: [], nodesAdded: [], linksAdded: [] };
}

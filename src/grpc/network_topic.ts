import { type LinkAdded, NetworkDelta, type NodeAdded, WatchKind } from '../../gen/switchyard/v1/network.js';
import { WatchNetworkDeltaResponse } from '../../gen/switchyard/v1/network_service.js';
import type { Change } from '../core/change.js';
import type { Position } from '../core/position.js';
import type { Capture } from '../core/snapshot.js';
import type { State } from '../core/state.js';
import type { Topic } from '../feed/topic.js';
import type { Touch } from '../feed/touches.js';
import { bytesOf } from './bytes.js';
import { nodeAddedMessage, positionMessage, serverAddedMessage } from './message.js';
import { sessionSize } from './size.js';

/** Links of one snapshot message, of 20 B at most. */
const LINKS_PER_CHUNK = 6_144;
/** Bytes of nodes in one snapshot message, by estimate. Both make a message of some 128 KiB: a millisecond or two. */
const NODE_BYTES_PER_CHUNK = 131_072;

/**
 * WatchNetworkDelta as bytes. Every revision is one delta, also one that did not touch the graph: so a reader can count
 * them, and see by itself that none is missing.
 */
export function networkTopic(state: State): Topic {
  return {
    name: 'network',
    encode: (position, changes) => encode(WatchKind.DELTA, position, [deltaOf(changes, state)]),
    touches,
    filter,
    bookmark: (position) => encode(WatchKind.BOOKMARK, position),
    reset: (position) => encode(WatchKind.RESET, position),
    snapshot: { chunks, end: (position) => encode(WatchKind.SNAPSHOT_END, position) },
    net: (now, missed) => encode(WatchKind.DELTA, now.position, [netEffect(now, missed)]),
  };
}

function encode(kind: WatchKind, position: Position, deltas: NetworkDelta[] = []): Uint8Array {
  return bytesOf(WatchNetworkDeltaResponse, { position: positionMessage(position), kind, deltas });
}

function deltaOf(changes: readonly Change[], state: State): NetworkDelta {
  const delta = NetworkDelta.create();
  for (const change of changes) {
    switch (change.kind) {
      case 'NetworkFounded':
        delta.nodeAdded.push(serverAddedMessage(change.serverSid, change.serverUuid));
        break;
      case 'SessionOpened':
        delta.nodeAdded.push(nodeAddedMessage(change.session, state.serverSid));
        break;
      case 'SessionClosed':
        delta.nodeRemoved.push({ cvid: change.session.sid });
        break;
      case 'LinkAdded':
        delta.linkAdded.push({ cvid1: change.link.a, cvid2: change.link.b, link: change.link.link });
        break;
      case 'LinkRemoved':
        delta.linkRemoved.push({ cvid1: change.link.a, cvid2: change.link.b, link: change.link.link });
        break;
    }
  }
  return delta;
}

function touches(changes: readonly Change[]): Touch[] {
  const touched: Touch[] = [];
  for (const change of changes) {
    if (change.kind === 'NetworkFounded') touched.push({ a: change.serverSid, b: 0 });
    else if (change.kind === 'SessionOpened' || change.kind === 'SessionClosed') {
      touched.push({ a: change.session.sid, b: 0 });
    } else if (change.kind === 'LinkAdded' || change.kind === 'LinkRemoved') touched.push(change.link);
  }
  return touched;
}

/** Snapshots as well as deltas. A revision of which nothing is left is left out. */
function filter(bytes: Uint8Array, keeps: (sid: number) => boolean): Uint8Array | undefined {
  const message = WatchNetworkDeltaResponse.decode(bytes);
  const deltas = message.deltas.map((delta) => keepOf(delta, keeps)).filter((delta) => !isEmpty(delta));
  return deltas.length === 0 ? undefined : bytesOf(WatchNetworkDeltaResponse, { ...message, deltas });
}

function keepOf(delta: NetworkDelta, keeps: (sid: number) => boolean): NetworkDelta {
  const node = ({ cvid }: { cvid: number }) => keeps(cvid);
  const link = ({ cvid1, cvid2 }: { cvid1: number; cvid2: number }) => keeps(cvid1) || keeps(cvid2);
  return {
    nodeAdded: delta.nodeAdded.filter(node),
    nodeRemoved: delta.nodeRemoved.filter(node),
    linkAdded: delta.linkAdded.filter(link),
    linkRemoved: delta.linkRemoved.filter(link),
  };
}

function isEmpty({ nodeAdded, nodeRemoved, linkAdded, linkRemoved }: NetworkDelta): boolean {
  return nodeAdded.length + nodeRemoved.length + linkAdded.length + linkRemoved.length === 0;
}

/** Nodes first, so that a link's two ends are there when it comes. */
function* chunks(taken: Capture): Iterator<Uint8Array> {
  const encodeDelta = (delta: Partial<NetworkDelta>) =>
    encode(WatchKind.SNAPSHOT, taken.position, [NetworkDelta.fromPartial(delta)]);
  let nodes: NodeAdded[] = [serverAddedMessage(taken.serverSid, taken.serverUuid)];
  let bytes = 0;
  for (const session of taken.sessions) {
    if (session === undefined) continue;
    nodes.push(nodeAddedMessage(session, taken.serverSid));
    bytes += sessionSize(session);
    if (bytes < NODE_BYTES_PER_CHUNK) continue;
    yield encodeDelta({ nodeAdded: nodes });
    nodes = [];
    bytes = 0;
  }
  if (nodes.length > 0) yield encodeDelta({ nodeAdded: nodes });
  let linkAdded: LinkAdded[] = [];
  for (const { a, b, link } of taken.links) {
    linkAdded.push({ cvid1: a, cvid2: b, link });
    if (linkAdded.length < LINKS_PER_CHUNK) continue;
    yield encodeDelta({ linkAdded });
    linkAdded = [];
  }
  if (linkAdded.length > 0) yield encodeDelta({ linkAdded });
}

/**
 * What the touched nodes and links are now, as one delta on top of whatever a reader had: each is removed first, and added
 * again where it is still there.
 *
 * Sound because a node is only touched when it comes or goes, and all its links with it; so nothing is removed here that
 * is not listed to be added again.
 */
function netEffect(state: State, missed: Iterable<Touch>): NetworkDelta {
  const delta = NetworkDelta.create();
  const seen = new Set<string>();
  for (const { a, b } of missed) {
    const key = `${a} ${b}`;
    if (seen.has(key)) continue;
    seen.add(key);
    if (b === 0) addNode(delta, state, a);
    else {
      delta.linkRemoved.push({ cvid1: a, cvid2: b, link: undefined });
      for (const { link } of state.graph.linksBetween(a, b)) delta.linkAdded.push({ cvid1: a, cvid2: b, link });
    }
  }
  return delta;
}

function addNode(delta: NetworkDelta, state: State, sid: number): void {
  delta.nodeRemoved.push({ cvid: sid });
  const session = state.sessions.get(sid);
  if (session !== undefined) delta.nodeAdded.push(nodeAddedMessage(session, state.serverSid));
  else if (sid === state.serverSid) delta.nodeAdded.push(serverAddedMessage(sid, state.serverUuid));
}

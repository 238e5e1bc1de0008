import { type NetworkDelta, WatchKind } from '../../../gen/switchyard/v1/network.js';
import { WatchNetworkDeltaResponse } from '../../../gen/switchyard/v1/network_service.js';
import type { Change } from '../../core/model/change.js';
import type { LinkType } from '../../core/model/link.js';
import type { Position } from '../../core/model/position.js';
import type { StateView } from '../../core/store/state-view.js';
import {
  type GraphDelta,
  graphBytes,
  graphDelta,
  graphTouches,
  netEffect,
  snapshotDeltas,
  type WatchedNode,
} from '../../feed/graph-delta.js';
import type { Topic } from '../../feed/topic.js';
import { lengthTag, varintTag } from '../../protowire/tag.js';
import { bytesOf } from './bytes.js';
import { committedAtOf, positionMessage, positionOf } from './message.js';
import { beginDelta, writeLabels, deltaWriter as writer } from './wire-fields.js';

/** The fields of a WatchNetworkDeltaResponse. */
const RESPONSE_TAG = {
  position: lengthTag(1),
  kind: varintTag(2),
  deltas: lengthTag(3),
} as const;

/** The fields of a NetworkDelta. */
const DELTA_TAG = {
  nodeAdded: lengthTag(1),
  nodeRemoved: lengthTag(2),
  linkAdded: lengthTag(3),
  linkRemoved: lengthTag(4),
} as const;

/** The fields of a NodeAdded. */
const NODE_ADDED_TAG = {
  cvid: varintTag(1),
  parent: varintTag(2),
  instanceUuid: lengthTag(10),
  name: lengthTag(11),
  labels: lengthTag(12),
} as const;

/** The fields of a NodeRemoved. */
const NODE_REMOVED_TAG = {
  cvid: varintTag(1),
} as const;

/** The fields of a LinkAdded. */
const LINK_ADDED_TAG = {
  cvid1: varintTag(1),
  cvid2: varintTag(2),
  link: varintTag(3),
} as const;

/** The fields of a LinkRemoved. */
const LINK_REMOVED_TAG = {
  cvid1: varintTag(1),
  cvid2: varintTag(2),
  link: varintTag(10),
} as const;

/** Links of one snapshot message, of 20 B at most. */
const LINKS_PER_CHUNK = 3_072;
/** Bytes of nodes in one snapshot message, by estimate. Both make a message of some 64 KiB: a millisecond or so. */
const NODE_BYTES_PER_CHUNK = 65_536;

/**
 * WatchNetworkDelta as bytes. Every revision is one delta, also one that did not touch the graph: so a reader can count
 * them, and see by itself that none is missing.
 */
export function networkTopic(state: StateView): Topic {
  return {
    name: 'network',
    encode: (position, changes) => encode(WatchKind.DELTA, position, graphDelta(changes, state.serverSid)),
    size: graphBytes,
    touches: graphTouches,
    filter,
    bookmark,
    reset: (position) => encode(WatchKind.RESET, position),
    snapshot: {
      *chunks(taken) {
        for (const delta of snapshotDeltas(taken, NODE_BYTES_PER_CHUNK, LINKS_PER_CHUNK)) {
          yield encode(WatchKind.SNAPSHOT, taken.position, delta);
        }
      },
      end: (position) => encode(WatchKind.SNAPSHOT_END, position),
    },
    net: (now, missed, bytesMax) => {
      const delta = netEffect(now, missed, bytesMax);
      return delta === undefined ? undefined : encode(WatchKind.DELTA, now.position, delta);
    },
  };
}

/** One revision as watchers are told of it. `serverSid`: the node of the server that founded the network. */
export function encodeRevision(position: Position, changes: readonly Change[], serverSid: number): Uint8Array {
  return encode(WatchKind.DELTA, position, graphDelta(changes, serverSid));
}

function bookmark(position: Position, committedAtMs?: number): Uint8Array {
  const message = { position: positionMessage(position), kind: WatchKind.BOOKMARK, deltas: [] };
  return bytesOf(WatchNetworkDeltaResponse, { ...message, committedAt: committedAtOf(committedAtMs) });
}

/** A WatchNetworkDeltaResponse. */
function encode(kind: WatchKind, position: Position, delta?: GraphDelta): Uint8Array {
  beginDelta(RESPONSE_TAG, position, kind);
  if (delta !== undefined) writeDelta(delta);
  return writer.finish();
}

/** A NetworkDelta, field 3 of its response. */
function writeDelta({ nodesAdded, nodesRemoved, linksAdded, linksRemoved }: GraphDelta): void {
  const delta = writer.open(RESPONSE_TAG.deltas);
  for (const node of nodesAdded) writeNode(node);
  for (const sid of nodesRemoved) {
    const removed = writer.open(DELTA_TAG.nodeRemoved);
    writer.number(NODE_REMOVED_TAG.cvid, sid);
    writer.close(removed);
  }
  for (const { a, b, link } of linksAdded) {
    const added = writer.open(DELTA_TAG.linkAdded);
    writer.number(LINK_ADDED_TAG.cvid1, a);
    writer.number(LINK_ADDED_TAG.cvid2, b);
    writer.number(LINK_ADDED_TAG.link, link);
    writer.close(added);
  }
  for (const { a, b, link } of linksRemoved) {
    const removed = writer.open(DELTA_TAG.linkRemoved);
    writer.number(LINK_REMOVED_TAG.cvid1, a);
    writer.number(LINK_REMOVED_TAG.cvid2, b);
    if (link !== undefined) writer.numberAlways(LINK_REMOVED_TAG.link, link);
    writer.close(removed);
  }
  writer.close(delta);
}

/** A NodeAdded, field 1 of its delta. */
function writeNode({ sid, parent, uuid, name, labels }: WatchedNode): void {
  const node = writer.open(DELTA_TAG.nodeAdded);
  writer.number(NODE_ADDED_TAG.cvid, sid);
  writer.number(NODE_ADDED_TAG.parent, parent);
  writer.text(NODE_ADDED_TAG.instanceUuid, uuid);
  writer.text(NODE_ADDED_TAG.name, name);
  writeLabels(NODE_ADDED_TAG.labels, labels);
  writer.close(node);
}

/** The type in a message that this server has written, and so none that it does not know. */
function typeOf(link: number): LinkType {
  return link as LinkType;
}

/** One revision, read from its DELTA message: what the feed of another door has to encode. */
export function readRevision(message: Uint8Array): { readonly position: Position; readonly delta: GraphDelta } {
  const { position, deltas } = WatchNetworkDeltaResponse.decode(message);
  const [{ nodeAdded, nodeRemoved, linkAdded, linkRemoved }] = deltas;
  const delta = {
    nodesAdded: nodeAdded.map(({ cvid, parent, instanceUuid, name, labels }) => {
      return { sid: cvid, parent, uuid: instanceUuid, name, labels };
    }),
    nodesRemoved: nodeRemoved.map(({ cvid }) => cvid),
    linksAdded: linkAdded.map(({ cvid1, cvid2, link }) => ({ a: cvid1, b: cvid2, link: typeOf(link) })),
    linksRemoved: linkRemoved.map(({ cvid1, cvid2, link }) => {
      return { a: cvid1, b: cvid2, ...(link !== undefined && { link: typeOf(link) }) };
    }),
  };
  return { position: positionOf(position), delta };
}

/** Snapshots as well as deltas. A revision of which nothing is left is left out. */
function filter(bytes: Uint8Array, keeps: (sid: number) => boolean): Uint8Array | undefined {
  const decoded = WatchNetworkDeltaResponse.decode(bytes);
  const deltas = decoded.deltas.map((delta) => keepOf(delta, keeps)).filter((delta) => !isEmpty(delta));
  return deltas.length === 0 ? undefined : bytesOf(WatchNetworkDeltaResponse, { ...decoded, deltas });
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

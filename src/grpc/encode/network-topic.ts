import { type NetworkDelta, WatchKind } from '../../../gen/switchyard/v1/network.js';
import { WatchNetworkDeltaResponse } from '../../../gen/switchyard/v1/network_service.js';
import type { Position } from '../../core/model/position.js';
import type { State } from '../../core/store/state.js';
import {
  type GraphDelta,
  type GraphNode,
  graphDelta,
  graphTouches,
  netEffect,
  snapshotDeltas,
} from '../../feed/graph-delta.js';
import type { Topic } from '../../feed/topic.js';
import { WireWriter } from '../../protowire/writer.js';
import { bytesOf } from './bytes.js';

/** Links of one snapshot message, of 20 B at most. */
const LINKS_PER_CHUNK = 3_072;
/** Bytes of nodes in one snapshot message, by estimate. Both make a message of some 64 KiB: a millisecond or so. */
const NODE_BYTES_PER_CHUNK = 65_536;

/**
 * WatchNetworkDelta as bytes. Every revision is one delta, also one that did not touch the graph: so a reader can count
 * them, and see by itself that none is missing.
 */
export function networkTopic(state: State): Topic {
  return {
    name: 'network',
    encode: (position, changes) => encode(WatchKind.DELTA, position, graphDelta(changes, state.serverSid)),
    touches: graphTouches,
    filter,
    bookmark: (position) => encode(WatchKind.BOOKMARK, position),
    reset: (position) => encode(WatchKind.RESET, position),
    snapshot: {
      *chunks(taken) {
        for (const delta of snapshotDeltas(taken, NODE_BYTES_PER_CHUNK, LINKS_PER_CHUNK)) {
          yield encode(WatchKind.SNAPSHOT, taken.position, delta);
        }
      },
      end: (position) => encode(WatchKind.SNAPSHOT_END, position),
    },
    net: (now, missed) => encode(WatchKind.DELTA, now.position, netEffect(now, missed)),
  };
}

/** One writer for all: nothing is written to it in the midst of something else. */
const writer = new WireWriter();

/** A WatchNetworkDeltaResponse. */
function encode(kind: WatchKind, { epoch, revision }: Position, delta?: GraphDelta): Uint8Array {
  writer.clear();
  const position = writer.open(0o12);
  writer.text(0o12, epoch);
  writer.number(0o20, revision);
  writer.close(position);
  writer.number(0o20, kind);
  if (delta !== undefined) writeDelta(delta);
  return writer.finish();
}

/** A NetworkDelta, field 3 of its response. */
function writeDelta({ nodesAdded, nodesRemoved, linksAdded, linksRemoved }: GraphDelta): void {
  const delta = writer.open(0o32);
  for (const node of nodesAdded) writeNode(node);
  for (const sid of nodesRemoved) {
    const removed = writer.open(0o22);
    writer.number(0o10, sid);
    writer.close(removed);
  }
  for (const { a, b, link } of linksAdded) {
    const added = writer.open(0o32);
    writer.number(0o10, a);
    writer.number(0o20, b);
    writer.number(0o30, link);
    writer.close(added);
  }
  for (const { a, b, link } of linksRemoved) {
    const removed = writer.open(0o42);
    writer.number(0o10, a);
    writer.number(0o20, b);
    if (link !== undefined) writer.numberAlways(0o120, link);
    writer.close(removed);
  }
  writer.close(delta);
}

/** A NodeAdded, field 1 of its delta. */
function writeNode({ sid, parent, uuid, name, labels }: GraphNode): void {
  const node = writer.open(0o12);
  writer.number(0o10, sid);
  writer.number(0o20, parent);
  writer.text(0o122, uuid);
  writer.text(0o132, name);
  for (const key of Object.keys(labels)) {
    const label = writer.open(0o142);
    writer.text(0o12, key);
    writer.text(0o22, labels[key]);
    writer.close(label);
  }
  writer.close(node);
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

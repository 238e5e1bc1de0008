import { type NetworkDelta, WatchKind } from '../../gen/switchyard/v1/network.js';
import { WatchNetworkDeltaResponse } from '../../gen/switchyard/v1/network_service.js';
import type { Position } from '../core/position.js';
import type { State } from '../core/state.js';
import { type GraphDelta, graphDelta, graphTouches, netEffect, snapshotDeltas } from '../feed/graph-delta.js';
import type { Topic } from '../feed/topic.js';
import { bytesOf } from './bytes.js';
import { positionMessage } from './message.js';

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
    encode: (position, changes) => encode(WatchKind.DELTA, position, [message(graphDelta(changes, state.serverSid))]),
    touches: graphTouches,
    filter,
    bookmark: (position) => encode(WatchKind.BOOKMARK, position),
    reset: (position) => encode(WatchKind.RESET, position),
    snapshot: {
      *chunks(taken) {
        for (const delta of snapshotDeltas(taken, NODE_BYTES_PER_CHUNK, LINKS_PER_CHUNK)) {
          yield encode(WatchKind.SNAPSHOT, taken.position, [message(delta)]);
        }
      },
      end: (position) => encode(WatchKind.SNAPSHOT_END, position),
    },
    net: (now, missed) => encode(WatchKind.DELTA, now.position, [message(netEffect(now, missed))]),
  };
}

function encode(kind: WatchKind, position: Position, deltas: NetworkDelta[] = []): Uint8Array {
  return bytesOf(WatchNetworkDeltaResponse, { position: positionMessage(position), kind, deltas });
}

function message({ nodesAdded, nodesRemoved, linksAdded, linksRemoved }: GraphDelta): NetworkDelta {
  return {
    nodeAdded: nodesAdded.map(({ sid, parent, uuid, name, labels }) => {
      return { cvid: sid, parent, instanceUuid: uuid, name, labels: { ...labels } };
    }),
    nodeRemoved: nodesRemoved.map((cvid) => ({ cvid })),
    linkAdded: linksAdded.map(({ a, b, link }) => ({ cvid1: a, cvid2: b, link })),
    linkRemoved: linksRemoved.map(({ a, b, link }) => ({ cvid1: a, cvid2: b, link })),
  };
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

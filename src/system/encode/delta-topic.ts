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
import { packetsOf } from '../../transport/pipe.js';
import { encodeBody } from '../codec/body.js';
import { ByteWriter } from '../codec/bytes.js';
import { decodeEvent, type EventBody } from '../codec/event.js';
import type { Body, Table } from '../codec/field.js';
import { PACKET_HEADER_BYTES } from '../codec/packet.js';
import { LinkAdded, LinkRemoved, NodeAdded, NodeRemoved } from '../codec/records.js';
import { writeEvent } from '../codec/send.js';
import { labelsThatFit } from './message.js';

/** What a NetworkDelta is. The numbers are those of `switchyard.v1.WatchKind`. */
export const WatchKind = { SNAPSHOT: 1, SNAPSHOT_END: 2, DELTA: 3, BOOKMARK: 4, RESET: 5 } as const;

type Kind = (typeof WatchKind)[keyof typeof WatchKind];
type Delta = EventBody<'NetworkDelta'>;
type Items = Pick<Delta, 'nodeAdded' | 'nodeRemoved' | 'linkAdded' | 'linkRemoved'>;
type Lists = { -readonly [N in keyof Items]-?: NonNullable<Items[N]>[number][] };

/** Bytes of one NetworkDelta's items: a client with little memory can take it, and a node with all its labels fits. */
const ITEMS_BYTES_MAX = 61_440;
/** A cell's key and length. */
const CELL_HEADER_BYTES = 3;
/** What an item takes at most, beside the texts of a node; and a label, beside its own. */
const ITEM_BYTES_MAX = 48;
const LABEL_BYTES_MAX = 12;
/** What a UTF-16 code unit takes at most in UTF-8. */
const UNIT_BYTES_MAX = 3;
/** Links of one snapshot packet: 24 B each. */
const LINKS_PER_PIECE = 2_048;
/** Bytes of nodes in one snapshot packet, by estimate. */
const NODE_BYTES_PER_PIECE = 32_768;

/** {@link Topic}, and how one revision becomes bytes that was read from the history of another door. */
export interface DeltaTopic extends Topic {
  encodeRevision(position: Position, delta: GraphDelta): Uint8Array;
}

/**
 * NetworkDelta as bytes: frames, one after the other, so that what one turn brought is one write on a stream of bytes and
 * is cut into messages where the transport has them.
 *
 * A revision is one packet, or several with `more` where it does not fit. The feed's log holds the bytes as they go out,
 * encoded once for all who watch.
 */
export function deltaTopic(state: StateView): DeltaTopic {
  const writer = new ByteWriter();
  const frames = (kind: Kind, position: Position, pieces: readonly Items[]): Uint8Array => {
    writer.whole(() => {
      for (let index = 0; index < pieces.length; index++) {
        // Field by field: a spread takes three times as long as all the encoding.
        const { nodeAdded, nodeRemoved, linkAdded, linkRemoved } = pieces[index];
        const more = index < pieces.length - 1 && kind !== WatchKind.SNAPSHOT ? true : undefined;
        const body = { kind, position, nodeAdded, nodeRemoved, linkAdded, linkRemoved, more };
        writeEvent(writer, { type: 'NetworkDelta', body });
      }
    });
    // A small copy lies in Node's pool: memory of its own for each revision would have V8 collect everything more often.
    return Buffer.from(writer.view());
  };
  const encodeRevision = (position: Position, delta: GraphDelta) =>
    frames(WatchKind.DELTA, position, piecesOf(listsOf(delta)));
  return {
    name: 'system-network',
    encode: (position, changes) => encodeRevision(position, graphDelta(changes, state.serverSid)),
    encodeRevision,
    size: graphBytes,
    touches: graphTouches,
    filter: (bytes, keeps) => filter(bytes, keeps, writer),
    bookmark: (position) => frames(WatchKind.BOOKMARK, position, [{}]),
    reset: (position) => frames(WatchKind.RESET, position, [{}]),
    snapshot: {
      *chunks(taken) {
        for (const delta of snapshotDeltas(taken, NODE_BYTES_PER_PIECE, LINKS_PER_PIECE)) {
          yield frames(WatchKind.SNAPSHOT, taken.position, piecesOf(listsOf(delta)));
        }
      },
      end: (position) => frames(WatchKind.SNAPSHOT_END, position, [{}]),
    },
    net: (now, missed, bytesMax) => {
      const delta = netEffect(now, missed, bytesMax);
      return delta === undefined ? undefined : frames(WatchKind.DELTA, now.position, piecesOf(listsOf(delta)));
    },
  };
}

function listsOf({ nodesAdded, nodesRemoved, linksAdded, linksRemoved }: GraphDelta): Lists {
  return {
    nodeAdded: nodesAdded.map(nodeAdded),
    nodeRemoved: nodesRemoved.map((cvid) => ({ cvid })),
    linkAdded: linksAdded.map(({ a, b, link }) => ({ cvid1: a, cvid2: b, link: link === 0 ? undefined : link })),
    linkRemoved: linksRemoved.map(({ a, b, link }) => ({ cvid1: a, cvid2: b, link })),
  };
}

function nodeAdded({ sid, parent, uuid, name, labels }: WatchedNode): Lists['nodeAdded'][number] {
  return {
    cvid: sid,
    parent: parent === 0 ? undefined : parent,
    instanceUuid: uuid,
    name: name === '' ? undefined : name,
    labels: labelsThatFit(labels),
  };
}

/**
 * The items as bodies that each fit a packet, in the order in which a reader applies them: so whoever applied the pieces
 * one by one would not be wrong either.
 */
function piecesOf(lists: Lists): Items[] {
  // Nearly every revision: what surely fits one packet is not weighed item by item.
  if (bytesAtMost(lists) <= ITEMS_BYTES_MAX) return [lists];
  const pieces: Items[] = [];
  let piece: Partial<Lists> = {};
  let bytes = 0;
  const add = <N extends keyof Lists>(name: N, table: Table): void => {
    for (const item of lists[name]) {
      const itemBytes = CELL_HEADER_BYTES + bytesOf(table, item);
      if (bytes > 0 && bytes + itemBytes > ITEMS_BYTES_MAX) {
        pieces.push(piece);
        piece = {};
        bytes = 0;
      }
      bytes += itemBytes;
      const list = (piece[name] ??= [] as unknown as Lists[N]) as (typeof item)[];
      list.push(item);
    }
  };
  add('linkRemoved', LinkRemoved as Table);
  add('nodeRemoved', NodeRemoved as Table);
  add('nodeAdded', NodeAdded as Table);
  add('linkAdded', LinkAdded as Table);
  return [...pieces, piece];
}

function bytesAtMost({ nodeAdded, nodeRemoved, linkAdded, linkRemoved }: Lists): number {
  let bytes = ITEM_BYTES_MAX * (nodeAdded.length + nodeRemoved.length + linkAdded.length + linkRemoved.length);
  for (const { name, labels } of nodeAdded) {
    bytes += UNIT_BYTES_MAX * (name?.length ?? 0);
    for (const { key, value } of labels ?? []) bytes += LABEL_BYTES_MAX + UNIT_BYTES_MAX * (key.length + value.length);
  }
  return bytes;
}

const scale = new ByteWriter();

function bytesOf(table: Table, item: object): number {
  scale.rewind(0);
  encodeBody(table, scale, item as Body<never>);
  return scale.length;
}

/**
 * What touches the nodes that `keeps` accepts. A revision in pieces is read as one; when only some of its pieces are left,
 * the last of them ends it.
 */
function filter(frames: Uint8Array, keeps: (sid: number) => boolean, writer: ByteWriter): Uint8Array | undefined {
  let held: Delta | undefined;
  const flush = (more: true | undefined) => {
    if (held !== undefined) writeEvent(writer, { type: 'NetworkDelta', body: { ...held, more } });
    held = undefined;
  };
  writer.whole(() => {
    for (const packet of packetsOf(frames)) {
      const event = decodeEvent(packet.subarray(PACKET_HEADER_BYTES), 'client');
      if (!('type' in event) || event.type !== 'NetworkDelta')
        throw new Error('a log of NetworkDelta holds something else');
      const kept = keepOf(event.body, keeps);
      if (kept !== undefined) {
        flush(true);
        held = kept;
      }
      if (event.body.more !== true) flush(undefined);
    }
  });
  return writer.length === 0 ? undefined : writer.finish();
}

function keepOf(delta: Delta, keeps: (sid: number) => boolean): Delta | undefined {
  const node = ({ cvid }: { cvid: number }) => keeps(cvid);
  const link = ({ cvid1, cvid2 }: { cvid1: number; cvid2: number }) => keeps(cvid1) || keeps(cvid2);
  const nodes = { nodeAdded: delta.nodeAdded?.filter(node), nodeRemoved: delta.nodeRemoved?.filter(node) };
  const links = { linkAdded: delta.linkAdded?.filter(link), linkRemoved: delta.linkRemoved?.filter(link) };
  const isEmpty = Object.values({ ...nodes, ...links }).every((list) => list === undefined || list.length === 0);
  return isEmpty ? undefined : { ...delta, ...nodes, ...links };
}

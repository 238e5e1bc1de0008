import { deflateSync, inflateSync } from 'node:zlib';
import { asError, codeOf } from '../../base/errors.js';
import { Fault, isMonthRefusal } from '../../core/model/fault.js';
import { StopReason, type Stream } from '../../core/model/stream.js';
import { SinkEnd, type SourceEnd } from '../../relay/end.js';
import { Flaw } from '../codec/flaw.js';
import type { Packet } from '../codec/packet.js';
import type { SystemBacking } from './backing.js';

/** Smaller blocks do not gain by compression, and larger ones would hold up the event loop for milliseconds. */
const COMPRESSED_BYTES_MIN = 128;
const COMPRESSED_BYTES_MAX = 65_536;
/** The fastest: the point is the link, not the ratio. */
const COMPRESSION_LEVEL = 1;

/** A block on its way to the client. */
export interface OutgoingBlock {
  readonly streamId: number;
  readonly block: Uint8Array;
  readonly compressed: boolean;
  /** Called with the client's word on it; undefined where the stream asks for no confirmation. */
  readonly confirm: ((isSuccess: boolean) => void) | undefined;
}

/** An open source: its end, and the blocks that the client waits to hear of, the oldest first. */
interface Source {
  readonly end: SourceEnd;
  readonly waiting: { readonly count: number; readonly packetId: number }[];
}

/**
 * The ends of one session's streams, as packets: what the client sends goes into its sources, what its sinks have goes out
 * when there is room.
 *
 * Sources open with their first block, sinks when the client asks for their data: anybody may lead a stream to any session, and
 * what a client never asked for is not sent to it. Until then the relay holds the data within the stream's window, and cuts off
 * the branch as one whose sink does not read.
 */
export class Flows {
  private readonly sources = new Map<number, Source>();
  private readonly sinks = new Map<number, SinkEnd>();
  /** Branches that may have a block. */
  private readonly ready = new Set<number>();
  /** The client has asked for the data of all. */
  private wantsAll = false;
  private isClosed = false;

  constructor(
    private readonly backing: SystemBacking,
    private readonly sid: number,
    /** A sink may have a block; a source may have room, or a confirmation. */
    private readonly stir: () => void,
  ) {}

  /** Opens every sink of the session, and those that come later. */
  openAll(): void {
    this.wantsAll = true;
    for (const stream of this.backing.replica.state.streams.of(this.sid)) this.openSinks(stream);
  }

  /** The stream is there and looks like this. */
  streamPut(stream: Stream): void {
    if (this.wantsAll) this.openSinks(stream);
  }

  /** Opens the session's sinks of a stream, or only the one with this id. One that is open already stays as it is. */
  openSinks({ sinks }: Stream, only?: number): void {
    if (this.isClosed) return;
    for (const { sid, id } of sinks) {
      if (sid !== this.sid || this.sinks.has(id) || (only !== undefined && id !== only)) continue;
      const opened = this.backing.relay.open(sid, id);
      if (opened instanceof Fault || !(opened.end instanceof SinkEnd)) continue;
      this.sinks.set(id, opened.end);
      opened.end.onReady(() => {
        this.ready.add(id);
        this.stir();
      });
      this.ready.add(id);
    }
    this.stir();
  }

  /**
   * Takes a block from the client; or says why not. `confirmed`: the server itself was its sink. `taken`: no sink confirms it, so
   * that its packet id is answered now. `full`: it has to come again once {@link hasRoom}. Undefined: it has no packet id, or is answered when
   * every sink has confirmed.
   */
  take({ streamId, compressed, packetId, body }: Packet): Fault | Flaw | 'confirmed' | 'taken' | 'full' | undefined {
    const { state, deadlines } = this.backing.replica;
    const stream = state.streams.get(streamId);
    if (stream === undefined || stream.id !== streamId || stream.owner !== this.sid) {
      return new Fault('STREAM_NOT_FOUND', `no stream ${streamId}`);
    }
    const { maxBlockBytes, compression, deliveryConfirmation } = stream.params;
    if (compressed && compression === 0) {
      return new Flaw('PACKET_FLAGS_INVALID', 4, `stream ${streamId} has no compression`);
    }
    if (stream.sinks.length === 0) {
      deadlines.used(streamId);
      return packetId === undefined ? undefined : 'confirmed';
    }
    const source = this.sourceOf(streamId);
    if (source instanceof Fault) return source;
    // Before the block is inflated, which is work.
    if (source.end.fault !== undefined) return source.end.fault;
    // A source that was just opened finds the window as those before it have left it.
    if (!source.end.hasRoom()) return 'full';
    const block = compressed ? inflate(body, maxBlockBytes) : body.slice();
    const fault = block instanceof Fault ? block : (refuseEmpty(block) ?? source.end.write(block));
    if (fault !== undefined) {
      // A block of the next month would leave a hole that the sink is not told of.
      if (isMonthRefusal(fault)) source.end.end(fault);
      return fault;
    }
    if (packetId === undefined) return undefined;
    if (!deliveryConfirmation) return 'taken';
    source.waiting.push({ count: source.end.writtenBlocks, packetId });
    return undefined;
  }

  /** Whether every source that was written to has room. */
  hasRoom(): boolean {
    for (const { end } of this.sources.values()) if (end.fault === undefined && !end.hasRoom()) return false;
    return true;
  }

  /** The packet ids of blocks that every sink has confirmed since the last time. */
  *confirmed(): Generator<{ readonly streamId: number; readonly packetId: number }> {
    for (const [streamId, { end, waiting }] of this.sources) {
      const count = end.takeConfirmed();
      if (count !== undefined)
        while (waiting.length > 0 && waiting[0].count <= count) {
          yield { streamId, packetId: waiting.shift()!.packetId };
        }
      if (end.fault !== undefined && !isMonthRefusal(end.fault)) this.sources.delete(streamId);
    }
  }

  /** The next block for the client, from each sink in turn; undefined when there is none. */
  next(): OutgoingBlock | undefined {
    for (const id of this.ready) {
      const end = this.sinks.get(id)!;
      this.ready.delete(id);
      const block = end.next();
      if (block instanceof Fault) this.sinks.delete(id);
      if (block === undefined || block === 'ended' || block instanceof Fault) continue;
      this.ready.add(id);
      return this.outgoing(id, end, block);
    }
    return undefined;
  }

  /** The connection is gone, or on its way: its ends may be open on another one now. Streams stay. */
  close(): void {
    this.isClosed = true;
    for (const { end } of this.sources.values()) end.close();
    for (const end of this.sinks.values()) end.close();
    this.sources.clear();
    this.sinks.clear();
    this.ready.clear();
  }

  private sourceOf(streamId: number): Source | Fault {
    const known = this.sources.get(streamId);
    const fault = known?.end.fault;
    if (known !== undefined && (fault === undefined || isMonthRefusal(fault))) return known;
    const opened = this.backing.relay.open(this.sid, streamId);
    if (opened instanceof Fault) return opened;
    const end = opened.end as SourceEnd;
    const source = { end, waiting: [] };
    this.sources.set(streamId, source);
    end.onReady(this.stir);
    return source;
  }

  private outgoing(id: number, end: SinkEnd, block: Uint8Array): OutgoingBlock {
    const stream = this.backing.replica.state.streams.get(id);
    const packed = stream?.params.compression === 1 ? deflate(block) : undefined;
    // Packets do not tell of lost blocks. They count as taken.
    end.takeLost();
    const count = end.takenBlocks;
    const confirm = stream?.params.deliveryConfirmation
      ? (isSuccess: boolean) => {
          if (isSuccess) end.confirm(count);
          else this.refuse(id);
        }
      : undefined;
    return { streamId: id, block: packed ?? block, compressed: packed !== undefined, confirm };
  }

  /** A sink that does not take its block cannot be skipped: its branch stops. */
  private refuse(id: number): void {
    const { replica, log } = this.backing;
    const command = { kind: 'StopStream', sid: this.sid, id, reason: StopReason.STOPPED } as const;
    replica.enforce(command).then((outcome) => {
      if (outcome instanceof Fault)
        log.debug({ id, reason: outcome.reason }, 'a branch was gone before it was stopped');
    });
  }
}

/** A block has bytes, whichever door it comes through: gRPC cannot tell an empty one from a message with nothing in it. */
function refuseEmpty(block: Uint8Array): Fault | undefined {
  if (block.length > 0) return undefined;
  return Fault.fields([{ field: 'body', description: 'empty; a block has at least 1 byte' }]);
}

/** The block, or why it is none. What it would become is bounded before it is made. */
function inflate(body: Uint8Array, maxBlockBytes: number): Uint8Array | Fault {
  try {
    return inflateSync(body, { maxOutputLength: maxBlockBytes });
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ERR_BUFFER_TOO_LARGE') {
      return new Fault('TOO_LARGE', `a block of more than ${maxBlockBytes} bytes when inflated`);
    }
    return Fault.fields([{ field: 'body', description: `not zlib: ${asError(error).message}` }]);
  }
}

/** The block compressed, where that is worth it. */
function deflate(block: Uint8Array): Uint8Array | undefined {
  if (block.length < COMPRESSED_BYTES_MIN || block.length > COMPRESSED_BYTES_MAX) return undefined;
  const packed = deflateSync(block, { level: COMPRESSION_LEVEL });
  return packed.length < block.length ? packed : undefined;
}

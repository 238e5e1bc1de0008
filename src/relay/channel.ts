import { Fault } from '../core/model/fault.js';
import type { Stream } from '../core/model/stream.js';
import { SinkEnd, SourceEnd } from './end.js';
import type { RelayLimits } from './limits.js';

/** Blocks that were let go and still stand in the array: their memory is the reason that this is small. */
const GONE_MAX = 16;

/** What a channel asks of the relay that holds it. */
export interface Surroundings {
  readonly limits: RelayLimits;
  nowMs(): number;
  /** The bytes that all channels hold have changed by so much. */
  held(bytes: number): void;
  /** Whether all channels together hold as much as they may. */
  isFull(): boolean;
  /** Data has passed. */
  used(streamId: number): void;
}

/** How far one sink has come. It outlives the sink's call, so that a sink that comes back goes on where it was. */
interface Branch {
  readonly id: number;
  /** Blocks that it was given. */
  taken: number;
  /** Blocks that it said it has; as `taken` where the stream asks for no confirmation. */
  confirmed: number;
  end: SinkEnd | undefined;
  /** When it last took a block, or began to have one to take. */
  movedMs: number;
}

/**
 * The data of one stream on its way: one window of blocks for all sinks, each of which is a place in it.
 *
 * A block is held until the slowest sink has it, so the window's bounds are the flow control from that sink to the source.
 * With delivery confirmation "has it" means that the sink said so, and a sink that comes back is given what it did not
 * confirm once more; without, it means that the block was handed to its call.
 *
 * Invariant: `blocks[gone]` is block number `first`; every branch's `confirmed` is at least `first`.
 */
export class Channel {
  private blocks: Uint8Array[] = [];
  /** Blocks at the front of the array that were let go: taken out many at a time, so that letting go costs nothing. */
  private gone = 0;
  private first = 0;
  private bytes = 0;
  private source: SourceEnd | undefined;
  private ended = false;
  private branches: Map<number, Branch>;

  constructor(
    private stream: Stream,
    private readonly around: Surroundings,
  ) {
    this.branches = new Map(stream.sinks.map(({ id }) => [id, this.newBranch(id)]));
  }

  get streamId(): number {
    return this.stream.id;
  }

  /** The session that the data comes from. */
  get owner(): number {
    return this.stream.owner;
  }

  get maxBlockBytes(): number {
    return this.stream.params.maxBlockBytes;
  }

  /** The source's end. An earlier one of the same stream gives way; this one is told what the sinks have already. */
  openSource(): SourceEnd {
    this.source?.end(new Fault('OUT_OF_ORDER', `stream ${this.stream.id} has been opened again to send`));
    this.ended = false;
    this.source = new SourceEnd(this);
    if (this.first > 0) this.source.confirmed(this.first, this.stream.params.deliveryConfirmation);
    return this.source;
  }

  /** A sink's end. An earlier one of the same branch gives way; what it did not confirm comes again. */
  openSink(id: number): SinkEnd {
    const branch = this.branches.get(id)!;
    branch.end?.end(new Fault('OUT_OF_ORDER', `branch ${id} has been opened again to receive`));
    branch.taken = branch.confirmed;
    branch.movedMs = this.around.nowMs();
    branch.end = new SinkEnd(this, id);
    return branch.end;
  }

  /** For the source's end: takes a block, or refuses it for its size. */
  write(block: Uint8Array): Fault | undefined {
    const { maxBlockBytes } = this.stream.params;
    if (block.length > maxBlockBytes) {
      return new Fault('TOO_LARGE', `a block of ${block.length} bytes; ${maxBlockBytes} are the limit of this stream`);
    }
    const { end } = this;
    for (const branch of this.branches.values()) {
      if (branch.confirmed === end) branch.movedMs = this.around.nowMs();
    }
    this.blocks.push(block);
    this.grow(block.length);
    this.around.used(this.stream.id);
    for (const branch of this.branches.values()) branch.end?.ready();
    return undefined;
  }

  /** For the source's end: whether another block should be written now. */
  hasRoom(): boolean {
    const { windowBytesMax, windowBlocksMax } = this.around.limits;
    return this.bytes < windowBytesMax && this.end - this.first < windowBlocksMax && !this.around.isFull();
  }

  /** For the source's end: there is no more data. The sinks get what is held, and then their end. */
  finish(): void {
    this.ended = true;
    for (const branch of this.branches.values()) branch.end?.ready();
    this.source?.ready();
  }

  /** For the source's end: whether every sink has everything. */
  isDrained(): boolean {
    return this.first === this.end;
  }

  /** For the source's end: how many blocks were taken from it and those before it. */
  get writtenBlocks(): number {
    return this.end;
  }

  /** For a sink's end: how many blocks it and those before it were given. */
  takenBlocks(id: number): number {
    return this.branches.get(id)?.taken ?? 0;
  }

  /** For the source's end: its call is gone. The stream stays, and another call may go on with it. */
  loseSource(source: SourceEnd): void {
    if (this.source === source) this.source = undefined;
  }

  /** For a sink's end: the next block; `ended` after the last; undefined when there is none yet. */
  read(id: number): Uint8Array | 'ended' | undefined {
    const branch = this.branches.get(id);
    if (branch === undefined) return undefined;
    const block = this.blocks[this.gone + branch.taken - this.first];
    if (block === undefined) return this.ended ? 'ended' : undefined;
    branch.taken++;
    if (!this.stream.params.deliveryConfirmation) this.confirm(id, branch.taken);
    return block;
  }

  /** For a sink's end: it has so many blocks. A number that it cannot have is refused. */
  confirm(id: number, count: number): Fault | undefined {
    const branch = this.branches.get(id);
    if (branch === undefined) return undefined;
    if (count > branch.taken) {
      return Fault.fields([{ field: 'confirmed_blocks', description: `${count}; only ${branch.taken} were given` }]);
    }
    if (count <= branch.confirmed) return undefined;
    branch.confirmed = count;
    branch.movedMs = this.around.nowMs();
    this.release();
    return undefined;
  }

  /** For a sink's end: its call is gone. */
  loseSink(id: number, end: SinkEnd): void {
    const branch = this.branches.get(id);
    if (branch?.end === end) branch.end = undefined;
  }

  /** The stream looks like this now: a branch that it has lost holds nobody up any more. */
  update(stream: Stream, fault: (id: number) => Fault): void {
    this.stream = stream;
    const left = new Set(stream.sinks.map((sink) => sink.id));
    for (const [id, branch] of this.branches) {
      if (left.has(id)) continue;
      this.branches.delete(id);
      branch.end?.end(fault(id));
    }
    this.release();
  }

  /** The stream has stopped: nothing more is delivered, not even what is held. */
  stop(fault: Fault): void {
    this.grow(-this.bytes);
    this.blocks = [];
    this.gone = 0;
    this.source?.end(fault);
    for (const branch of this.branches.values()) branch.end?.end(fault);
  }

  /**
   * The branches that have taken nothing for too long although there was something to take. `mayPause`: an end whose call
   * stands is no such branch, however long it does not read.
   */
  stalled(mayPause: boolean): number[] {
    const { end } = this;
    const since = this.around.nowMs() - this.around.limits.sinkStallMs;
    return [...this.branches.values()]
      .filter((branch) => branch.confirmed < end && branch.movedMs <= since)
      .filter((branch) => !mayPause || branch.end === undefined)
      .map((branch) => branch.id);
  }

  /** For the relay: there may be room again. */
  wakeSource(): void {
    if (this.hasRoom()) this.source?.ready();
  }

  private newBranch(id: number): Branch {
    return { id, taken: 0, confirmed: 0, end: undefined, movedMs: this.around.nowMs() };
  }

  /** The number of the block that comes next. */
  private get end(): number {
    return this.first + this.blocks.length - this.gone;
  }

  /** Lets go of what every sink has, and tells the source. */
  private release(): void {
    let slowest = this.end;
    for (const branch of this.branches.values()) slowest = Math.min(slowest, branch.confirmed);
    if (slowest <= this.first) return;
    let released = 0;
    for (; this.first < slowest; this.first++) released += this.blocks[this.gone++].length;
    if (this.gone >= GONE_MAX) {
      this.blocks = this.blocks.slice(this.gone);
      this.gone = 0;
    }
    this.grow(-released);
    this.source?.confirmed(slowest, this.stream.params.deliveryConfirmation);
    if (this.hasRoom() || this.ended) this.source?.ready();
  }

  private grow(bytes: number): void {
    this.bytes += bytes;
    this.around.held(bytes);
  }
}

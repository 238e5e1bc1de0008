import { Fault } from '../core/model/fault.js';
import type { Stream } from '../core/model/stream.js';
import { Branch, type Numbering } from './branch.js';
import { SinkEnd, type SinkOwner, SourceEnd, type SourceOwner } from './end.js';
import type { RelayLimits } from './limits.js';
import { type MeteredOwner, MeteredRelaySource, type RelayMeter } from './meter.js';
import { RepeatedBlocks } from './repeated-blocks.js';

/** Blocks that were let go and still stand in the array: their memory is the reason that this is small. */
const GONE_MAX = 16;

/** What a channel asks of the relay that holds it. */
export interface ChannelDeps {
  readonly limits: RelayLimits;
  nowMs(): number;
  /** The bytes that all channels hold have changed by so much. */
  held(bytes: number): void;
  /** Whether all channels together hold as much as they may, and those of this network their part of it. */
  isFull(): boolean;
  /** What counts the bytes that come and go, and says which sources have sent as much as the policy lets them. */
  readonly meter: RelayMeter;
  /** Data has passed. */
  used(streamId: number): void;
  /** A number for a new channel. */
  draw(): bigint;
}

/**
 * The data of one stream on its way: one window of blocks for all sinks, each of which is a place in it.
 *
 * A block is held until the slowest sink has it, so the window's bounds are the flow control from that sink to the source.
 * With delivery confirmation "has it" means that the sink said so, and a sink that comes back is given what it did not
 * confirm once more; without, it means that the block was handed to its call.
 *
 * A channel is gone when the server restarts, and the ends say where a new one begins: it begins where its source says, and
 * each branch where its sink says. docs/relay.md has the whole of it.
 *
 * Invariant: `blocks[gone]` is block number `first`; every branch's `confirmed` is at least `first`.
 */
export class Channel implements SourceOwner, SinkOwner, MeteredOwner {
  /** Tells this channel from an earlier one of the same stream. */
  readonly number: bigint;
  private blocks: Uint8Array[] = [];
  /** Blocks at the front of the array that were let go: taken out many at a time, so that letting go costs nothing. */
  private gone = 0;
  private first = 0;
  private bytes = 0;
  private source: SourceEnd | undefined;
  private readonly metered: MeteredRelaySource;
  private ended = false;
  /** Whether a source has come: until then nobody knows which block is the first. */
  private hasBegun = false;
  /** Whether the numbers of blocks are those that the ends count by. */
  private isCounted = false;
  /** Blocks that were let go for the source to repeat them: counted for its month when they came first. */
  private readonly repeated = new RepeatedBlocks();
  /** How many blocks were sent and never came, by the number of the block after them; */
  private readonly gaps = new Map<number, number>();
  /** and in all. */
  private missing = 0;
  private branches: Map<number, Branch>;

  constructor(
    private stream: Stream,
    private readonly deps: ChannelDeps,
  ) {
    this.number = deps.draw();
    this.metered = new MeteredRelaySource(stream.owner, this);
    const nowMs = deps.nowMs();
    this.branches = new Map(stream.sinks.map(({ id }) => [id, new Branch(id, nowMs)]));
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

  /**
   * The source's end, or why it cannot stand where it says. An earlier one of the same stream gives way; this one is told what the sinks have
   * already. One whose month is used up can hear that, and finish.
   */
  openSource(blocks?: number): SourceEnd | Fault {
    const { deliveryConfirmation } = this.stream.params;
    if (!this.hasBegun) this.begin(blocks);
    else if (blocks !== undefined && deliveryConfirmation) {
      if (blocks > this.first) {
        const description = `${blocks}; only ${this.first} were confirmed`;
        return Fault.fields([{ field: 'open.blocks', description }]);
      }
      this.dropHeld();
    } else if (blocks !== undefined && this.isCounted) this.skipTo(blocks);
    this.source?.end(new Fault('OUT_OF_ORDER', `stream ${this.stream.id} has been opened again to send`));
    this.ended = false;
    this.source = new SourceEnd(this);
    if (this.first > 0) this.source.confirmed(this.first, deliveryConfirmation);
    return this.source;
  }

  /** A sink's end, or why it cannot stand where it says. An earlier one of the same branch gives way. */
  openSink(id: number, blocks?: number): SinkEnd | Fault {
    const branch = this.branches.get(id)!;
    if (!this.hasBegun) branch.arrive(blocks);
    else if (blocks === undefined) branch.resume();
    else {
      const fault = branch.place(blocks, this.numbering);
      if (fault !== undefined) return fault;
    }
    branch.end?.end(new Fault('OUT_OF_ORDER', `branch ${id} has been opened again to receive`));
    branch.movedMs = this.deps.nowMs();
    branch.end = new SinkEnd(this, id);
    this.release();
    return branch.end;
  }

  /** For the source's end: takes a block, or refuses it for its size or the quota of its month. */
  write(block: Uint8Array): Fault | undefined {
    const { maxBlockBytes } = this.stream.params;
    if (block.length > maxBlockBytes) {
      return new Fault('TOO_LARGE', `a block of ${block.length} bytes; ${maxBlockBytes} are the limit of this stream`);
    }
    const { end } = this;
    const isRepeated = this.repeated.has(end, block);
    const over = isRepeated ? undefined : this.deps.meter.refuse(this.metered);
    if (over !== undefined) return over;
    this.repeated.came(end);
    for (const branch of this.branches.values()) {
      if (branch.confirmed >= end) branch.movedMs = Math.max(branch.movedMs, this.deps.nowMs());
    }
    this.blocks.push(block);
    this.grow(block.length);
    this.deps.meter.took(block.length, this.metered, isRepeated ? 0 : block.length);
    this.deps.used(this.stream.id);
    // Nobody waits for what every sink had before the source repeated it.
    this.release();
    for (const branch of this.branches.values()) branch.end?.ready();
    return undefined;
  }

  /** For the source's end: whether another block should be written now. */
  hasRoom(): boolean {
    const { windowBytesMax, windowBlocksMax } = this.deps.limits;
    const isHeld = this.deps.isFull() || this.deps.meter.isSpent(this.metered);
    return this.bytes < windowBytesMax && this.end - this.first < windowBlocksMax && !isHeld;
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

  /** For a sink's end: how many blocks it and those before it were given, as the sink counts. */
  takenBlocks(id: number): number {
    return this.branches.get(id)?.count ?? 0;
  }

  /** For a sink's end: how many blocks before the one that it was given last are lost, told once. */
  takeLost(id: number): number {
    return this.branches.get(id)?.takeLost() ?? 0;
  }

  /** For the source's end: its call is gone. The stream stays, and another call may go on with it. */
  loseSource(source: SourceEnd): void {
    if (this.source === source) this.source = undefined;
  }

  /** For a sink's end: the next block; `ended` after the last; undefined when there is none yet. */
  read(id: number): Uint8Array | 'ended' | undefined {
    const branch = this.branches.get(id);
    if (branch === undefined) return undefined;
    const { deliveryConfirmation } = this.stream.params;
    const block = this.hasBegun ? this.blocks[this.gone + branch.taken - this.first] : undefined;
    const isEnded = this.ended && !(deliveryConfirmation && branch.confirmed < this.end);
    if (block === undefined && !isEnded) return undefined;
    branch.passGap(this.gaps.get(branch.taken) ?? 0);
    if (block === undefined) return 'ended';
    branch.take();
    this.deps.meter.gave(block.length);
    if (!deliveryConfirmation) this.confirmTo(branch, branch.taken);
    return block;
  }

  /** For a sink's end: it has so many blocks, as the sink counts. A number that it cannot have is refused. */
  confirm(id: number, count: number): Fault | undefined {
    const branch = this.branches.get(id);
    if (branch === undefined) return undefined;
    const number = branch.numberOf(count);
    if (number > branch.taken) {
      return Fault.fields([{ field: 'confirmed_blocks', description: `${count}; only ${branch.count} were given` }]);
    }
    this.confirmTo(branch, number);
    if (this.ended) branch.end?.ready();
    return undefined;
  }

  /** For a sink's end: its call is gone. */
  loseSink(id: number, end: SinkEnd, waitMs: number): void {
    const branch = this.branches.get(id);
    if (branch?.end !== end) return;
    branch.end = undefined;
    // It may come back: until now it was not what held the others up, or it would have been cut off.
    branch.movedMs = this.deps.nowMs() + waitMs;
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
    // Last: an end that hears of this asks for room once more.
    this.deps.meter.forget(this.metered);
  }

  /**
   * The branches that have taken nothing for too long although there was something to take. `mayPause`: an end whose call
   * stands is no such branch, however long it does not read.
   */
  stalled(mayPause: boolean): number[] {
    const { end } = this;
    const since = this.deps.nowMs() - this.deps.limits.sinkStallMs;
    return [...this.branches.values()]
      .filter((branch) => branch.confirmed < end && branch.movedMs <= since)
      .filter((branch) => !mayPause || branch.end === undefined)
      .map((branch) => branch.id);
  }

  /** For the relay: nobody could take anything for so long. */
  stoodStill(ms: number): void {
    for (const branch of this.branches.values()) branch.movedMs += ms;
  }

  /** For the relay: there may be room again. */
  wakeSource(): void {
    if (this.hasRoom()) this.source?.ready();
  }

  /** For the meter: a source whose data this server does not read for its quota is not idle. */
  held(): void {
    if (this.source !== undefined) this.deps.used(this.stream.id);
  }

  /** The first source has come. One that does not say where it stands is told that nothing is confirmed. */
  private begin(blocks: number | undefined): void {
    const { deliveryConfirmation } = this.stream.params;
    const counts = [...this.branches.values()].map(({ taken }) => taken);
    this.hasBegun = true;
    this.isCounted = blocks !== undefined || deliveryConfirmation;
    // One that asks for no confirmation goes on; at least what any sink has was sent before.
    this.first = blocks ?? (deliveryConfirmation ? 0 : Math.max(0, ...counts));
    for (const branch of this.branches.values()) branch.begin(this.first, this.numbering);
  }

  /** The source repeats everything that not every sink has confirmed. */
  private dropHeld(): void {
    if (this.deps.meter.hasMonth(this.metered)) this.repeated.drop(this.first, this.blocks.slice(this.gone));
    this.grow(-this.bytes);
    this.blocks = [];
    this.gone = 0;
  }

  /** The source has sent so many blocks, some of which may not have come. */
  private skipTo(blocks: number): void {
    const { end } = this;
    const missing = blocks - end - this.missing;
    if (missing <= 0) return;
    this.missing += missing;
    this.gaps.set(end, (this.gaps.get(end) ?? 0) + missing);
  }

  private get numbering(): Numbering {
    return { isCounted: this.isCounted, isRepeated: this.stream.params.deliveryConfirmation };
  }

  private confirmTo(branch: Branch, number: number): void {
    if (number <= branch.confirmed) return;
    branch.confirmed = number;
    branch.movedMs = this.deps.nowMs();
    this.release();
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
    for (; this.first < slowest; this.first++) {
      released += this.blocks[this.gone++].length;
      this.gaps.delete(this.first);
    }
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
    this.deps.held(bytes);
  }
}

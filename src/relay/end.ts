import { Fault } from '../core/model/fault.js';

/** What an end says that its door has closed: it can neither take nor confirm anything any more. */
const CLOSED = new Fault('OUT_OF_ORDER', 'this end was closed');

/** The channel, as the source's end needs it. */
export interface SourceOwner {
  /** Takes a block, or refuses it for its size. */
  write(block: Uint8Array): Fault | undefined;
  /** Whether another block should be written now. */
  hasRoom(): boolean;
  /** There is no more data. */
  finish(): void;
  /** Whether every sink has everything. */
  isDrained(): boolean;
  /** How many blocks were taken from this end and those before it. */
  readonly writtenBlocks: number;
  /** The end's call is gone. */
  loseSource(source: SourceEnd): void;
}

/** The channel, as a sink's end needs it. */
export interface SinkOwner {
  /** The next block; `ended` after the last; undefined when there is none yet. */
  read(id: number): Uint8Array | 'ended' | undefined;
  /** How many blocks this end and those before it were given, as the sink counts. */
  takenBlocks(id: number): number;
  /** How many blocks before the one that it was given last are lost, told once. */
  takeLost(id: number): number;
  /** It has so many blocks, as the sink counts. */
  confirm(id: number, count: number): Fault | undefined;
  /** The end's call is gone. For so long nobody counts that it takes nothing. */
  loseSink(id: number, end: SinkEnd, waitMs: number): void;
}

/** The source's end of a stream, driven by the door that its call or packets come through. */
export class SourceEnd {
  private ending: Fault | undefined;
  private wake: (() => void) | undefined;
  private told = 0;
  private toTell = 0;
  private finished = false;

  constructor(private readonly channel: SourceOwner) {}

  /** Takes a block; or says why this end is over or the block is refused. Check {@link hasRoom} before the next. */
  write(block: Uint8Array): Fault | undefined {
    return this.ending ?? this.channel.write(block);
  }

  /** False: stop reading from the source until woken. */
  hasRoom(): boolean {
    return this.channel.hasRoom();
  }

  /** How many blocks every sink has confirmed, once for each news of it; only where the stream asks for that. */
  takeConfirmed(): number | undefined {
    if (this.toTell === this.told) return undefined;
    this.told = this.toTell;
    return this.told;
  }

  /** Why this end is over, if it is. */
  get fault(): Fault | undefined {
    return this.ending;
  }

  /** `wake` is called when there is room, a confirmation or a fault, and when it is done. */
  onReady(wake: () => void): void {
    this.wake = wake;
  }

  /** How many blocks the stream has had from its source, this end's and those of ends before it. */
  get writtenBlocks(): number {
    return this.channel.writtenBlocks;
  }

  /** There is no more data. It is over when {@link isDone}. */
  finish(): void {
    if (this.ending !== undefined || this.finished) return;
    this.finished = true;
    this.channel.finish();
  }

  /** Whether the data is at its end and every sink has all of it. */
  get isDone(): boolean {
    return this.finished && this.channel.isDrained();
  }

  /** The door has lost it. */
  close(): void {
    this.channel.loseSource(this);
    this.ending ??= CLOSED;
  }

  /** For the channel. */
  ready(): void {
    this.wake?.();
  }

  /** For the channel: every sink has so many blocks. */
  confirmed(count: number, isWanted: boolean): void {
    if (!isWanted) return;
    this.toTell = count;
    this.wake?.();
  }

  /** For the channel. */
  end(fault: Fault): void {
    this.ending = fault;
    this.wake?.();
  }
}

/** A sink's end of a stream, pulled by the door that it came through. */
export class SinkEnd {
  private ending: Fault | undefined;
  private wake: (() => void) | undefined;

  constructor(
    private readonly channel: SinkOwner,
    private readonly branchId: number,
  ) {}

  /** The next block; `ended` when the source has no more; a Fault when it is over; undefined when there is none yet. */
  next(): Uint8Array | 'ended' | Fault | undefined {
    return this.ending ?? this.channel.read(this.branchId);
  }

  /** How many blocks the branch was given, counted from the stream's first: the number to confirm once it has them. */
  get takenBlocks(): number {
    return this.channel.takenBlocks(this.branchId);
  }

  /** How many blocks before the one that came last, or before the end, are lost; told once. */
  takeLost(): number {
    return this.channel.takeLost(this.branchId);
  }

  /** The sink has so many blocks, counted from the stream's first. */
  confirm(count: number): Fault | undefined {
    return this.ending ?? this.channel.confirm(this.branchId, count);
  }

  /** `wake` is called when {@link next} may have something after it had nothing. */
  onReady(wake: () => void): void {
    this.wake = wake;
  }

  /** Why this end is over, if it is. */
  get fault(): Fault | undefined {
    return this.ending;
  }

  /** The door has lost it. `waitMs`: another server was the sink's, and may dial again within so long. */
  close(waitMs = 0): void {
    this.channel.loseSink(this.branchId, this, waitMs);
    this.ending ??= CLOSED;
  }

  /** For the channel. */
  ready(): void {
    this.wake?.();
  }

  /** For the channel: nothing that is held is delivered any more. */
  end(fault: Fault): void {
    this.ending = fault;
    this.wake?.();
  }
}

import { Fault } from '../core/model/fault.js';
import type { SinkEnd } from './end.js';

/** How the numbers of a channel are to be read. */
export interface Numbering {
  /** Whether they are those that the stream's ends count by: the source said where it stands, or repeats from the first. */
  readonly isCounted: boolean;
  /** Whether the source repeats what a sink lacks, so that a sink may be ahead of it. */
  readonly isRepeated: boolean;
}

/**
 * How far one sink has come. It outlives the sink's calls, so that a sink that comes back goes on where it was.
 *
 * Blocks have a number in their channel, without holes; what the sink counts is that number and an offset. They differ where
 * the sink counts blocks that this channel never had: those that were lost, or those before an end that does not say where
 * it stands.
 */
export class Branch {
  /** The number of the next block that it is given. */
  taken = 0;
  /** Blocks before this one it has for good; as `taken` where the stream asks for no confirmation. */
  confirmed = 0;
  end: SinkEnd | undefined;
  /** When it last took a block, began to have one to take, or lost its call. */
  movedMs: number;
  /** What its sink said before the channel began; absent when it did not say. Undefined: it has not been here. */
  #arrival: { readonly count: number | undefined } | undefined;
  /** The most blocks that it was given, or that its sink said it has. */
  #given = 0;
  #offset = 0;
  #lost = 0;
  #gapAt: number | undefined;

  constructor(
    readonly id: number,
    nowMs: number,
  ) {
    this.movedMs = nowMs;
  }

  /** How many blocks its sink has taken, as the sink counts. It adds those that are lost when it hears of them. */
  get count(): number {
    return this.taken + this.#offset - this.#lost;
  }

  /** How many blocks before the next one are lost; told once. */
  takeLost(): number {
    const lost = this.#lost;
    this.#lost = 0;
    return lost;
  }

  /** Its sink comes, before the channel has begun. */
  arrive(count: number | undefined): void {
    this.#arrival = { count };
    this.taken = count ?? 0;
  }

  /** The channel begins with this block. */
  begin(first: number, numbering: Numbering): void {
    const arrival = this.#arrival;
    this.taken = first;
    this.confirmed = first;
    this.#given = first;
    if (arrival === undefined) return;
    this.#arrival = undefined;
    if (arrival.count === undefined) {
      this.#arrival = arrival;
      this.#offset = -first;
    } else this.place(arrival.count, numbering);
  }

  /** Its sink comes and does not say where it stands: what it did not confirm comes again. */
  resume(): void {
    this.#arrival ??= { count: undefined };
    this.taken = this.confirmed;
  }

  /** Its sink comes and says how many blocks it has taken. A Fault when that cannot be. */
  place(count: number, { isCounted, isRepeated }: Numbering): Fault | undefined {
    const isFirst = this.#arrival === undefined;
    const at = count - this.#offset;
    if (!isFirst && at > this.#given) {
      const description = `${count}; only ${this.#given + this.#offset} were sent to this branch`;
      return Fault.fields([{ field: 'open.blocks', description }]);
    }
    this.#arrival = { count };
    // The counts of a source that repeats nothing say how much is lost, and never what this sink need not be given.
    if (isFirst && !isRepeated && (!isCounted || at > this.confirmed)) {
      this.#offset = count - this.taken;
      return undefined;
    }
    this.#lost = Math.max(0, this.confirmed - at);
    this.taken = Math.max(this.confirmed, at);
    this.confirmed = this.taken;
    this.#given = Math.max(this.#given, this.taken);
    return undefined;
  }

  /** It is given the next block. */
  take(): void {
    this.taken++;
    this.#given = Math.max(this.#given, this.taken);
  }

  /** So many blocks never came to the channel, that belong before the next one. Counts once. */
  passGap(count: number): void {
    if (count === 0 || this.#gapAt === this.taken) return;
    this.#gapAt = this.taken;
    this.#lost += count;
    this.#offset += count;
  }

  /** The number in the channel of what its sink counts. */
  numberOf(count: number): number {
    return count - this.#offset;
  }
}

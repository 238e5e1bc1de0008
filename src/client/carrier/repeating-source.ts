import type { RelayOptions, RelaySource } from '../relay/relay.js';
import type { Reopener } from './reopener.js';

/** Bytes that are kept until the sink has confirmed them: what the server's window holds, and as much on its way. */
const KEPT_BYTES_MAX = 8 << 20;

/** Opens the source's end of the stream. */
export type OpenSource = (options: RelayOptions) => Promise<RelaySource>;

/**
 * The source's end of a stream with delivery confirmation, through every broken call and restart of the server: what is not
 * confirmed is kept, and repeated on the next call. So every block arrives once and in order, or it fails for good.
 */
export class RepeatingSource {
  /** Blocks from number `#confirmed` on. */
  readonly #kept: Buffer[] = [];
  #keptBytes = 0;
  #confirmed: number;
  #isComplete = false;
  #error: unknown;
  #wake: () => void = () => {};
  #waiting: (() => void)[] = [];
  /** Resolves when the sink has everything and has been told that this was all; rejects when it fails for good. */
  readonly over: Promise<void>;

  /** `first`: an end that is open; or the stream is new, and is opened at once, or together with the first block. */
  constructor(
    first: RelaySource | 'at once' | 'with a block',
    private readonly open: OpenSource,
    private readonly reopener: Reopener,
  ) {
    this.#confirmed = typeof first === 'string' ? 0 : first.confirmedBlocks;
    this.over = this.#run(first);
    this.over.catch((error: unknown) => {
      this.#error = error ?? new Error('the stream is over');
      this.#stir();
    });
  }

  /** Takes a block, which is not changed from then on. Resolves when another may follow. */
  async write(block: Buffer): Promise<void> {
    while (this.#keptBytes >= KEPT_BYTES_MAX && this.#error === undefined) await this.#change();
    if (this.#error !== undefined) throw this.#error;
    this.#kept.push(block);
    this.#keptBytes += block.length;
    this.#wake();
  }

  /** Resolves when everything that was written is confirmed. */
  async flush(): Promise<void> {
    const { length } = this.#kept;
    const until = this.#confirmed + length;
    while (this.#confirmed < until && this.#error === undefined) await this.#change();
    if (this.#confirmed < until) throw this.#error;
  }

  /** There is no more. Resolves as {@link over}. */
  finish(): Promise<void> {
    this.#isComplete = true;
    this.#wake();
    return this.over;
  }

  async #run(first: RelaySource | 'at once' | 'with a block'): Promise<void> {
    for (let source = typeof first === 'string' ? await this.#begin(first) : first; ; ) {
      const error = await this.#send(source);
      if (error === undefined) return;
      source = await this.reopener.open((signal) => this.open({ signal, blocks: this.#confirmed }), error);
    }
  }

  /** Opens a stream on which nothing was sent. What the server may have had of a try that failed is not sent along again. */
  async #begin(when: 'at once' | 'with a block'): Promise<RelaySource> {
    while (when === 'with a block' && this.#kept.length === 0 && !this.#isComplete) await this.#woken();
    let early: readonly Buffer[] = [...this.#kept];
    return this.reopener.open((signal) => {
      const first = early;
      early = [];
      return this.open({ signal, blocks: 0, first });
    });
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Sends what is kept, and what comes, on one call. Resolves with why that is over; undefined: because all is complete. */
  async #send(source: RelaySource): Promise<unknown> {
    let isOver = false;
    source.onConfirmed = (blocks) => this.#letGo(blocks);
    this.#letGo(source.confirmedBlocks);
    void source.ended.then(() => {
      isOver = true;
      this.#wake();
    });
    try {
      for (let next = source.sentBlocks; !isOver; ) {
        const block = this.#kept[next - this.#confirmed];
        if (block !== undefined) {
          next += 1;
          await source.write(block, true);
        } else if (this.#isComplete) {
          await source.finish();
          return undefined;
        } else await this.#woken();
      }
    } catch (error) {
      return error;
    }
    return (await source.ended) ?? new Error('the server has ended the call of a source that had not finished');
  }

  /** The sink has so many blocks. */
  #letGo(confirmed: number): void {
    for (; this.#confirmed < confirmed; this.#confirmed++) this.#keptBytes -= this.#kept.shift()?.length ?? 0;
    this.#stir();
  }

  async #change(): Promise<void> {
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #stir(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

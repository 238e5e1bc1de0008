import { createHash } from 'node:crypto';

/**
 * What a channel had of blocks that its source is to send once more, by their numbers: 32 bytes for each, of as many blocks as the window holds.
 * Only a block with the same bytes is one that was counted before.
 */
export class RepeatedBlocks {
  readonly #digests = new Map<number, string>();

  /** The blocks from number `first` on were taken, and are dropped. */
  drop(first: number, blocks: readonly Uint8Array[]): void {
    for (const [at, block] of blocks.entries()) this.#digests.set(first + at, digestOf(block));
  }

  /** Whether this block was taken before under its number. */
  has(number: number, block: Uint8Array): boolean {
    return this.#digests.size > 0 && this.#digests.get(number) === digestOf(block);
  }

  /** The block of this number has come. */
  came(number: number): void {
    this.#digests.delete(number);
  }
}

function digestOf(block: Uint8Array): string {
  return createHash('sha256').update(block).digest().toString('latin1');
}

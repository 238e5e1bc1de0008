/** What one stream has carried, as both its ends know it; says what must not be. */
export class Carriage {
  /** Whether the source has said that there is no more. */
  isFinishing = false;
  /** Whether it is over: complete, or given up because the stream or one of its sessions has ended. */
  isOver = false;
  /** How many blocks the sink has, those that it was told are lost included. */
  taken = 0;
  /** Of those, how many are lost. */
  lost = 0;

  constructor(
    readonly name: string,
    /** How many blocks there are. */
    readonly count: number,
    readonly isConfirmed: boolean,
  ) {}

  /** A block: its number, and something to fill it. */
  block(number: number, bytes: number): Buffer {
    const block = Buffer.alloc(4 + bytes, number & 0xff);
    block.writeUInt32BE(number);
    return block;
  }

  /** The sink was given a block, and told before it that so many are lost. */
  give(block: Uint8Array, lost: number): string | undefined {
    const number = Buffer.from(block).readUInt32BE();
    const due = this.taken + lost;
    this.lost += lost;
    this.taken = due + 1;
    if (this.isConfirmed && lost > 0) return `told its sink that ${lost} confirmed blocks are lost`;
    if (number !== due) return `gave block ${number} where ${due} was due`;
    return undefined;
  }

  /** The sink was told that the data is at its end, and that so many blocks before it are lost. */
  complete(lost: number): string | undefined {
    this.taken += lost;
    this.lost += lost;
    if (!this.isFinishing) return `ended at ${this.taken} of ${this.count} blocks, and its source has not ended it`;
    if (this.taken !== this.count) return `ended at ${this.taken} of ${this.count} blocks`;
    return undefined;
  }

  /** The source was told that its sink has everything. */
  delivered(): string | undefined {
    if (!this.isConfirmed || this.taken >= this.count) return undefined;
    return `was confirmed to its source with ${this.taken} of ${this.count} blocks taken`;
  }
}

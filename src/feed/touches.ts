const FIRST_CAPACITY = 1_024;

/** What a change touched: a node (`b` is 0), or a link by its two ends. */
export interface Touch {
  readonly a: number;
  readonly b: number;
}

/**
 * Which nodes and links each revision touched, for longer than the bytes of the revisions are kept.
 *
 * 16 B a touch. It answers two questions: whether a revision concerns a watcher of some nodes, without decoding it; and what a
 * watcher missed that fell behind the log. The second needs no old states, because adding what a reader has, or removing what
 * it lacks, does no harm.
 *
 * Invariant: a ring in the order of revisions; every touch after `floor` is held.
 */
export class Touches {
  private revisions = new Float64Array(FIRST_CAPACITY);
  private as = new Int32Array(FIRST_CAPACITY);
  private bs = new Int32Array(FIRST_CAPACITY);
  /** Counts of touches ever added, and ever cut off. */
  private end = 0;
  private start = 0;

  constructor(
    private readonly touchesMax: number,
    /** Everything past this revision is held. */
    public floor: number,
  ) {}

  /** Adds what a revision touched. Revisions ascend. */
  append(revision: number, touches: readonly Touch[]): void {
    for (const { a, b } of touches) {
      if (this.end - this.start === this.revisions.length && !this.grow()) this.cut();
      const at = this.end % this.revisions.length;
      this.revisions[at] = revision;
      this.as[at] = a;
      this.bs[at] = b;
      this.end++;
    }
  }

  /** Drops everything up to a revision, which must not be before the newest touch. */
  forget(revision: number): void {
    this.start = this.end;
    this.floor = revision;
  }

  /** How many touches there are past a revision. */
  countAfter(revision: number): number {
    return this.end - this.find(revision);
  }

  /** The touches past a revision, in order. `visit` may end the walk by answering false. */
  walk(after: number, visit: (revision: number, a: number, b: number) => boolean): void {
    const size = this.revisions.length;
    for (let count = this.find(after); count < this.end; count++) {
      const at = count % size;
      if (!visit(this.revisions[at], this.as[at], this.bs[at])) return;
    }
  }

  /** The count of the first touch past a revision. */
  private find(revision: number): number {
    let low = this.start;
    let high = this.end;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.revisions[middle % this.revisions.length] > revision) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  private cut(): void {
    this.floor = this.revisions[this.start % this.revisions.length];
    this.start++;
  }

  private grow(): boolean {
    const size = this.revisions.length;
    const capacity = Math.min(2 * size, this.touchesMax);
    if (capacity <= size) return false;
    const revisions = new Float64Array(capacity);
    const as = new Int32Array(capacity);
    const bs = new Int32Array(capacity);
    for (let count = this.start; count < this.end; count++) {
      revisions[count % capacity] = this.revisions[count % size];
      as[count % capacity] = this.as[count % size];
      bs[count % capacity] = this.bs[count % size];
    }
    this.revisions = revisions;
    this.as = as;
    this.bs = bs;
    return true;
  }
}

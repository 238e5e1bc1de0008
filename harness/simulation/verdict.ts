/** Something that must not be, as a check says it. */
export interface Found {
  /** The name of the check that found it. */
  readonly check: string;
  readonly text: string;
}

/** Something that must not be, with its time. */
export interface Violation extends Found {
  readonly atMs: number;
}

/** Takes violations in. The first one ends the run: what comes after it may only be its consequence. */
export class Verdict {
  private first: Violation | undefined;

  constructor(private readonly nowMs: () => number) {}

  get violation(): Violation | undefined {
    return this.first;
  }

  fail(check: string, text: string): void {
    this.first ??= { check, text, atMs: this.nowMs() };
  }
}

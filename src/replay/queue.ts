/**
 * Runs tasks in the order they came, a few at once.
 *
 * Who adds tasks bounds how many there are: a replay adds each link of its plan once for every session it concerns.
 */
export class TaskQueue {
  private readonly waiting: (() => Promise<void>)[] = [];
  private running = 0;
  private idleListeners: (() => void)[] = [];

  constructor(private readonly atOnceMax: number) {}

  /** A task deals with its own errors: one that rejects is a broken invariant and stops the process. */
  add(task: () => Promise<void>): void {
    this.waiting.push(task);
    this.startNext();
  }

  /** Resolves when nothing runs and nothing waits. */
  idle(): Promise<void> {
    if (this.running === 0) return Promise.resolve();
    return new Promise((resolve) => this.idleListeners.push(resolve));
  }

  private startNext(): void {
    while (this.running < this.atOnceMax && this.waiting.length > 0) {
      const task = this.waiting.shift()!;
      this.running += 1;
      void task().then(() => {
        this.running -= 1;
        this.startNext();
        if (this.running === 0) for (const listener of this.idleListeners.splice(0)) listener();
      });
    }
  }
}

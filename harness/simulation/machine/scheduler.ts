/** Something that will happen, unless it is taken back before. */
export interface Event {
  readonly atMs: number;
  /** Of two events of one moment, the one that was planned first is first. */
  readonly order: number;
  call: (() => void) | undefined;
}

/**
 * Virtual time: a heap of events, and nothing else that can make anything happen.
 *
 * Between two events everything runs out that waits for nothing but promises; that, and the order of events of one moment,
 * is all that JavaScript would leave open, so a run is the same every time.
 */
export class Scheduler {
  private now = 0;
  private orders = 0;
  private readonly heap: Event[] = [];
  /** How many events have happened. */
  count = 0;

  get nowMs(): number {
    return this.now;
  }

  /** Plans a call. A delay that is not positive means now, after what is planned for now already. */
  after(delayMs: number, call: () => void): Event {
    return this.at(this.now + delayMs, call);
  }

  /** Plans a call for a moment; one that has passed means now. Two calls for the same moment keep their order. */
  at(atMs: number, call: () => void): Event {
    const event: Event = { atMs: Math.max(this.now, atMs), order: this.orders++, call };
    this.push(event);
    return event;
  }

  /** Takes an event back. One that has happened is left as it is. */
  cancel(event: Event): void {
    event.call = undefined;
  }

  /** Lets time pass up to a moment, or until `stop` says so after an event. */
  async run(untilMs: number, stop: () => boolean): Promise<void> {
    await settled();
    while (this.heap.length > 0 && this.heap[0].atMs <= untilMs && !stop()) {
      const { atMs, call } = this.pop();
      if (call === undefined) continue;
      this.now = atMs;
      this.count++;
      call();
      await settled();
    }
    if (!stop()) this.now = Math.max(this.now, untilMs);
  }

  private push(event: Event): void {
    const { heap } = this;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (!isBefore(event, heap[parent])) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = event;
  }

  private pop(): Event {
    const { heap } = this;
    const first = heap[0];
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child++;
      if (!isBefore(heap[child], last)) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(one: Event, other: Event): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}

/** Resolves when nothing waits any more but for events: an immediate runs when all promises and ticks are through. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

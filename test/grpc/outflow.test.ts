import { describe, expect, it } from '@jest/globals';
import { Outflow } from '../../src/grpc/outflow.js';

/** A source of messages of one size, as many as the test says. */
class Messages {
  closed = false;
  wake = () => {};

  constructor(
    private readonly bytes: number,
    public left = Number.POSITIVE_INFINITY,
  ) {}

  next(): Uint8Array | undefined {
    if (this.left === 0) return undefined;
    this.left--;
    return new Uint8Array(this.bytes);
  }

  onReady(wake: () => void): void {
    this.wake = wake;
  }

  close(): void {
    this.closed = true;
  }
}

describe('the outflow of a connection', () => {
  const BYTES_MAX = 250;
  let held = 0;
  let emptied = 0;
  const outflow = () => {
    held = 0;
    emptied = 0;
    const moved = (bytes: number) => {
      held += bytes;
    };
    return new Outflow('peer', BYTES_MAX, { moved, emptied: () => emptied++ });
  };

  /** So many watches that are pulled as a pump does it, and never taken by anybody. */
  const watches = (count: number, through: Outflow) =>
    Array.from({ length: count }, () => {
      const messages = new Messages(100);
      const source = through.through(messages);
      const watch = { messages, source, written: 0 };
      const step = () => {
        if (source.next() !== undefined) watch.written++;
      };
      source.onReady(step);
      step();
      return { ...watch, step, count: () => watch.written };
    });

  it('holds its bound and one message, however many watches nobody reads', () => {
    const all = watches(1_000, outflow());
    expect(held).toBe(300);
    expect(all.map(({ count }) => count()).reduce((sum, one) => sum + one)).toBe(3);
  });

  it('gives the room of what was taken to who has waited longest', () => {
    const all = watches(5, outflow());
    all[0].step();
    expect(all.map(({ count }) => count())).toEqual([1, 1, 1, 1, 0]);
    all[1].step();
    expect(all.map(({ count }) => count())).toEqual([1, 1, 1, 1, 1]);
    expect(held).toBe(300);
    // The first two have nothing on their way now, and wait in their turn.
    all[2].step();
    all[3].step();
    expect(all.map(({ count }) => count())).toEqual([2, 2, 1, 1, 1]);
  });

  it('gives the room of a watch that is over to others', () => {
    const all = watches(4, outflow());
    all[0].source.close();
    expect(all[0].messages.closed).toBe(true);
    expect(all[3].count()).toBe(1);
    expect(held).toBe(300);
  });

  it('forgets a watch that ends while it waits', () => {
    const all = watches(5, outflow());
    all[3].source.close();
    all[0].step();
    expect(all.map(({ count }) => count())).toEqual([1, 1, 1, 0, 1]);
  });

  it('counts its watches, each until it is closed, and says when the last is', () => {
    const through = outflow();
    const [first, second] = watches(2, through);
    first.source.close();
    first.source.close();
    expect([through.watches, emptied]).toEqual([1, 0]);
    second.source.close();
    expect([through.watches, emptied]).toEqual([0, 1]);
  });

  it('holds nothing for watches that have nothing to write', () => {
    const through = outflow();
    const source = through.through(new Messages(100, 1));
    expect(source.next()).toHaveLength(100);
    expect(held).toBe(100);
    expect(source.next()).toBeUndefined();
    expect(held).toBe(0);
  });
});

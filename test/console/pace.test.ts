import { describe, expect, it } from '@jest/globals';
import { Pacer } from '../../console/src/draw/pacer.js';
import { drawPauseMs, layoutPauseMs, listPauseMs } from '../../console/src/pace.js';

/** 60 of them a second. */
const FRAME_MS = 1_000 / 60;
const THINGS = 55_000;

/** A browser whose time is set by the test. */
class Browser {
  nowAt = 0;
  readonly #calls = new Map<number, { readonly atMs: number; readonly call: () => void }>();
  #last = 0;

  readonly nowMs = () => this.nowAt;
  readonly onFrame = (call: () => void) => this.after(FRAME_MS - (this.nowAt % FRAME_MS), call);
  readonly after = (ms: number, call: () => void) => {
    const id = ++this.#last;
    this.#calls.set(id, { atMs: this.nowAt + ms, call });
    return () => void this.#calls.delete(id);
  };

  /** What waits. */
  get waiting(): number {
    return this.#calls.size;
  }

  pass(ms: number): void {
    const untilMs = this.nowAt + ms;
    for (;;) {
      const [next] = [...this.#calls].sort(([, one], [, other]) => one.atMs - other.atMs);
      if (next === undefined || next[1].atMs > untilMs) break;
      this.#calls.delete(next[0]);
      this.nowAt = next[1].atMs;
      next[1].call();
    }
    this.nowAt = untilMs;
  }
}

function paced(): { browser: Browser; pacer: Pacer; drawn: number[] } {
  const browser = new Browser();
  const drawn: number[] = [];
  const pacer = new Pacer(browser, () => drawn.push(browser.nowAt));
  return { browser, pacer, drawn };
}

describe('when the graph is drawn', () => {
  it('draws 20,000 nodes and 35,000 links six times a second at most while they change 100 times a second', () => {
    const { browser, pacer, drawn } = paced();
    for (let at = 0; at < 1_000; at++) {
      pacer.inTime(THINGS);
      browser.pass(10);
    }
    expect(drawn.length).toBeGreaterThan(40);
    expect(drawn.length).toBeLessThanOrEqual(60);
  });

  it('draws a small graph in each frame that something moves in', () => {
    const { browser, pacer, drawn } = paced();
    for (let at = 0; at < 600; at++) {
      pacer.inTime(220);
      browser.pass(FRAME_MS);
    }
    expect(drawn.length).toBeGreaterThanOrEqual(590);
  });

  it('draws at the next frame what a hand moves, whatever else waits, and once in each', () => {
    const { browser, pacer, drawn } = paced();
    pacer.inTime(THINGS);
    browser.pass(20);
    pacer.inTime(THINGS);
    expect(drawn).toHaveLength(1);
    for (let at = 0; at < 10; at++) {
      pacer.soon();
      pacer.soon();
      pacer.inTime(THINGS);
      browser.pass(FRAME_MS);
    }
    expect(drawn).toHaveLength(11);
    expect(browser.waiting).toBe(0);
  });

  it('draws the last change, too, and then no more', () => {
    const { browser, pacer, drawn } = paced();
    pacer.inTime(THINGS);
    browser.pass(20);
    pacer.inTime(THINGS);
    browser.pass(1_000);
    expect(drawn).toHaveLength(2);
    browser.pass(10_000);
    expect(drawn).toHaveLength(2);
  });

  it('draws no more once it is closed', () => {
    const { browser, pacer, drawn } = paced();
    pacer.soon();
    pacer.close();
    browser.pass(1_000);
    expect([drawn.length, browser.waiting]).toEqual([0, 0]);
  });
});

describe('how often the page works on a graph', () => {
  it('is less the larger the graph is, and no change waits for more than 3 s', () => {
    const sizes = [0, 220, 5_400, THINGS, 275_000, 10_000_000];
    for (const pauseMs of [drawPauseMs, layoutPauseMs, listPauseMs]) {
      const pauses = sizes.map(pauseMs);
      expect(pauses).toEqual([...pauses].sort((one, other) => one - other));
      expect(Math.max(...pauses)).toBe(3_000);
    }
    // A small graph is followed as fast as it can be seen.
    expect([drawPauseMs(220) < FRAME_MS, layoutPauseMs(220) < 160, listPauseMs(220) < 260]).toEqual([true, true, true]);
  });
});

import { describe, expect, it } from '@jest/globals';
import { constantRandom, ManualClock } from '../../../harness/manual-clock.js';
import { Reopener } from '../../../src/client/carrier/reopener.js';
import { RepeatingSource } from '../../../src/client/carrier/repeating-source.js';
import type { RelaySource } from '../../../src/client/relay/relay.js';

const BLOCK = Buffer.alloc(65_536);
const MIB = 1_048_576;

/** A way to a sink. */
interface Way {
  readonly mibPerSecond: number;
  /** Between the source and the sink, while nothing waits. */
  readonly roundTripMs: number;
  /** What a block takes more than that, by its number. */
  readonly jitterMs?: (block: number) => number;
}

/** A source that is written to without a pause, over a way that takes blocks one after the other and keeps what waits in their order. */
class Copy {
  readonly clock = new ManualClock();
  way: Way;
  /** For how long what is sent now waits for what was sent before, as of the last block; the longest since {@link forget}. */
  longestMs = 0;
  takenBytes = 0;
  #freeMs = 0;
  readonly #life = new AbortController();

  constructor(way: Way) {
    this.way = way;
    const reopener = new Reopener({ clock: this.clock, random: constantRandom(0) }, this.#life.signal);
    const opened = () => Promise.reject(new Error('opened again'));
    const source = new RepeatingSource(this.#source(), opened, reopener, this.clock);
    source.over.catch(() => {});
    void this.#write(source);
  }

  /** Goes on for so long; the times until then do not count. */
  async forget(ms: number): Promise<void> {
    await this.clock.pass(ms);
    this.longestMs = 0;
    this.takenBytes = 0;
  }

  async #write(source: RepeatingSource): Promise<void> {
    for (;;) await source.write(BLOCK);
  }

  #source(): RelaySource {
    let sent = 0;
    let taken = 0;
    const source = {
      sentBlocks: 0,
      confirmedBlocks: 0,
      onConfirmed: (_: number) => {},
      ended: new Promise(() => {}),
      write: async (block: Buffer) => {
        const { mibPerSecond, roundTripMs, jitterMs = () => 0 } = this.way;
        const nowMs = this.clock.nowMs();
        const waitMs = Math.max(0, this.#freeMs - nowMs);
        this.longestMs = Math.max(this.longestMs, waitMs);
        this.#freeMs = nowMs + waitMs + (block.length / MIB / mibPerSecond) * 1_000;
        this.clock.after(this.#freeMs - nowMs + roundTripMs + jitterMs(sent++), () => {
          taken += 1;
          this.takenBytes += block.length;
          source.onConfirmed(taken);
        });
      },
    };
    return source as unknown as RelaySource;
  }
}

describe('a source that repeats what was not confirmed', () => {
  const ways: readonly Way[] = [
    { mibPerSecond: 200, roundTripMs: 0.5 },
    { mibPerSecond: 100, roundTripMs: 1 },
    { mibPerSecond: 20, roundTripMs: 5 },
    { mibPerSecond: 45, roundTripMs: 160 },
    { mibPerSecond: 10, roundTripMs: 40 },
  ];
  for (const way of ways) {
    const { mibPerSecond, roundTripMs } = way;
    it(`fills ${mibPerSecond} MiB/s at ${roundTripMs} ms, and lets no other stream wait for 20 ms`, async () => {
      const copy = new Copy(way);
      await copy.forget(3_000);
      await copy.clock.pass(2_000);
      expect(copy.longestMs).toBeLessThan(20);
      expect(copy.takenBytes / MIB / 2).toBeGreaterThan(0.9 * mibPerSecond);
    });
  }

  it('goes on with the whole of a way whose round trip has become longer', async () => {
    const copy = new Copy({ mibPerSecond: 20, roundTripMs: 5 });
    await copy.forget(3_000);
    copy.way = { mibPerSecond: 20, roundTripMs: 80 };
    await copy.forget(30_000);
    await copy.clock.pass(2_000);
    expect(copy.takenBytes / MIB / 2).toBeGreaterThan(18);
    expect(copy.longestMs).toBeLessThan(20);
  });

  it('keeps most of a way whose round trips differ by half', async () => {
    const copy = new Copy({ mibPerSecond: 20, roundTripMs: 40, jitterMs: (block) => (block * 7) % 21 });
    await copy.forget(3_000);
    await copy.clock.pass(2_000);
    expect(copy.takenBytes / MIB / 2).toBeGreaterThan(15);
  });
});

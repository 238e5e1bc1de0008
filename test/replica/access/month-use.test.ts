import { describe, expect, it, jest } from '@jest/globals';
import { MonthUse } from '../../../src/replica/access/month-use.js';
import { UseTally } from '../../../src/replica/access/use-tally.js';

const [A, B] = ['a', 'b'].map((letter) => `${letter.repeat(8)}-0000-4000-8000-000000000000`) as [string, string];
const YEARS_AHEAD = Date.UTC(2036, 2, 3);
const NOVEMBER = Date.UTC(2026, 10, 30, 23, 59);
const DECEMBER = Date.UTC(2026, 11, 1);
const JANUARY = Date.UTC(2027, 0, 1);

/** A store that several processes have one after the other, and their clock. */
class Disk {
  wallMs = NOVEMBER;
  readonly texts = new Map<number, string>();
  readonly aside = new Map<number, string>();
  writes = 0;
  /** Writes under way, */
  writing = 0;
  /** and the most of them at once. */
  writingMost = 0;
  isFull = false;
  /** Writes wait for this. */
  gate: Promise<void> = Promise.resolve();
  readonly warnings: string[] = [];
  readonly infos: string[] = [];
  readonly #timers: { readonly delayMs: number; readonly call: () => void }[] = [];

  start(): MonthUse {
    this.#timers.length = 0;
    return new MonthUse({
      clock: {
        wallMs: () => this.wallMs,
        after: (delayMs, call) => {
          const timer = { delayMs, call };
          this.#timers.push(timer);
          const cancel = () => {
            if (this.#timers.includes(timer)) this.#timers.splice(this.#timers.indexOf(timer), 1);
          };
          return { cancel };
        },
      },
      store: {
        read: (network) => this.texts.get(network),
        write: async (network, parts) => {
          this.writes++;
          this.writing++;
          this.writingMost = Math.max(this.writingMost, this.writing);
          await this.gate;
          this.writing--;
          if (this.isFull) throw new Error('no space left');
          let text = '';
          for (const part of parts) {
            text += part;
            await undefined;
          }
          this.texts.set(network, text);
        },
        setAside: async (network) => {
          if (this.isFull) throw new Error('no space left');
          this.aside.set(network, this.texts.get(network)!);
          this.texts.delete(network);
        },
        remove: async (network) => {
          if (this.isFull) throw new Error('no space left');
          this.texts.delete(network);
        },
        removeAside: async (network) => void this.aside.delete(network),
        networks: () => [...this.texts.keys()],
      },
      drawKey: () => [3, 4],
      warn: (message) => void this.warnings.push(message),
      info: (message, { network }) => void this.infos.push(`${network}: ${message}`),
    });
  }

  /** Fires every timer, waits until what they do is done, and answers with their delays. */
  async fire(): Promise<number[]> {
    const delays = this.#timers.splice(0).map(({ delayMs, call }) => {
      call();
      return delayMs;
    });
    await new Promise((done) => setImmediate(done));
    return delays;
  }
}

describe('the use of a month', () => {
  it('outlives a restart that stores it at the end, by network, identity and quota', async () => {
    const disk = new Disk();
    const before = disk.start();
    before.of(0).add(A, 'calls', 3);
    before.of(7).add(A, 'bytes', 5_000);
    await before.close();
    const after = disk.start();
    const used = [0, 7].flatMap((network) => [after.of(network).used(A, 'calls'), after.of(network).used(A, 'bytes')]);
    expect(used).toEqual([3, 0, 0, 5_000]);
    expect(after.of(0).used(B, 'calls')).toBe(0);
    expect(disk.warnings).toEqual([]);
  });

  it('is stored 10 s after it has changed and not again before it changes, so that a crash forgets no more', async () => {
    const disk = new Disk();
    const before = disk.start();
    for (let n = 0; n < 1_000; n++) before.of(0).add(A, 'calls', 1);
    before.of(1);
    expect(disk.writes).toBe(0);
    expect([await disk.fire(), await disk.fire(), disk.writes]).toEqual([[10_000], [], 1]);
    before.of(0).add(A, 'calls', 1);
    expect(disk.start().of(0).used(A, 'calls')).toBe(1_000);
  });

  it('is stored once more after what was counted while it was stored, and at the end after that', async () => {
    const disk = new Disk();
    const use = disk.start();
    use.of(0).add(A, 'calls', 1);
    let open = () => {};
    disk.gate = new Promise((resolve) => {
      open = resolve;
    });
    await disk.fire();
    use.of(0).add(A, 'calls', 1);
    expect(await disk.fire()).toEqual([]);
    open();
    await new Promise((done) => setImmediate(done));
    expect(await disk.fire()).toEqual([10_000]);
    use.of(0).add(B, 'calls', 1);
    await use.close();
    const after = disk.start().of(0);
    expect([after.used(A, 'calls'), after.used(B, 'calls')]).toEqual([2, 1]);
  });

  it('begins anew with the calendar month, also for what was stored in the last one', async () => {
    const disk = new Disk();
    const one = disk.start();
    one.of(0).add(A, 'calls', 5);
    await one.close();
    expect(one.of(0).refuse(A, 'calls', 5)?.message).toContain('the month ends at 2026-12-01T00:00:00Z');
    disk.wallMs = DECEMBER;
    expect(one.of(0).refuse(A, 'calls', 5)).toBeUndefined();
    const other = disk.start();
    expect(other.of(0).used(A, 'calls')).toBe(0);
    other.of(0).add(A, 'calls', 5);
    expect(other.of(0).refuse(A, 'calls', 5)?.message).toContain('the month ends at 2027-01-01T00:00:00Z');
  });

  it('is kept when the clock is set back into the month before, and back and forth, over a restart too', async () => {
    const disk = new Disk();
    disk.wallMs = DECEMBER;
    let use = disk.start();
    use.of(0).add(A, 'calls', 5);
    for (const wallMs of [NOVEMBER, DECEMBER, NOVEMBER, DECEMBER, NOVEMBER]) {
      disk.wallMs = wallMs;
      expect(use.of(0).used(A, 'calls')).toBe(5);
      await use.close();
      use = disk.start();
      expect(use.of(0).used(A, 'calls')).toBe(5);
      use.of(0).add(B, 'calls', 1);
    }
    expect(use.of(0).used(B, 'calls')).toBe(5);
    expect(disk.warnings).toContain(
      'the quotas of a month are counted for one that is later than the clock says, until that is over',
    );
    disk.wallMs = JANUARY;
    expect([use.of(0).used(A, 'calls'), use.of(0).used(B, 'calls')]).toEqual([0, 0]);
  });

  it('refuses no identity in its own month that used up one years ahead, to which the clock jumped for a moment', () => {
    const disk = new Disk();
    const use = disk.start();
    disk.wallMs = YEARS_AHEAD;
    use.of(0).add(A, 'calls', 5);
    expect(use.of(0).refuse(A, 'calls', 5)?.message).toContain('the month ends at 2036-04-01T00:00:00Z');
    disk.wallMs = NOVEMBER;
    expect(use.of(0).refuse(A, 'calls', 5)).toBeUndefined();
    use.of(0).add(A, 'calls', 5);
    expect(use.of(0).refuse(A, 'calls', 5)?.message).toContain('the month ends at 2026-12-01T00:00:00Z');
    expect(disk.warnings).toEqual([expect.stringContaining('years or months later than the clock says')]);
  });

  it('goes on from no file of a month years ahead of the clock, and says so', async () => {
    const disk = new Disk();
    disk.wallMs = YEARS_AHEAD;
    const before = disk.start();
    before.of(0).add(A, 'calls', 5);
    await before.close();
    disk.wallMs = NOVEMBER;
    const after = disk.start();
    expect(after.of(0).refuse(A, 'calls', 5)).toBeUndefined();
    after.of(0).add(B, 'calls', 1);
    await after.close();
    expect(disk.texts.get(0)).toContain('month-use 1 2026-11');
    expect(disk.warnings).toEqual([expect.stringContaining('years or months later than the clock says')]);
  });

  it.each([
    ['an empty file', ''],
    ['another file', 'hello\n'],
    ['a line that is cut off', `switchyard month-use 1 2026-11\ncalls ${A}\n`],
    ['too many lines', `switchyard month-use 1 2026-11\n${lines(8_193)}`],
  ])(
    'begins anew beside %s, which it keeps under another name before it stores anything, and says so once',
    async (_, text) => {
      const disk = new Disk();
      disk.texts.set(0, text);
      const use = disk.start();
      expect(use.of(0).used(A, 'calls')).toBe(0);
      expect([disk.texts.get(0), disk.aside.size]).toEqual([text, 0]);
      use.of(0).add(A, 'calls', 1);
      disk.isFull = true;
      await disk.fire();
      expect([disk.texts.get(0), disk.writes]).toEqual([text, 0]);
      disk.isFull = false;
      await use.close();
      expect(disk.texts.get(0)).toBe(`switchyard month-use 1 2026-11\ncalls ${A} 1\n`);
      expect(disk.aside.get(0)).toBe(text);
      expect(disk.warnings).toEqual([
        expect.stringMatching(/cannot be read.*ends? in \.unreadable.*put it back|delete it/),
        expect.stringContaining('cannot be stored'),
      ]);
    },
  );

  it('goes on from its file once a clock that was years behind at the start is right', async () => {
    const disk = new Disk();
    const first = disk.start();
    first.of(0).add(A, 'calls', 7);
    await first.close();
    disk.wallMs = 0;
    const second = disk.start();
    second.of(0).add(A, 'calls', 2);
    await disk.fire();
    expect(second.of(0).used(A, 'calls')).toBe(2);
    disk.wallMs = NOVEMBER;
    expect(second.of(0).used(A, 'calls')).toBe(7);
    await second.close();
    expect(disk.start().of(0).used(A, 'calls')).toBe(7);
  });

  it.each([
    ['counted and not stored yet', false],
    ['stored', true],
  ])(
    'of an identity that is forgotten is gone at once where it was %s, and from the file within 10 s',
    async (_, isStored) => {
      const disk = new Disk();
      const use = disk.start();
      for (const what of ['calls', 'bytes'] as const) for (const uuid of [A, B]) use.of(0).add(uuid, what, 5);
      use.of(1).add(A, 'calls', 5);
      if (isStored) await disk.fire();
      use.of(0).forget(A);
      expect([use.of(0).used(A, 'calls'), use.of(0).used(A, 'bytes'), use.of(1).used(A, 'calls')]).toEqual([0, 0, 5]);
      expect(await disk.fire()).toEqual([10_000]);
      expect(disk.texts.get(0)).toBe(`switchyard month-use 1 2026-11\ncalls ${B} 5\nbytes ${B} 5\n`);
      expect(disk.texts.get(1)).toContain(A);
    },
  );

  it('of an identity that is forgotten goes from a file of the month before, too, and from one of a month far ahead', async () => {
    for (const [written, read] of [
      [NOVEMBER, DECEMBER],
      [YEARS_AHEAD, NOVEMBER],
    ]) {
      const disk = new Disk();
      disk.wallMs = written;
      const before = disk.start();
      before.of(0).add(A, 'calls', 5);
      await before.close();
      disk.wallMs = read;
      const use = disk.start();
      use.of(0).forget(A);
      await use.close();
      expect(disk.texts.get(0)).toMatch(/^switchyard month-use 1 (2026-12|2036-03)\n$/);
      disk.wallMs = written;
      expect(use.of(0).used(A, 'calls')).toBe(0);
    }
  });

  it.each([
    ['forgotten', (use: MonthUse) => use.of(0).forget(A)],
    ['not there at a start', (use: MonthUse) => use.of(0).keepOnly((uuid) => uuid === B)],
  ])(
    'of the others stays in the file of a month that a clock which is wrong at the start has put aside, when an identity is %s',
    async (_, drop) => {
      const disk = new Disk();
      const first = disk.start();
      for (const uuid of [A, B]) first.of(0).add(uuid, 'calls', 7);
      await first.close();
      disk.wallMs = 0;
      const second = disk.start();
      drop(second);
      await second.close();
      expect(disk.texts.get(0)).toBe(`switchyard month-use 1 2026-11\ncalls ${B} 7\n`);
      disk.wallMs = NOVEMBER;
      const third = disk.start().of(0);
      expect([third.used(A, 'calls'), third.used(B, 'calls')]).toEqual([0, 7]);
    },
  );

  it('of one identity is forgotten without a look at the others, of whom there may be thousands', () => {
    const month = new Disk().start().of(0);
    for (const uuid of [A, B]) for (const what of ['calls', 'bytes'] as const) month.add(uuid, what, 1);
    const entries = jest.spyOn(UseTally.prototype, 'entries');
    month.forget(A);
    expect(entries).not.toHaveBeenCalled();
    entries.mockRestore();
    expect([A, B].map((uuid) => month.used(uuid, 'calls') + month.used(uuid, 'bytes'))).toEqual([0, 2]);
  });

  it('writes no file for an identity that is forgotten where there is none', async () => {
    const disk = new Disk();
    const use = disk.start();
    use.of(0).forget(A);
    expect([await disk.fire(), disk.texts.size]).toEqual([[], 0]);
  });

  it.each([
    ['this month', NOVEMBER],
    ['the next one', DECEMBER],
    ['one before', Date.UTC(2026, 9, 1)],
  ])(
    'of identities that are not there when a server starts in %s goes from the file, and where all are there nothing is written',
    async (_, wallMs) => {
      const disk = new Disk();
      const before = disk.start();
      before.of(0).add(A, 'calls', 5);
      before.of(0).add(B, 'bytes', 5);
      await before.close();
      disk.wallMs = wallMs;
      const whole = disk.start();
      whole.of(0).keepOnly(() => true);
      expect(await disk.fire()).toEqual([]);
      expect(disk.texts.get(0)).toContain(A);
      const use = disk.start();
      use.of(0).keepOnly((uuid) => uuid === B);
      expect(await disk.fire()).toEqual([10_000]);
      expect(disk.texts.get(0)).not.toContain(A);
    },
  );

  it('of many networks is stored side by side, 16 at once', async () => {
    const disk = new Disk();
    const use = disk.start();
    for (let network = 0; network < 100; network++) use.of(network).add(A, 'calls', network + 1);
    let open = () => {};
    disk.gate = new Promise((resolve) => {
      open = resolve;
    });
    const closed = use.close();
    await new Promise((done) => setImmediate(done));
    expect(disk.writing).toBe(16);
    open();
    await closed;
    expect([disk.writes, disk.writingMost, disk.texts.size]).toEqual([100, 16, 100]);
    expect(disk.start().of(99).used(A, 'calls')).toBe(100);
  });

  it('of networks that are gone is removed at a start with a line of log, what was set aside stays, and one that cannot be removed is said and stops nothing', async () => {
    const disk = new Disk();
    for (const network of [0, 3, 4]) disk.texts.set(network, 'switchyard month-use 1 2026-11\n');
    disk.aside.set(5, 'torn');
    disk.aside.set(3, 'torn');
    await disk.start().keepOnly(new Set([0, 3]));
    expect([[...disk.texts.keys()], [...disk.aside.keys()]]).toEqual([
      [0, 3],
      [5, 3],
    ]);
    expect(disk.infos).toEqual([expect.stringMatching(/^4: .* was removed$/)]);
    disk.isFull = true;
    await disk.start().keepOnly(new Set([0]));
    expect([disk.texts.size, disk.warnings]).toEqual([
      2,
      [expect.stringContaining('cannot be removed with its network')],
    ]);
  });

  it('is tried again when it cannot be stored, and said once', async () => {
    const disk = new Disk();
    const use = disk.start();
    use.of(0).add(A, 'bytes', 9);
    disk.isFull = true;
    expect([await disk.fire(), await disk.fire()]).toEqual([[10_000], [10_000]]);
    expect(disk.warnings).toEqual([expect.stringContaining('cannot be stored')]);
    disk.isFull = false;
    await disk.fire();
    expect(disk.texts.get(0)).toContain(`bytes ${A} 9\n`);
  });

  it('holds for identities beyond those that it stores, and forgets those of them that have used least at a restart', async () => {
    const disk = new Disk();
    const use = disk.start();
    use.of(7).add(A, 'calls', 1);
    use.of(0).add(A, 'calls', 1_000);
    for (let n = 0; n < 20_000; n++) use.of(0).add(uuidOf(n), 'calls', 1);
    expect([use.of(0).used(A, 'calls'), use.of(7).used(A, 'calls')]).toEqual([1_000, 1]);
    expect(use.of(0).refuse(A, 'calls', 1_000)).toMatchObject({ reason: 'NETWORK_LIMIT' });
    expect(disk.warnings).toEqual([expect.stringContaining('8192 identities of a network')]);
    await use.close();
    expect(disk.start().of(0).used(A, 'calls')).toBe(1_000);
  });

  it('refuses an identity at its quota that came when 8,192 others had used theirs up, in turn with another', async () => {
    const disk = new Disk();
    const use = disk.start();
    for (let n = 0; n < 8_192; n++) use.of(0).add(uuidOf(n), 'calls', 5);
    const taken = { [A]: 0, [B]: 0 };
    for (let n = 0; n < 20; n++) {
      const uuid = n % 2 === 0 ? A : B;
      if (use.of(0).refuse(uuid, 'calls', 5) !== undefined) continue;
      use.of(0).add(uuid, 'calls', 1);
      taken[uuid]++;
    }
    expect(taken).toEqual({ [A]: 5, [B]: 5 });
    expect(use.of(0).used(uuidOf(9_999), 'calls')).toBe(0);
  });

  it('refuses none of 300,000 identities that stay below their quota, goes on refusing those that have used most, and says so once', () => {
    const disk = new Disk();
    const month = disk.start().of(0);
    month.add(A, 'calls', 10);
    const uuids = Array.from({ length: 300_000 }, (_, n) => uuidOf(n));
    let refused = 0;
    for (let call = 0; call < 8; call++) {
      for (const uuid of uuids) {
        if (month.refuse(uuid, 'calls', 10) === undefined) month.add(uuid, 'calls', 1);
        else refused++;
      }
    }
    expect(refused).toBe(0);
    expect(month.refuse(A, 'calls', 10)).toMatchObject({ reason: 'NETWORK_LIMIT' });
    expect(uuids.filter((uuid) => month.used(uuid, 'calls') >= 8)).toHaveLength(8_191);
    expect(disk.warnings).toEqual([
      expect.stringContaining('8192 identities of a network'),
      expect.stringContaining('the others are not refused'),
    ]);
  });

  it('counts 32,000 identities, and refuses each at its quota and hardly one of them before', () => {
    const month = new Disk().start().of(0);
    const uuids = Array.from({ length: 32_000 }, (_, n) => uuidOf(n));
    let taken = 0;
    for (let call = 0; call < 6; call++) {
      for (const uuid of uuids) {
        if (month.refuse(uuid, 'calls', 5) !== undefined) continue;
        month.add(uuid, 'calls', 1);
        taken++;
      }
    }
    expect(taken).toBeLessThanOrEqual(160_000);
    expect(taken).toBeGreaterThan(159_000);
  });

  it('fits a file of less than 1 MiB at most, and goes with its network', async () => {
    const disk = new Disk();
    const use = disk.start();
    for (let n = 0; n < 8_192; n++) {
      use.of(3).add(uuidOf(n), 'bytes', 9e15);
      use.of(3).add(uuidOf(n), 'calls', 9e15);
    }
    await disk.fire();
    expect(disk.texts.get(3)!.length).toBeLessThan(1_048_576);
    expect(disk.start().of(3).used(uuidOf(8_191), 'bytes')).toBe(9e15);
    disk.aside.set(3, 'torn');
    await use.forget(3);
    expect(disk.aside.has(3)).toBe(false);
    expect([disk.texts.has(3), use.of(3).used(uuidOf(0), 'calls')]).toEqual([false, 0]);
  });
});

function uuidOf(n: number): string {
  return `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
}

function lines(count: number): string {
  return Array.from({ length: count }, (_, n) => `calls ${uuidOf(n)} 5\n`).join('');
}

import { describe, expect, it } from '@jest/globals';
import { constantRandom, ManualClock } from '../../harness/manual-clock.js';
import { Upgrade } from '../../src/client/connection/upgrade.js';
import type { GatheredPaths } from '../../src/client/direct/gather.js';
import { makeIdentity } from '../../src/client/direct/identity.js';
import { LocalAddresses } from '../../src/client/local-addresses.js';

const HOUR_MS = 3_600_000;

/** The tries of a connection of which the server says each time `ask`; when they were, and the sockets that are open. */
function tries(ask: () => Promise<void>) {
  const clock = new ManualClock();
  const atMs: number[] = [];
  const open = new Set<number>();
  const upgrade = new Upgrade({
    identity: makeIdentity(),
    clock,
    random: constantRandom(0),
    addresses: new LocalAddresses(clock),
    fresh: () => undefined,
    gather: async () => {
      const id = atMs.push(clock.nowMs());
      open.add(id);
      return { puncher: { close: () => open.delete(id) }, candidates: [], roundTripMs: 1 } as unknown as GatheredPaths;
    },
    ask,
  });
  return { clock, atMs, open, upgrade };
}

describe('a direct path', () => {
  it('is tried again with waits that double up to an hour, so often and no more, and leaves no sockets', async () => {
    const { clock, atMs, open, upgrade } = tries(() => Promise.reject(new Error('not now')));
    upgrade.begin(5_000);
    await clock.pass(100 * HOUR_MS);
    const waits = atMs.map((at, n) => at - (atMs[n - 1] ?? 0));
    const doubled = Array.from({ length: 16 }, (_, n) => Math.min(HOUR_MS, 5_000 * 2 ** n));
    expect(waits).toEqual(doubled);
    expect({ open: open.size, timers: clock.pending }).toEqual({ open: 0, timers: 0 });
  });

  it('is not tried while a try is under way', async () => {
    const { clock, atMs, open, upgrade } = tries(() => Promise.resolve());
    upgrade.begin(1_000);
    await clock.pass(20_000);
    expect(atMs).toEqual([1_000]);
    await clock.pass(20_000);
    expect(atMs).toHaveLength(2);
    expect(open.size).toBe(1);
    upgrade.end();
    await clock.pass(HOUR_MS);
    expect({ tries: atMs.length, open: open.size, timers: clock.pending }).toEqual({ tries: 2, open: 0, timers: 0 });
  });

  it('is tried at once, and that does not lengthen the waits of the tries after it', async () => {
    const { clock, atMs, upgrade } = tries(() => Promise.reject(new Error('not now')));
    upgrade.tryNow();
    upgrade.begin(5_000);
    await clock.pass(16_000);
    expect(atMs).toEqual([0, 5_000, 15_000]);
    upgrade.end();
  });

  it('is never tried where that is wanted', async () => {
    const { clock, upgrade } = tries(() => Promise.resolve());
    upgrade.begin(Number.POSITIVE_INFINITY);
    expect(clock.pending).toBe(0);
  });
});

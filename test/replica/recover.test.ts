import { describe, expect, it } from '@jest/globals';
import { systemClock, systemRandom } from '../../src/client/system.js';
import { isFault } from '../../src/core/model/fault.js';
import { DEFAULT_LIMITS } from '../../src/core/model/limits.js';
import { canonical } from '../../src/core/store/canonical.js';
import { checkFolder } from '../../src/journal/inspect.js';
import { JournalError } from '../../src/journal/journal.js';
import { partKey } from '../../src/journal/storage/folder.js';
import { LmdbJournal } from '../../src/journal/storage/lmdb.js';
import { MemoryDisk, MemoryJournal } from '../../src/journal/storage/memory.js';
import { DEFAULT_REPLICA_LIMITS } from '../../src/replica/limits.js';
import { recover } from '../../src/replica/recover.js';
import { Replica } from '../../src/replica/replica.js';
import { edit, inFolder } from '../journal/damage.js';
import { openCommand, World } from './world.js';

/** A journal with two snapshots and commands before, between and after them; with the state that all of them make. */
async function story(): Promise<{ disk: MemoryDisk; older: number; newer: number; state: string }> {
  const disk = new MemoryDisk();
  const world = await World.start({ snapshotEvery: 4 }, new MemoryJournal(disk));
  for (let n = 1; n <= 10; n++) {
    await world.open(n);
    await world.advance(0);
  }
  const [older, newer] = [...disk.snapshots.keys()];
  expect([disk.snapshots.size, older < newer, newer < disk.last]).toEqual([2, true, true]);
  return { disk, older, newer, state: canonical(world.replica.state) };
}

/** One bit of a snapshot is not what was written. */
function damage(disk: MemoryDisk, revision: number): void {
  const [first, ...rest] = disk.snapshots.get(revision)!;
  const rotten = Uint8Array.from(first);
  rotten[rotten.length - 1] ^= 1;
  disk.snapshots.set(revision, [rotten, ...rest]);
}

/** Recovers; answers with the state, where it began, and why it did not begin earlier. */
async function recovered(disk: MemoryDisk): Promise<{ state: string; from: number; passedOver: unknown }> {
  const { state, passedOver, replay } = await recover(new MemoryJournal(disk), DEFAULT_LIMITS);
  const from = state.revision;
  await replay(() => {});
  return { state: canonical(state), from, passedOver };
}

describe('a recovery', () => {
  it('begins with the older snapshot, so that the history after it comes back', async () => {
    const { disk, older, state } = await story();
    expect(await recovered(disk)).toEqual({ state, from: older, passedOver: undefined });
  });

  it('begins with the newer one when the older is damaged, comes to the same state, and says so', async () => {
    const { disk, older, newer, state } = await story();
    damage(disk, older);
    const passedOver = expect.objectContaining({ kind: 'damaged', revision: older });
    expect(await recovered(disk)).toEqual({ state, from: newer, passedOver });
  });

  it('knows when the last command of the newest snapshot was stored', async () => {
    const world = await World.start({ snapshotEvery: 4 });
    expect(world.replica.snapshotAtMs).toBeUndefined();
    for (let n = 0; n < 11; n++) {
      await world.advance(1_000);
      await world.open(n, 3_600_000);
    }
    await world.settle(world.replica.close());
    const atMs = world.replica.snapshotAtMs;
    // Opened a second before the last of 12 commands, which are the founding and 11 sessions.
    expect(world.journal.snapshots().at(-1)).toBeGreaterThanOrEqual(8);
    expect(atMs).toBeGreaterThan(world.clock.wallMs() - 5_000);
    await world.restart();
    expect(world.replica.snapshotAtMs).toBe(atMs);
  });

  it('is refused when no snapshot is whole, or the only one is not', async () => {
    const { disk, older, newer } = await story();
    damage(disk, newer);
    expect(await recovered(disk)).toMatchObject({ from: older });
    damage(disk, older);
    await expect(recovered(disk)).rejects.toMatchObject({ kind: 'damaged', revision: newer });
    disk.snapshots.delete(newer);
    await expect(recovered(disk)).rejects.toMatchObject({ kind: 'damaged', revision: older });
  });

  it('is refused when a command after the snapshot is damaged, whichever snapshot it began with', async () => {
    const { disk, older } = await story();
    damage(disk, older);
    disk.records.set(disk.last, Uint8Array.of(1, 2, 3));
    await expect(recovered(disk)).rejects.toMatchObject({ kind: 'damaged', revision: disk.last });
  });

  it('does not pass over a snapshot that a newer version wrote', async () => {
    const { disk, older } = await story();
    const journal = new MemoryJournal(disk);
    const openSnapshot = (revision: number) => {
      if (revision === older) throw new JournalError('version', 'a newer version', { revision });
      return MemoryJournal.prototype.openSnapshot.call(journal, revision);
    };
    await expect(recover(Object.assign(journal, { openSnapshot }), DEFAULT_LIMITS)).rejects.toThrow('a newer version');
  });

  it('goes on from the newer one on a real disk, whose next snapshot takes the damaged one away', () =>
    inFolder(async (folder) => {
      const [older, newer] = await run(folder, 0, 10);
      await edit(folder, 'snapshots', partKey(older, 0), (bytes) => {
        bytes[bytes.length - 1] ^= 1;
        return bytes;
      });
      expect((await checkFolder(folder)).problems).toMatchObject([{ kind: 'damaged', revision: older }]);
      const [first] = await run(folder, 10, 20);
      expect(first).toBeGreaterThan(newer);
      expect((await checkFolder(folder)).problems).toEqual([]);
    }));
});

/** Opens sessions over the journal in a folder; answers with the snapshots that are there in the end. */
async function run(folder: string, from: number, to: number): Promise<readonly number[]> {
  const journal = await LmdbJournal.open(folder);
  const recovery = await recover(journal, DEFAULT_LIMITS);
  await recovery.replay(() => {});
  const { state } = recovery;
  const problem = (error: unknown) => {
    throw error;
  };
  const replica = new Replica({
    ...{ state, journal, clock: systemClock, random: systemRandom },
    limits: { ...DEFAULT_REPLICA_LIMITS, snapshotEvery: 4 },
    warn: (_message, error) => problem(error),
    fatal: problem,
  });
  replica.publishTo(replica.leases, replica.deadlines, replica.attachments);
  await replica.found('00000000-0000-4000-8000-00000000ffff');
  for (let n = from; n < to; n++) expect(isFault(await replica.submit(openCommand(n)))).toBe(false);
  expect(state.sessions.count).toBe(to);
  await replica.close();
  const snapshots = journal.snapshots();
  await journal.close();
  return snapshots;
}

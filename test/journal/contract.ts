import { afterEach, beforeEach, it } from '@jest/globals';
import type { Journal } from '../../src/journal/journal.js';
import { recordsContract } from './contract-records.js';
import { snapshotsContract } from './contract-snapshots.js';
import { verify } from './workload.js';

/** Where a journal keeps what it stores, as a test gets at it while no journal has it open. */
export interface Disk {
  open(): Promise<Journal>;
  /** Flips one bit of a stored record. */
  damageRecord(revision: number): Promise<void>;
  loseRecord(revision: number): Promise<void>;
  /** Puts another record's bytes where this one's are. */
  misplaceRecord(revision: number, bytes: Uint8Array): Promise<void>;
  /** Flips one bit of a stored part. */
  damagePart(revision: number, part: number): Promise<void>;
  /** Makes it one that release 0.1.0 left: of format 1. Absent where no such can be. */
  readonly age?: () => Promise<void>;
  /** Whether `size` tells what others have stored and what is only history, too. */
  readonly isShared?: boolean;
  /** Runs the workload until it is cut off in the middle, and says up to where it was acknowledged. */
  crash(): Promise<number>;
  /** Plays `survivesFullDisk` (full.ts) with a disk of this kind. Throws where it does not hold. */
  fill(): Promise<void>;
  remove(): Promise<void>;
}

/** A test's journal on its disk. */
export interface Opened {
  readonly disk: Disk;
  /** Another one after each {@link reopen}. */
  readonly journal: Journal;
  /** Closes the journal, lets something happen to its disk, and opens it again. */
  reopen(change?: () => Promise<unknown>): Promise<void>;
}

/** Processes are started and killed here, and disks filled: on a busy machine that takes a while. */
const PROCESSES_LIMIT_MS = 120_000;

/** What every implementation of the port does. */
export function journalContract(makeDisk: () => Promise<Disk>): void {
  let disk: Disk;
  let journal: Journal;
  const opened: Opened = {
    get disk() {
      return disk;
    },
    get journal() {
      return journal;
    },
    reopen: async (change) => {
      await journal.close();
      await change?.();
      journal = await disk.open();
    },
  };

  beforeEach(async () => {
    disk = await makeDisk();
    journal = await disk.open();
  });

  afterEach(async () => {
    await journal.close();
    await disk.remove();
  });

  recordsContract(opened);
  snapshotsContract(opened);

  it(
    'keeps everything that was acknowledged when its process is killed, and nothing by halves',
    async () => {
      for (let round = 0; round < 3; round++) {
        let acknowledged = 0;
        await opened.reopen(async () => {
          acknowledged = await disk.crash();
        });
        await verify(journal, acknowledged);
      }
    },
    PROCESSES_LIMIT_MS,
  );

  it(
    'refuses appends while the disk is full, writes nothing by halves, and goes on when there is room',
    () => disk.fill(),
    PROCESSES_LIMIT_MS,
  );

  it('can be closed twice', async () => {
    await Promise.all([journal.close(), journal.close()]);
    await journal.close();
  });
}

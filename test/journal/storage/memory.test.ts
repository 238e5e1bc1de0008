import { describe } from '@jest/globals';
import { MemoryDisk, MemoryJournal } from '../../../src/journal/storage/memory.js';
import { type Disk, journalContract } from '../contract.js';
import { survivesFullDisk } from '../full.js';
import { appendForEver } from '../workload.js';

/** How many appends a run makes before its process is gone, in the middle of the next. */
const APPENDS_BEFORE_CRASH = 50;

async function memoryDisk(): Promise<Disk> {
  const kept = new MemoryDisk();
  const flipped = (bytes: Uint8Array) => {
    const copy = Uint8Array.from(bytes);
    copy[copy.length - 1] ^= 1;
    return copy;
  };
  return {
    open: async () => new MemoryJournal(kept),
    damageRecord: async (revision) => {
      kept.records.set(revision, flipped(kept.records.get(revision)!));
    },
    loseRecord: async (revision) => {
      kept.records.delete(revision);
    },
    misplaceRecord: async (revision, bytes) => {
      kept.records.set(revision, bytes);
    },
    damagePart: async (revision, part) => {
      const parts = kept.snapshots.get(revision)!.map((bytes, at) => (at === part ? flipped(bytes) : bytes));
      kept.snapshots.set(revision, parts);
    },
    age: async () => {
      kept.format = 1;
    },
    crash: () =>
      new Promise((resolve, reject) => {
        let appends = 0;
        const gone = new Error('gone');
        appendForEver(new MemoryJournal(kept), (last) => {
          if (++appends < APPENDS_BEFORE_CRASH) return;
          resolve(last);
          throw gone;
        }).catch((error) => error === gone || reject(error));
      }),
    fill: async () => {
      const small = new MemoryDisk(50_000);
      await survivesFullDisk(
        async () => new MemoryJournal(small),
        () => {
          small.bytesMax = Number.POSITIVE_INFINITY;
        },
      );
    },
    remove: async () => undefined,
  };
}

describe('the journal in memory', () => journalContract(memoryDisk));

import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmdirSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Fault, Ground } from './fault.js';

const SIZE_MIB = 40;
const FILLER = 'filler';
const BLOCK = Buffer.alloc(1 << 20);
/** What is left of a disk that is called full: nothing, or less than the journal wants to spare. */
const LEFT_BYTES = [0, 4 << 20];
const READS = 3;
const REFUSALS_MAX = 20;

/** No space left on the disk of the data folder, and then there is again. */
export const full: Fault = {
  name: 'full',
  about: 'a full disk: refused and not done, watches and reading go on, and writing when there is room again',
  lacks() {
    if (process.platform !== 'linux' || process.getuid?.() !== 0)
      return 'a full disk is a small tmpfs, which needs root';
    const { remove, options } = mount();
    remove();
    return options.parent === undefined ? 'a full disk is a small tmpfs, which may not be mounted here' : undefined;
  },
  prepare: mount,
  async strike(trial) {
    const { fleet, random, folder } = trial;
    const disk = dirname(folder);
    const broken = fleet.brokenWatches;
    const refused = fleet.countOf('JOURNAL_UNAVAILABLE');
    fill(disk, random.pick(LEFT_BYTES));
    const enough = refused + random.between(1, REFUSALS_MAX);
    await trial.until('a refusal for want of space', () => fleet.countOf('JOURNAL_UNAVAILABLE') >= enough);
    for (let read = 0; read < READS; read++) await fleet.admin.client.getNode(fleet.serverSid);
    rmSync(join(disk, FILLER));
    const { created } = fleet;
    await trial.until('a command after there was room again', () => fleet.created > created);
    if (fleet.brokenWatches > broken) fleet.verdict.fail('Sound', 'a watch broke because the disk was full');
  },
};

/** A disk of its own, so small that it can be filled. */
function mount(): Ground {
  const parent = mkdtempSync(join(tmpdir(), 'switchyard-disk-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE_MIB}m`, 'switchyard', parent]).status === 0;
  const remove = () => {
    if (mounted) spawnSync('umount', ['-l', parent]);
    rmdirSync(parent);
  };
  return { options: mounted ? { parent } : {}, remove };
}

/** Writes a file as large as there is room for, but for so many bytes. */
function fill(disk: string, leftBytes: number): void {
  const file = openSync(join(disk, FILLER), 'w');
  try {
    for (;;) {
      const { bavail, bsize } = statfsSync(disk);
      const bytes = Math.min(BLOCK.length, bavail * bsize - leftBytes);
      if (bytes <= 0) return;
      writeSync(file, BLOCK, 0, bytes);
    }
  } catch (error) {
    // The server was quicker with the last page, which is as full as it gets.
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    closeSync(file);
  }
}

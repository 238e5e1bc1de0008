import { rmSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { LmdbJournal } from '../../src/journal/storage/lmdb.js';
import { LocalLog } from '../../src/log/local.js';
import { temporaryFolder } from '../journal/damage.js';
import { logContract } from './contract.js';

describe('the log of one process, in a folder', () => {
  logContract(async () => {
    const folder = temporaryFolder();
    return {
      open: () => new LocalLog(() => LmdbJournal.open(folder)),
      remove: async () => rmSync(folder, { recursive: true }),
    };
  });

  it('hands the journal of the folder through as it is', async () => {
    const folder = temporaryFolder();
    const term = await new LocalLog(() => LmdbJournal.open(folder)).lead();
    expect(term.journal).toBeInstanceOf(LmdbJournal);
    await term.resign();
    rmSync(folder, { recursive: true });
  });
});

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { encodeRecord } from '../../../src/journal/format/record.js';
import { LmdbJournal } from '../../../src/journal/storage/lmdb.js';
import { FOUND } from '../../core/network.js';
import { runCommand } from '../command.js';

// Nothing listens there: what is refused is refused before etcd is asked.
const JOURNAL = ['--journal', 'etcd://127.0.0.1:9'];

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-copy-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function makeNetworks(names: readonly string[]): Promise<void> {
  const journal = await LmdbJournal.open(folder);
  await journal.append([encodeRecord(1, FOUND)]);
  for (const name of names) await journal.networks?.create({ name, sessionsMax: 0, createdAtMs: 1 });
  await journal.close();
}

describe('switchyard journal copy', () => {
  it('refuses a folder with further networks, names them, and does not advise to remove it', async () => {
    await makeNetworks(['north', 'south']);
    const { status, out, err } = await runCommand(['journal', 'copy', '--data', folder, ...JOURNAL]);
    expect(status).toBe(1);
    expect(err).toContain('further networks (north, south)');
    expect(err).toContain('switchyard network drop NAME');
    expect(out).toBe('');
  });

  it('names 10 of many further networks and counts the rest', async () => {
    await makeNetworks(Array.from({ length: 12 }, (_, nth) => `n${nth}`));
    const { err } = await runCommand(['journal', 'copy', '--data', folder, ...JOURNAL]);
    expect(err).toContain('n8, n9 and 2 more)');
  });

  it('takes :memory: for a wrong use in both directions, and makes no folder of that name', async () => {
    for (const back of [[], ['--back']]) {
      const { status, err } = await runCommand(['journal', 'copy', ...back, '--data', ':memory:', ...JOURNAL]);
      expect([status, err]).toEqual([2, expect.stringContaining('--data has to be a folder')]);
    }
    expect(existsSync(':memory:')).toBe(false);
  });
});

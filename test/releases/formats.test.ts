import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { INITIAL_LIMITS } from '../../src/core/model/limits.js';
import { Format } from '../../src/journal/format/frame.js';
import { LmdbJournal } from '../../src/journal/storage/lmdb.js';
import { MemoryJournal } from '../../src/journal/storage/memory.js';
import { recover } from '../../src/replica/recover.js';
import { runCommand } from '../cli/command.js';
import { type Running, run } from '../grpc/running.js';
import { digestOf, textOf } from './digest.js';
import { HistoryClock } from './history/clock.js';
import { listNetwork } from './network.js';
import { type DataFolder, type JournalManifest, Release } from './release.js';
import { replay } from './replay.js';
import { limitsOfStart, START_NAMES, STARTS } from './starts.js';

const HERE = fileURLToPath(new URL('./formats', import.meta.url));
const DATA_FOLDERS: readonly DataFolder[] = ['records', 'snapshots'];
const FOLDERS_AND_STARTS = DATA_FOLDERS.flatMap((name) => START_NAMES.map((flags) => [name, flags] as const));

/** As make-format.ts has it. */
const DIGEST_EVERY = 100;

const formats = (await readdir(HERE)).map(Number).sort((x, y) => x - y);

let folder: string;
let at: Running | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'switchyard-format-'));
});
afterEach(async () => {
  await at?.stop();
  at = undefined;
  await rm(folder, { recursive: true, force: true });
});

it('every format since release 0.1.0 has a golden journal', () => {
  expect(formats).toEqual(Object.values(Format).filter((format) => format > Format.FIRST));
});

describe.each(formats)('the golden journal of format %i', (format) => {
  const golden = new Release<JournalManifest>(join(HERE, String(format)));

  /** The data folder as it was written. */
  async function unpacked(): Promise<LmdbJournal> {
    await golden.unpackData('snapshots', folder);
    return LmdbJournal.open(folder);
  }

  it('has the same digests today', async () => {
    const { commands, digests, kinds, refused } = await golden.manifest();
    const replayed = await replay(await golden.records(), INITIAL_LIMITS, undefined, {
      format,
      digestEvery: DIGEST_EVERY,
    });
    // The text first: of two that differ it shows where.
    expect(textOf(replayed.state, format).split('\n')).toEqual((await golden.state()).split('\n'));
    expect(replayed).toMatchObject({ kinds, refused, digests });
    expect(replayed.state.revision).toBe(commands);
  });

  it.each(FOLDERS_AND_STARTS)('recovers with %s to the same digests when its flags are %s', async (name, flags) => {
    const { commands, digests, snapshots } = await golden.manifest();
    const journal = name === 'records' ? new MemoryJournal() : await unpacked();
    try {
      if (name === 'records') await journal.append(await golden.records());
      expect(journal.format).toBe(format);
      expect(journal.snapshots()).toEqual(name === 'records' ? [] : snapshots);
      const recovery = await recover(journal, limitsOfStart(flags));
      const after = recovery.state.revision;
      const found: Record<string, string> = {};
      await recovery.replay(({ revision }) => {
        if (revision % DIGEST_EVERY === 0 || revision === commands) found[revision] = digestOf(recovery.state, format);
      });
      expect(found).toEqual(
        Object.fromEntries(Object.entries(digests).filter(([revision]) => Number(revision) > after)),
      );
    } finally {
      await journal.close();
    }
  });

  it("is shown by today's server as it was, at every start of three that have other flags each", async () => {
    const { revision, ...network } = await golden.network();
    await golden.unpackData('snapshots', folder);
    for (const [before, flags] of START_NAMES.entries()) {
      // The clock stands still, so nothing expires while it is looked at.
      at = await run({ data: folder, ...STARTS[flags] }, { clock: new HistoryClock() });
      // Each start has stored its limits: one command more, that changes nothing of what is shown.
      expect(await listNetwork(at)).toEqual({ ...network, revision: revision + before + 1 });
      await at.stop();
      at = undefined;
    }
  });

  it.each(DATA_FOLDERS)('with %s has nothing that `journal check` finds wrong', async (name) => {
    const journal = name === 'snapshots' ? await unpacked() : await LmdbJournal.open(folder);
    if (name === 'records') await journal.append(await golden.records());
    await journal.close();
    const { commands } = await golden.manifest();
    const { status, out } = await runCommand(['journal', 'check', '--json', '--data', folder]);
    expect(JSON.parse(out)).toMatchObject({
      formatVersion: format,
      problemCount: 0,
      records: { last: commands },
      state: { revision: commands },
    });
    expect(status).toBe(0);
  });
});

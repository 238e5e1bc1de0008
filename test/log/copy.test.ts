import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { GOOD_WAYS, SimulatedEtcd, type Ways } from '../../harness/simulation/machine/etcd.js';
import { systemClock, systemRandom } from '../../src/client/system.js';
import { apply } from '../../src/core/decide/apply.js';
import type { Command } from '../../src/core/model/command.js';
import { INITIAL_LIMITS } from '../../src/core/model/limits.js';
import { capture, rowsOf } from '../../src/core/store/snapshot.js';
import { State } from '../../src/core/store/state.js';
import { encodeChunks } from '../../src/journal/format/chunk.js';
import { stateDigest } from '../../src/journal/format/digest.js';
import { encodeRecord } from '../../src/journal/format/record.js';
import { checkFolder, readFolder } from '../../src/journal/inspect.js';
import type { Journal } from '../../src/journal/journal.js';
import { replayWhole } from '../../src/journal/replaying.js';
import { importFolder } from '../../src/journal/storage/import.js';
import { LmdbJournal } from '../../src/journal/storage/lmdb.js';
import { copyIntoLog, copyOutOfLog } from '../../src/log/etcd/copy.js';
import { LogKeys } from '../../src/log/etcd/keys.js';
import { openLog } from './etcd-disk.js';
import { silentLog } from './silent-log.js';

const NETWORK = 'yard';
const KEYS = new LogKeys(NETWORK);

describe('a copy of a journal', () => {
  const folder = { path: '' };
  let etcd: SimulatedEtcd;

  beforeEach(() => {
    folder.path = mkdtempSync(join(tmpdir(), 'switchyard-copy-'));
    etcd = new SimulatedEtcd(systemClock);
  });
  afterEach(() => rmSync(folder.path, { recursive: true, force: true }));

  const at = (name: string) => join(folder.path, name);
  const deps = (ways: Ways = GOOD_WAYS()) => ({
    ...{ store: etcd.connect(ways), clock: systemClock, random: systemRandom, log: silentLog },
    ...{ network: NETWORK, name: 'copy', leaderTtlMs: 5_000 },
  });

  /** A folder with commands before and behind two snapshots, of which the first is where it begins. */
  async function makeFolder(name: string): Promise<string> {
    const journal = await LmdbJournal.open(at(name));
    const state = new State(INITIAL_LIMITS);
    const add = async (count: number) => {
      for (let made = 0; made < count; made++) await append(journal, state);
    };
    await add(5);
    await snapshot(journal, state);
    await add(5);
    await snapshot(journal, state);
    await journal.compact(5);
    await add(3);
    await journal.close();
    return at(name);
  }

  async function append(journal: Journal, state: State): Promise<void> {
    const revision = state.revision + 1;
    const epoch = Buffer.from(`epoch ${revision}`).toString('base64url');
    const serverUuid = '00000000-0000-4000-8000-000000000001';
    const command: Command =
      revision === 1 ? { kind: 'FoundNetwork', epoch, serverUuid, atMs: 1 } : { kind: 'RenewEpoch', epoch };
    await journal.append([encodeRecord(revision, command)]);
    apply(state, command);
  }

  async function snapshot(journal: Journal, state: State): Promise<void> {
    const { revision } = state;
    await journal.writeSnapshot(
      revision,
      encodeChunks(revision, rowsOf(capture(state)), async () => {}),
    );
  }

  async function copyIn(path: string, ways?: Ways, signal?: AbortSignal, progress = (_: number) => {}) {
    const source = await readFolder(path);
    try {
      return await copyIntoLog(deps(ways), source, progress, signal);
    } finally {
      await source.close();
    }
  }

  const copyOut = (path: string) => copyOutOfLog(deps(), (source) => importFolder(path, source));
  const digestIn = async (path: string) => (await checkFolder(path)).state?.digest;

  it('brings a folder into etcd and back with its snapshots, its epoch and the state that its commands come to', async () => {
    const path = await makeFolder('first');
    const seen: number[] = [];
    const copied = await copyIn(path, undefined, undefined, (revision) => seen.push(revision));
    expect(copied).toEqual({ revision: 13, digest: await digestIn(path) });
    expect(seen.at(-1)).toBe(13);

    const log = openLog(etcd.connect(), NETWORK);
    const { journal, revision } = await log.view();
    expect(revision).toBe(13);
    expect([journal.compacted, ...journal.snapshots()]).toEqual([5, 5, 10]);
    // A server leads it and goes on.
    const term = await log.lead();
    const state = await replayWhole(term.journal, INITIAL_LIMITS);
    expect(stateDigest(state)).toBe(copied.digest);
    await append(term.journal, state);
    await snapshot(term.journal, state);
    await term.resign();

    const back = await copyOut(at('back'));
    expect(back.state).toEqual({ revision: 14, digest: stateDigest(state) });
    expect(back.snapshots.map(({ revision: one }) => one)).toEqual([5, 10, 14]);
    expect(readdirSync(at('back')).filter((name) => name.includes('unfinished'))).toEqual([]);
    const opened = await LmdbJournal.open(at('back'));
    expect(opened.last).toBe(14);
    await append(opened, state);
    await opened.close();
    expect(await digestIn(at('back'))).toBe(stateDigest(state));
  });

  it('goes neither into a network nor into a folder that has a journal, and changes nothing there', async () => {
    const path = await makeFolder('first');
    await copyIn(path);
    await expect(copyIn(path)).rejects.toThrow('network yard in etcd has a journal already, up to revision 13');
    const before = await digestIn(path);
    await expect(copyOut(path)).rejects.toThrow(`there is a journal in ${path} already`);
    expect(await digestIn(path)).toBe(before);
  });

  it('is refused while a server leads the network, and names it', async () => {
    const path = await makeFolder('first');
    const term = await openLog(etcd.connect(), NETWORK, 'harbour').lead();
    await expect(copyIn(path)).rejects.toThrow('harbour leads network yard: stop all servers of the network first');
    await expect(copyOut(at('back'))).rejects.toThrow('harbour leads network yard');
    await term.resign();
  });

  it('leaves nothing in etcd when it is told to end, and can be made again', async () => {
    const path = await makeFolder('first');
    const stop = new AbortController();
    await expect(copyIn(path, undefined, stop.signal, () => stop.abort(new Error('enough')))).rejects.toThrow('enough');
    const { values } = await etcd.connect().read({ key: '/', end: '0' });
    expect(values).toEqual([]);
    expect((await copyIn(path)).revision).toBe(13);
  });

  it('is not taken for a network when its process was killed at any write, and the next one begins anew', async () => {
    const path = await makeFolder('first');
    const digest = await digestIn(path);
    let commits = 0;
    for (let dead = 2; ; dead++) {
      commits = 0;
      etcd = new SimulatedEtcd(systemClock);
      const ways = GOOD_WAYS();
      // From then on etcd hears nothing of it.
      const dies = new AbortController();
      ways.next = (request) => {
        if (request === 'commit' && ++commits > dead) {
          setTimeout(() => dies.abort(new Error('killed')));
          return { kind: 'lost' };
        }
        return { kind: 'passes' };
      };
      const outcome = await copyIn(path, ways, dies.signal).then(
        () => 'copied',
        () => 'killed',
      );
      if (outcome === 'copied') break;
      await etcd.connect().commit({ compare: [], success: [{ kind: 'delete', range: { key: KEYS.leader } }] });
      const log = openLog(etcd.connect(), NETWORK);
      const [head] = (await etcd.connect().read({ key: KEYS.head })).values;
      if (head !== undefined) {
        expect(stateDigest(await replayWhole((await log.view()).journal, INITIAL_LIMITS))).toBe(digest);
        continue;
      }
      const [copying] = (await etcd.connect().read({ key: KEYS.copying })).values;
      if (copying !== undefined) {
        await expect(log.view()).rejects.toThrow('is being copied into this network, or that was cut short');
        await expect(log.lead()).rejects.toThrow('is being copied into this network, or that was cut short');
        expect((await log.tail(0).read()).batches).toEqual([]);
      }
      expect((await copyIn(path)).digest).toBe(digest);
    }
    expect(commits).toBeGreaterThan(4);
  });

  it('is refused when a record of the folder is not what was written, and when the folder is of format 1', async () => {
    const path = await makeFolder('first');
    const source = await readFolder(path);
    const torn = {
      ...source,
      read: async function* (after: number) {
        for await (const slice of source.read(after)) yield [...slice].filter(({ revision }) => revision !== 8);
      },
    };
    await expect(copyIntoLog(deps(), torn, () => {})).rejects.toThrow('record 8 is damaged');
    await expect(copyIntoLog(deps(), { ...source, format: 1 }, () => {})).rejects.toThrow('the journal is of format 1');
    await source.close();
    expect((await etcd.connect().read({ key: '/', end: '0' })).values).toEqual([]);
  });
});

import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { InstanceType, type PeerStream, Switchyard } from '../../src/client/index.js';
import { LmdbJournal } from '../../src/journal/storage/lmdb.js';
import { recover } from '../../src/replica/recover.js';
import { runCommand } from '../cli/command.js';
import { breaksAgainst } from '../gate/checks.mjs';
import { ask, asSession, type Running, run } from '../grpc/running.js';
import { digestOf, textOf } from './digest.js';
import { HistoryClock } from './history/clock.js';
import { listNetwork } from './network.js';
import { type JoinedClient, OldClient } from './old-client.js';
import { type DataFolder, Release } from './release.js';
import { replay } from './replay.js';
import { START_NAMES, STARTS } from './starts.js';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const NEW_UUID = '00000000-0000-4000-8000-000000000002';
const DATA_FOLDERS: readonly DataFolder[] = ['records', 'snapshots'];
const FOLDERS_AND_STARTS = DATA_FOLDERS.flatMap((name) => START_NAMES.map((flags) => [name, flags] as const));

const versions = (await readdir(HERE)).filter((name) => /^\d+\.\d+\.\d+$/.test(name));

let folder: string;
let at: Running | undefined;
let yard: Switchyard | undefined;
let old: JoinedClient | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'switchyard-release-'));
});
afterEach(async () => {
  old?.kill();
  await yard?.close();
  await at?.stop();
  [old, yard, at] = [undefined, undefined, undefined];
  await rm(folder, { recursive: true, force: true });
});

it('there is at least one release to be measured by', () => {
  expect(versions).toContain('0.1.0');
});

describe.each(versions)('release %s', (version) => {
  const release = new Release(join(HERE, version));

  it('wrote a journal with the same digests today', async () => {
    const { commands, digests, kinds, refused } = await release.manifest();
    const replayed = await replay(await release.records(), await release.limits());
    // The text first: of two that differ it shows where.
    expect(textOf(replayed.state).split('\n')).toEqual((await release.state()).split('\n'));
    expect(replayed).toMatchObject({ kinds, refused, digests });
    expect(replayed.state.revision).toBe(commands);
  });

  it.each(DATA_FOLDERS)('left a data folder with %s that recovers to the same state today', async (name) => {
    const { commands, digests, snapshots } = await release.manifest();
    await release.unpackData(name, folder);
    const journal = await LmdbJournal.open(folder);
    try {
      expect(journal.snapshots()).toEqual(name === 'snapshots' ? snapshots : []);
      const recovery = await recover(journal, await release.limits());
      const replayed = await recovery.replay(() => undefined);
      expect(replayed).toBe(commands - (journal.snapshots()[0] ?? 0));
      expect(digestOf(recovery.state)).toBe(digests[commands]);
    } finally {
      await journal.close();
    }
  });

  it.each(FOLDERS_AND_STARTS)(
    "left a data folder with %s that today's server shows as it was when its flags are %s",
    async (name, flags) => {
      await release.unpackData(name, folder);
      const { session } = await release.manifest();
      // The clock stands still, so nothing expires while it is looked at.
      at = await run({ data: folder, ...STARTS[flags] }, { clock: new HistoryClock() });
      const network = await release.network();
      // The start has stored its limits: one command more, that changes nothing of what is shown.
      expect(await listNetwork(at)).toEqual({ ...network, revision: network.revision + 1 });
      const own = await ask(at, Sessions.getSession, { cvid: 0 }, asSession(session.token));
      expect(own.session).toMatchObject({ cvid: session.sid, instanceUuid: session.uuid });
    },
  );

  it.each(DATA_FOLDERS)(
    "left a data folder with %s in which today's `journal check` finds nothing wrong",
    async (name) => {
      await release.unpackData(name, folder);
      const { commands } = await release.manifest();
      const { status, out } = await runCommand(['journal', 'check', '--json', '--data', folder]);
      expect(JSON.parse(out)).toMatchObject({ problemCount: 0, records: { last: commands } });
      expect(status).toBe(0);
    },
  );

  it('had protos that those of today do not break', async () => {
    expect(await breaksAgainst(release.path('protos.binpb'))).toMatchObject({ ok: true, said: '' });
  });

  it("had a client that joins today's server, watches it, and exchanges and stops streams with today's client", async () => {
    at = await run();
    const client = await OldClient.unpack(release.path(`switchyard-${version}.tgz`), folder, ROOT);
    old = await client.join(at.address);
    const { session } = await ask(at, Sessions.getSession, { cvid: old.sid });
    expect(session).toMatchObject({ name: 'an old client', attached: true });
    yard = new Switchyard({ server: at.address });
    const today = yard.join({ uuid: NEW_UUID, type: InstanceType.CLIENT, name: 'a new one' });
    const { cvid } = await today.attached();
    expect(await old.next()).toEqual({ added: cvid, name: 'a new one' });

    const { stream: id, branch } = (await old.next()) as { stream: number; branch: number };
    expect(await readAll(await today.openSink(branch))).toEqual(['one', 'two', 'three']);
    expect(await old.next()).toEqual({ confirmed: 3 });

    const stopped = new Promise((resolve) => today.on('streamStopped', resolve));
    const { stream } = await today.createStream([old.sid], { name: 'to the old' });
    const source = await today.openSource(stream.id);
    for (const block of ['vier', 'fünf']) await source.write(Buffer.from(block));
    await source.finish();
    expect(await old.next()).toEqual({ received: ['vier', 'fünf'] });
    expect(await old.next()).toEqual({ stop: 'OK' });
    expect(await stopped).toMatchObject({ id: stream.id });

    await today.stopStream(branch);
    expect(await old.next()).toMatchObject({ stopped: id });
    expect(await old.ended).toBe(0);
    await expect(ask(at, Sessions.getSession, { cvid: old.sid })).rejects.toThrow('no session');
  });

  it("had a client that today's connects to, and that connects to today's, through the server", async () => {
    at = await run({ 'attempts-per-connection-max': '1' });
    yard = new Switchyard({ server: at.address });
    const handlers = { accept: () => true, accepted: (stream: PeerStream) => void stream.pipe(stream) };
    const today = yard.join({ uuid: NEW_UUID, type: InstanceType.AGENT, handlers });
    const { cvid } = await today.attached();
    const client = await OldClient.unpack(release.path(`switchyard-${version}.tgz`), folder, ROOT, true);
    old = await client.join(at.address, String(cvid));
    expect(await old.next()).toEqual({ path: 'relayed', heard: 'from the old '.length * 20_000 });

    const stream = await today.connect(old.sid);
    const words = 'from the new '.repeat(20_000);
    stream.end(words);
    expect(await text(stream)).toBe(words);
    expect([stream.path, stream.endToEnd]).toEqual(['relayed', false]);
  });
});

async function readAll(blocks: AsyncIterable<Uint8Array>): Promise<string[]> {
  const read: string[] = [];
  for await (const block of blocks) read.push(Buffer.from(block).toString());
  return read;
}

import { cpSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { credentials, status } from '@grpc/grpc-js';
import { describe, expect, it } from '@jest/globals';
import { HealthCheckResponse_ServingStatus, HealthClient } from '../../gen/grpc/health/v1/health.js';
import { SessionRequest, SessionServiceClient } from '../../gen/switchyard/v1/session_service.js';
import { checkFolder } from '../../src/journal/inspect.js';
import { LmdbJournal } from '../../src/journal/storage/lmdb.js';
import { startServerProcess } from '../cli/process.js';
import { appendAt } from '../journal/workload.js';

// After gastownhall/beads#2933: the file that is locked was deleted, and two processes wrote one journal.

const INSTANCE = SessionRequest.fromPartial({ instanceUuid: '00000000-0000-4000-8000-000000000001', instanceType: 2 });

/** What a lock is worth where the kernel does not hold it, as on some network file systems. */
const UNLOCKED = () => ({ holds: () => true, release: () => {} });

function open(folder: string): Promise<LmdbJournal> {
  return LmdbJournal.open(folder, () => Number.POSITIVE_INFINITY, UNLOCKED);
}

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-one-writer-'));
  try {
    await work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Resolves when a server says that it serves no more. */
function saysNotServing(address: string): Promise<void> {
  const client = new HealthClient(address, credentials.createInsecure());
  const watch = client.watch({ service: '' });
  return new Promise<void>((resolve, reject) => {
    watch.on('data', (answer) => {
      if (answer.status === HealthCheckResponse_ServingStatus.NOT_SERVING) resolve();
    });
    watch.on('error', reject);
  }).finally(() => client.close());
}

describe('One writer', () => {
  it('refuses a second journal in a folder whose file `lock` was deleted', () =>
    inFolder(async (folder) => {
      const journal = await LmdbJournal.open(folder);
      rmSync(join(folder, 'lock'));
      const message = `another process has ${folder}: one process at a time can use a data folder`;
      await expect(LmdbJournal.open(folder)).rejects.toMatchObject({ kind: 'locked', message });
      await journal.append(appendAt(1));
      await journal.close();
    }));

  it('lets nobody append who has been overtaken, though both believe that the folder is theirs', () =>
    inFolder(async (folder) => {
      const [first, second] = [await open(folder), await open(folder)];
      await second.append(appendAt(1));
      const { last } = second;
      await expect(first.append(appendAt(1))).rejects.toMatchObject({ kind: 'locked' });
      await expect(first.append(appendAt(1))).rejects.toMatchObject({ kind: 'locked' });
      const third = await open(folder);
      expect(third.last).toBe(last);
      await third.append(appendAt(last + 1));
      await expect(second.append(appendAt(last + 1))).rejects.toMatchObject({ kind: 'locked' });
      await expect(second.writeSnapshot(last, parts())).rejects.toMatchObject({ kind: 'locked' });
      for (const journal of [first, second, third]) await journal.close();
      expect(await checkFolder(folder)).toMatchObject({ problemCount: 0 });
    }));

  it('ends the server with status 74 when a backup is put in the place of its data file, and says so', () =>
    inFolder(async (folder) => {
      const data = join(folder, 'data');
      const { program, address } = await startServerProcess(['--listen', '127.0.0.1:0', '--data', data]);
      const sessions = new SessionServiceClient(address, credentials.createInsecure());
      const open = promisify(sessions.session.bind(sessions));
      try {
        await open(INSTANCE);
        cpSync(join(data, 'data.mdb'), join(data, 'backup'));
        renameSync(join(data, 'backup'), join(data, 'data.mdb'));
        const notServing = saysNotServing(address);
        await expect(open(INSTANCE)).rejects.toMatchObject({ code: status.UNAVAILABLE });
        await notServing;
        expect(await program.ended()).toBe(74);
        expect(program.err).toContain(`${data} does not hold the journal that was opened any more`);
      } finally {
        sessions.close();
        await program.stop('SIGKILL');
      }
    }));
});

async function* parts(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('one');
}

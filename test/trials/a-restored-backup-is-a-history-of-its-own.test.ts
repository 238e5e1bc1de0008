import { cpSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { credentials } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { WatchKind } from '../../gen/switchyard/v1/network.js';
import { NetworkServiceClient, type WatchNetworkDeltaResponse } from '../../gen/switchyard/v1/network_service.js';
import type { Position } from '../../gen/switchyard/v1/position.js';
import { SessionRequest, SessionServiceClient } from '../../gen/switchyard/v1/session_service.js';
import { apply } from '../../src/core/decide/apply.js';
import { INITIAL_LIMITS } from '../../src/core/model/limits.js';
import { State } from '../../src/core/store/state.js';
import { stateDigest } from '../../src/journal/format/digest.js';
import { decodeRecord } from '../../src/journal/format/record.js';
import { LmdbJournal } from '../../src/journal/storage/lmdb.js';
import { Program, startServerProcess } from '../cli/process.js';

// etcd #16028, Kubernetes #118501: after a restore revisions begin to be given anew, and watchers go on in another history.
// A restored journal had the epoch that it had before, and gave revisions that were told already to other commands: a watcher that
// had been away went on from its position into another history, and its picture was wrong for good.

/** Callers that open sessions all the time. */
const CALLERS = 8;

let root: string;
let data: string;
let copy: string;
const started: Program[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'switchyard-restore-'));
  [data, copy] = [join(root, 'data'), join(root, 'copy')];
});
afterEach(async () => {
  for (const program of started.splice(0)) await program.stop('SIGKILL');
  rmSync(root, { recursive: true });
});

/** Opens sessions until it is stopped; answers with the last position that was told. */
function load(address: string): { readonly stop: () => Promise<Position>; readonly count: () => number } {
  const client = new SessionServiceClient(address, credentials.createInsecure());
  const session = promisify(client.session.bind(client) as never) as (
    request: SessionRequest,
  ) => Promise<{ position: Position }>;
  let [isStopped, count, next] = [false, 0, 0];
  let last: Position = { epoch: '', revision: 0n };
  const caller = async () => {
    while (!isStopped) {
      const instanceUuid = `00000000-0000-4000-8000-${String(++next).padStart(12, '0')}`;
      const { position } = await session(
        SessionRequest.fromPartial({ instanceUuid, instanceType: 2, name: `n${next}` }),
      );
      if (position.revision > last.revision) last = position;
      count++;
    }
  };
  const callers = Promise.all(Array.from({ length: CALLERS }, caller));
  return {
    count: () => count,
    async stop() {
      isStopped = true;
      await callers;
      client.close();
      return last;
    },
  };
}

/** The first messages of a watch that goes on from a position, up to one of a kind. */
async function watchFrom(address: string, after: Position, upTo: WatchKind): Promise<WatchNetworkDeltaResponse[]> {
  const client = new NetworkServiceClient(address, credentials.createInsecure());
  const watch = client.watchNetworkDelta({ after, coalesce: false, cvids: [] });
  const told: WatchNetworkDeltaResponse[] = [];
  try {
    for await (const message of watch) {
      told.push(message as WatchNetworkDeltaResponse);
      if (told.at(-1)!.kind === upTo) break;
    }
  } catch (error) {
    if (told.length === 0) throw error;
  } finally {
    watch.on('error', () => {});
    watch.cancel();
    client.close();
  }
  return told;
}

/** The state that a journal comes to at one of its revisions. */
async function digestAt(folder: string, revision: number): Promise<string> {
  const journal = await LmdbJournal.open(folder);
  const state = new State(INITIAL_LIMITS);
  try {
    for await (const records of journal.read(0)) {
      for (const record of records) if (record.revision <= revision) apply(state, decodeRecord(record));
    }
  } finally {
    await journal.close();
  }
  expect(state.revision).toBe(revision);
  return stateDigest(state);
}

async function command(...args: string[]): Promise<Record<string, unknown>> {
  const program = new Program(['journal', ...args, '--json']);
  expect([await program.ended(), program.err]).toEqual([0, '']);
  return JSON.parse(program.out);
}

async function serve(folder: string): Promise<{ program: Program; address: string }> {
  const server = await startServerProcess(['--listen', '127.0.0.1:0', '--data', folder]);
  started.push(server.program);
  return server;
}

describe('A backup of a running server', () => {
  it('is the state of one revision, and once restored a history of its own', async () => {
    const server = await serve(data);
    const busy = load(server.address);
    while (busy.count() < 200) await new Promise((resolve) => setTimeout(resolve, 10));
    const before = busy.count();
    const report = await command('backup', copy, '--data', data);
    const during = busy.count() - before;
    const told = await busy.stop();
    expect(await server.program.stop('SIGTERM')).toBe(0);

    // Calls were answered while it was made, and more came after it.
    expect(during).toBeGreaterThan(20);
    const { revision, digest } = report.state as { revision: number; digest: string };
    expect(revision).toBeGreaterThan(before);
    expect(Number(told.revision)).toBeGreaterThan(revision);
    expect(await digestAt(data, revision)).toBe(digest);
    expect(await digestAt(copy, revision)).toBe(digest);
    expect(readFileSync(join(copy, 'admin-token'))).toEqual(readFileSync(join(data, 'admin-token')));
    for (const [name, mode] of [
      ['.', 0o700],
      ['data.mdb', 0o600],
      ['admin-token', 0o600],
    ] as const) {
      expect([name, statSync(join(copy, name)).mode & 0o777]).toEqual([name, mode]);
    }

    const restored = join(root, 'restored');
    cpSync(copy, restored, { recursive: true });
    const renewed = await command('new-epoch', restored);
    expect(renewed).toMatchObject({ revision: revision + 1 });
    expect(renewed.epoch).not.toBe(told.epoch);
    expect(await command('check', '--data', restored)).toMatchObject({ formatVersion: 4, problemCount: 0 });

    const { address } = await serve(restored);
    // Who knew what is not in the backup, who stood at its very end, and who stood before it.
    for (const known of [told.revision, BigInt(revision), BigInt(revision - 10)]) {
      const messages = await watchFrom(address, { ...told, revision: known }, WatchKind.SNAPSHOT_END);
      expect(messages[0].kind).toBe(WatchKind.RESET);
      expect(messages.at(-1)!.position).toMatchObject({ epoch: renewed.epoch });
    }
    // The same revisions under the new name were never told by anybody: history begins with it.
    await expect(
      watchFrom(address, { epoch: renewed.epoch as string, revision: BigInt(revision - 10) }, WatchKind.BOOKMARK),
    ).rejects.toThrow(/POSITION|compacted|history/i);
    // The token of before the backup is good.
    const streams = new Program(['streams', '--data', restored, '--server', address]);
    expect([await streams.ended(), streams.err]).toEqual([0, '']);
  });

  it('is refused in words when the folder is there already or there is no journal, and leaves nothing behind', async () => {
    await (await LmdbJournal.open(data)).close();
    const refused = async (...args: string[]) => {
      const program = new Program(['journal', 'backup', ...args]);
      expect(await program.ended()).toBe(1);
      return program.err;
    };
    expect(await refused(data, '--data', data)).toBe(`${data} is there already: a backup goes into a new folder\n`);
    expect(await refused(copy, '--data', join(root, 'none'))).toBe(`there is no journal in ${join(root, 'none')}\n`);
    expect(await refused(join(root, 'no', 'copy'), '--data', data)).toMatch(
      /^cannot make a backup in .*no\/copy: ENOENT/,
    );
    expect(() => statSync(copy)).toThrow();
  });
});

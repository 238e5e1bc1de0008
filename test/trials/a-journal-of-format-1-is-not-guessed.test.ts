import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { version } from '../../src/base/version.js';
import type { Command } from '../../src/core/model/command.js';
import { INITIAL_LIMITS } from '../../src/core/model/limits.js';
import { checkFolder } from '../../src/journal/inspect.js';
import { LmdbJournal } from '../../src/journal/storage/lmdb.js';
import { runCommand } from '../cli/command.js';
import { FOUND, opening } from '../core/network.js';
import { asAdmin, ask, run } from '../grpc/running.js';
import { leaveFormat1 } from '../journal/format-1.js';

// etcd #13514: after a downgrade and an upgrade two members held different data, and nothing had said so.

const TTL_MS = 86_400_000;
/** Twelve instances ask for sessions; the past's limits decide how many have one. */
const COMMANDS: readonly Command[] = [
  FOUND,
  ...Array.from({ length: 12 }, (_, n) =>
    opening(n + 1, { ttlMs: TTL_MS, tokenHash: String.fromCharCode(n).repeat(32) }),
  ),
];
const FIVE = { ...INITIAL_LIMITS, sessionsMax: 5 };

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'switchyard-trial-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Starts a server on the folder; answers with how many sessions it has. */
async function sessions(flags: Record<string, string> = {}): Promise<number> {
  const running = await run({ data: folder, ...flags });
  try {
    const request = { pageSize: 1_000, pageToken: '', instanceType: 0, instanceUuid: '' };
    return (await ask(running, Sessions.listSessions, request, asAdmin())).sessions.length;
  } finally {
    await running.stop();
  }
}

describe('a journal of format 1', () => {
  it('is replayed under the limits that are named, and remembers them for every start after', async () => {
    await leaveFormat1(folder, { commands: COMMANDS, limits: FIVE });
    expect(await sessions({ 'limits-of-format-1': 'sessions-max=5' })).toBe(5);
    expect(await sessions()).toBe(5);
    expect(await sessions({ 'limits-of-format-1': '{"sessions-max": 7}', 'sessions-max': '100' })).toBe(5);
    expect(await checkFolder(folder)).toMatchObject({ formatVersion: 2, release: version(), problemCount: 0 });
  });

  it('is replayed under the limits of release 0.1.0 where none are named, not under the flags of today', async () => {
    await leaveFormat1(folder, { commands: COMMANDS, limits: INITIAL_LIMITS });
    expect(await sessions({ 'sessions-max': '5' })).toBe(12);
  });

  it('ends the start with both digests when a snapshot shows that its limits were others, and is left as it was', async () => {
    await leaveFormat1(folder, { commands: COMMANDS, limits: FIVE, snapshotsAt: [13] });
    const refusal = {
      kind: 'differs',
      message: expect.stringMatching(
        /revision 13 .*: [0-9a-f]{64} in the snapshot, [0-9a-f]{64} replayed.*--limits-of-format-1/,
      ),
    };
    await expect(run({ data: folder })).rejects.toMatchObject(refusal);
    await expect(run({ data: folder, 'limits-of-format-1': 'sessions-max=6' })).rejects.toMatchObject(refusal);
    const checked = await runCommand(['journal', 'check', '--data', folder]);
    expect(checked).toMatchObject({
      status: 1,
      out: expect.stringMatching(/format 1[\s\S]*differs at revision 13: /),
      err: expect.stringMatching(/^Check again with the limits that the server ran with, as in --limits-of-format-1/),
    });
    const right = await runCommand(['journal', 'check', '--data', folder, '--limits-of-format-1', 'sessions-max=5']);
    expect(right).toMatchObject({ status: 0, out: expect.stringMatching(/format 1, /) });
    expect(await sessions({ 'limits-of-format-1': 'sessions-max=5' })).toBe(5);
  });

  it('goes on from its newest snapshot after a repair, when no limits fit all of it', async () => {
    const state = await leaveFormat1(folder, { commands: COMMANDS, limits: FIVE, snapshotsAt: [4, 13] });
    expect((await runCommand(['journal', 'repair', '--data', folder])).status).toBe(0);
    expect(await sessions()).toBe(state.sessions.count);
  });

  it('moves on to format 2 in the transaction of the first append, and not before', async () => {
    await leaveFormat1(folder, { commands: COMMANDS, limits: FIVE });
    const journal = await LmdbJournal.open(folder);
    expect([journal.format, journal.initialLimits]).toEqual([1, undefined]);
    await expect(journal.append([])).rejects.toThrow('has not been moved on');
    journal.moveOn(FIVE);
    await journal.close();
    expect((await checkFolder(folder, FIVE)).formatVersion).toBe(1);
    expect(await sessions({ 'limits-of-format-1': 'sessions-max=5' })).toBe(5);
    const again = await LmdbJournal.open(folder);
    expect([again.format, again.initialLimits, again.last]).toEqual([2, FIVE, COMMANDS.length + 1]);
    await again.close();
  });

  it.each([
    ['sessions-max', 'must be a list such as sessions-max=50'],
    ['sessions-max=none', 'sessions-max must be a whole number, 1-8388607, not "none"'],
    ['seats=5', '"seats" is not one of the limits'],
    ['{"sessions-max": 5', 'must be a list such as sessions-max=50, or a JSON object: '],
  ])('is not replayed under limits that cannot be read: %s', async (list, message) => {
    await leaveFormat1(folder, { commands: COMMANDS, limits: FIVE });
    await expect(run({ data: folder, 'limits-of-format-1': list })).rejects.toThrow(message);
  });
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import type { Command } from '../../src/core/model/command.js';
import { encodeRecord } from '../../src/journal/format/record.js';
import { LmdbJournal } from '../../src/journal/storage/lmdb.js';
import { FOUND, Network, opening } from '../core/network.js';
import { agent, ask, run } from '../grpc/running.js';

const SECOND = '00000000-0000-5000-8000-000000000002';
const PAGE = { pageSize: 0, pageToken: '', instanceUuid: '', instanceType: 0 };

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-only-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('opens sessions on a journal copied back from two servers of which the founder was lost, and keeps those at the other', async () => {
  const network = new Network();
  const add: Command = { kind: 'AddServer', uuid: SECOND, name: 'b' };
  network.apply(add);
  const second = network.state.servers.ofUuid(SECOND)!.sid;
  const commands: Command[] = [
    ...[FOUND, add, opening(7, { server: second, tokenHash: 'h'.repeat(32), ttlMs: 600_000 })],
    { kind: 'LoseServer', sid: network.state.serverSid },
  ];
  const journal = await LmdbJournal.open(folder);
  await journal.append(commands.map((command, at) => encodeRecord(at + 1, command)));
  await journal.close();
  for (let start = 0; start < 2; start++) {
    const at = await run({ data: folder });
    try {
      const { instanceSid, serverSid } = await ask(at, Sessions.session, agent(start));
      expect(serverSid).not.toBe(second);
      const { sessions } = await ask(at, Sessions.listSessions, PAGE);
      expect(sessions.map(({ instanceUuid }) => instanceUuid)).toContain(opening(7).uuid);
      expect(sessions.map(({ cvid }) => cvid)).toContain(instanceSid);
    } finally {
      await at.stop();
    }
  }
});

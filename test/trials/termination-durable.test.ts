import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { JournalError, type StoredRecord } from '../../src/journal/journal.js';
import { MemoryJournal } from '../../src/journal/storage/memory.js';
import { agent, ask, asSession, type Running, refused, run } from '../grpc/running.js';
import { agent as device, talk } from '../system/talking.js';

// rostam #87: a deletion was answered although its record had not reached the disk, and was undone by the next start.

/** A journal whose disk is full when the test says so. */
class Disk extends MemoryJournal {
  isFull = false;

  override async append(records: readonly StoredRecord[]): Promise<void> {
    if (this.isFull) throw new JournalError('full', 'no space left on the device');
    await super.append(records);
  }
}

describe('TerminateSession', () => {
  let at: Running;
  let disk: Disk;
  beforeEach(async () => {
    disk = new Disk();
    at = await run({ 'system-tcp-listen': '127.0.0.1:0' }, { journal: disk });
  });
  afterEach(() => at.stop());

  it('over gRPC, is refused on a full disk, and answered when the end of the session is durable', async () => {
    const { sessionToken, instanceSid } = await ask(at, Sessions.session, agent(1));
    const terminate = () => ask(at, Sessions.terminateSession, { cvid: 0, reason: '' }, asSession(sessionToken));
    disk.isFull = true;
    expect(await refused(terminate())).toMatchObject({ reason: 'JOURNAL_UNAVAILABLE' });
    expect((await ask(at, Sessions.getSession, { cvid: instanceSid })).session?.cvid).toBe(instanceSid);
    disk.isFull = false;
    const before = disk.last;
    const { position } = await terminate();
    expect(disk.last).toBe(before + 1);
    expect(position?.revision).toBe(BigInt(disk.last));
  });

  it('by system events, is refused on a full disk, and the connection goes on', async () => {
    const one = await talk(`tcp://${at.server.addresses.tcp}`);
    const { instanceSid } = await one.client.ask('Session', device(2));
    disk.isFull = true;
    await expect(one.client.ask('TerminateSession', {})).rejects.toMatchObject({ reason: 'JOURNAL_UNAVAILABLE' });
    await one.client.ask('KeepAlive', {});
    disk.isFull = false;
    const { position } = await one.client.ask('TerminateSession', {});
    expect(position?.revision).toBe(disk.last);
    expect(await one.client.closed).toBeUndefined();
    expect(await refused(ask(at, Sessions.getSession, { cvid: instanceSid }))).toMatchObject({
      reason: 'SESSION_NOT_FOUND',
    });
  });
});

import { setImmediate, setTimeout } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import {
  HealthService as Health,
  HealthCheckResponse_ServingStatus as Serving,
} from '../../gen/grpc/health/v1/health.js';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { JournalError } from '../../src/journal/journal.js';
import { MemoryJournal } from '../../src/journal/storage/memory.js';
import { agent, ask, type Running, refused, run } from '../grpc/running.js';

const GOODBYE_MS = 100;

describe('a server whose storage fails', () => {
  it('ends with the failure when a drain is over before its goodbye', async () => {
    const failure = new JournalError('failed', 'EIO');
    const journal = new MemoryJournal();
    const ended: unknown[] = [];
    const at = await run({}, { journal, fatal: (error) => ended.push(error) });
    journal.append = () => Promise.reject(failure);
    const asked = ask(at, Sessions.session, agent(1)).catch(() => {});
    while (!(await hasFailed(at))) await setImmediate();
    await at.server.close();
    expect(ended).toEqual([failure]);
    at.client.close();
    await asked;
    await setTimeout(2 * GOODBYE_MS);
    expect(ended).toEqual([failure]);
  });
});

describe('a server whose disk is full', () => {
  it('says so in the health of its journal, in its metrics and at /readyz, still reads, and goes on when there is room', async () => {
    const journal = new MemoryJournal();
    const append = journal.append.bind(journal);
    const at = await run({ 'metrics-listen': '127.0.0.1:0' }, { journal });
    const shown = async () => {
      const { metrics } = at.server.addresses;
      const [health, whole] = await Promise.all(
        ['switchyard.journal', ''].map((service) => ask(at, Health.check, { service })),
      );
      const [, writable] = /^switchyard_journal_writable (\d)$/m.exec(await got(`http://${metrics}/metrics`))!;
      return { journal: health!.status, whole: whole!.status, writable, ready: await got(`http://${metrics}/readyz`) };
    };
    try {
      const { instanceSid } = await ask(at, Sessions.session, agent(1));
      const well = { journal: Serving.SERVING, whole: Serving.SERVING, writable: '1', ready: 'ready\n' };
      expect(await shown()).toEqual(well);
      journal.append = () => Promise.reject(new JournalError('full', 'no space left on the device'));
      const full = { reason: 'JOURNAL_UNAVAILABLE' };
      expect(await refused(ask(at, Sessions.session, agent(2)))).toMatchObject(full);
      const ready = 'the journal takes no commands\n';
      expect(await shown()).toEqual({ ...well, journal: Serving.NOT_SERVING, writable: '0', ready });
      expect((await ask(at, Sessions.getSession, { cvid: instanceSid })).session?.cvid).toBe(instanceSid);
      journal.append = append;
      await ask(at, Sessions.session, agent(2));
      expect(await shown()).toEqual(well);
    } finally {
      await at.stop();
    }
  });
});

const got = async (url: string) => (await fetch(url)).text();

/** Whether it says so already. */
async function hasFailed(at: Running): Promise<boolean> {
  return (await ask(at, Health.check, { service: '' })).status === Serving.NOT_SERVING;
}

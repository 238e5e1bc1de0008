import { setImmediate, setTimeout } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import {
  HealthService as Health,
  HealthCheckResponse_ServingStatus as Serving,
} from '../../gen/grpc/health/v1/health.js';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { JournalError } from '../../src/journal/journal.js';
import { MemoryJournal } from '../../src/journal/storage/memory.js';
import { agent, ask, type Running, run } from '../grpc/running.js';

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

/** Whether it says so already. */
async function hasFailed(at: Running): Promise<boolean> {
  return (await ask(at, Health.check, { service: '' })).status === Serving.NOT_SERVING;
}

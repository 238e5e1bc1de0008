import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { REASONS } from '../../src/core/model/fault.js';
import { asAdmin, ask, type Running, run } from '../grpc/running.js';

const PYTHON_CLIENT = fileURLToPath(new URL('switchyard_system.py', import.meta.url));

describe('A client of system events that was written from the document alone', () => {
  let at: Running;
  beforeAll(async () => {
    at = await run({ 'system-tcp-listen': '127.0.0.1:0' });
  });
  afterAll(() => at.stop());

  it('opens a session, uses a stream, hears a delta, and ends sessions both ways', async () => {
    const child = spawn('python3', [PYTHON_CLIENT, 'run', at.server.addresses.tcp], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const steps: Record<string, unknown>[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      const step = JSON.parse(line);
      steps.push(step);
      if (step.step === 'session') {
        const { session } = await ask(at, Sessions.getSession, { cvid: step.cvid });
        expect(session).toMatchObject({ name: 'python', attached: true });
      }
      if (step.step === 'waiting') {
        await ask(at, Sessions.terminateSession, { cvid: step.cvid, reason: 'the test is over' }, asAdmin());
      }
    }
    expect(steps).toMatchObject([
      { step: 'transports', code_names: ['exchange', 'grpc', 'tcp'] },
      { step: 'session' },
      { step: 'delta', name: 'peer' },
      { step: 'created', name: 'before' },
      { step: 'changed', name: 'after' },
      { step: 'opened' },
      { step: 'terminated', branch: true },
      { step: 'refused', code: REASONS.STREAM_NOT_FOUND },
      { step: 'ended', closed: true },
      { step: 'waiting' },
      { step: 'asked to end', reason: 'the test is over', closed: true },
    ]);
    expect(steps[9].cvid).toBe(steps[2].cvid);
  }, 60_000);
});

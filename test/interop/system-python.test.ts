import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { IdentityServiceService as Identities } from '../../gen/switchyard/v1/identity.js';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { REASONS } from '../../src/core/model/fault.js';
import { asAdmin, ask, type Running, run } from '../grpc/running.js';

const PYTHON_CLIENT = fileURLToPath(new URL('switchyard_system.py', import.meta.url));

/** A line that the client prints. */
// biome-ignore lint/suspicious/noExplicitAny: each step has facts of its own
type Step = Record<string, any>;

/** What the client prints, step by step. */
function stepsOf(...args: readonly string[]): AsyncGenerator<Step, void, undefined> {
  return readSteps(startPython(args));
}

function startPython(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = spawn('python3', [PYTHON_CLIENT, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
  return child;
}

async function* readSteps(child: ReturnType<typeof startPython>): AsyncGenerator<Step, void, undefined> {
  for await (const line of createInterface({ input: child.stdout })) yield JSON.parse(line);
}

describe('A client of system events that was written from the document alone', () => {
  let at: Running;
  beforeAll(async () => {
    at = await run({ 'system-tcp-listen': '127.0.0.1:0' });
  });
  afterAll(() => at.stop());

  it('opens a session, uses a stream, hears a delta, and ends sessions both ways', async () => {
    const steps: Step[] = [];
    for await (const step of stepsOf('run', at.server.addresses.tcp!)) {
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

  it.each([
    ['the key tool that Python has', []],
    ['openssl as a child process', ['openssl']],
  ])(
    'opens a session by a key with %s, and another one without the key is refused PROOF_INVALID',
    async (_, tool) => {
      const steps: Step[] = [];
      for await (const step of stepsOf('prove', at.server.addresses.tcp!, ...tool)) steps.push(step);
      const refused = { code: REASONS.PROOF_INVALID };
      expect(steps).toMatchObject([
        { step: 'opened', own: true, ...(tool.length > 0 && { key: 'OpensslKey' }) },
        { step: 'without a key', ...refused },
        { step: 'by another key', ...refused },
        { step: 'by the same proof', ...refused },
        { step: 'stands' },
        { step: 'by the key', code: 0 },
        { step: 'superseded', closed: true },
      ]);
      await expect(ask(at, Sessions.getSession, { cvid: steps[0].cvid })).rejects.toMatchObject({ code: 5 });
    },
    60_000,
  );

  it('redeems a ticket that it reads itself, again after a lost answer, and opens the session by its key', async () => {
    const issued = {
      kind: 0,
      roles: ['agent'],
      uses: 1,
      validFor: undefined,
      names: '',
      identityUuid: '',
      addresses: [],
    };
    const { text } = await ask(at, Identities.issueTicket, issued, asAdmin());
    const steps: Step[] = [];
    const child = startPython(['enroll', at.server.addresses.tcp!], { SWITCHYARD_TICKET: text });
    for await (const step of readSteps(child)) steps.push(step);
    expect(steps).toMatchObject([
      { step: 'enrolled', own: true, name: 'boat-9', roles: ['agent'] },
      { step: 'enrolled', own: true, name: 'boat-9', roles: ['agent'] },
      { step: 'opened', encrypted: false },
    ]);
  }, 60_000);
});

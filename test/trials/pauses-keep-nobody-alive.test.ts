import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { credentials, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SessionRequest, SessionServiceClient } from '../../gen/switchyard/v1/session_service.js';
import { type Program, startServerProcess } from '../cli/process.js';

// etcd #9888: leases began anew with every change of the leader, and what clients had left that were gone stayed for ever.
// 2.1 s of SIGSTOP every now and then renewed every session.

const TTL_S = 5;
/** Longer than what a server takes for a pause. */
const STOPPED_MS = 2_100;
/** Between two pauses it runs for so long, unless what is awaited comes before. */
const RUNS_MS = 1_000;
const LOOK_MS = 50;
/** When the session has not ended in so much time that the server ran, it never does: a pause takes the half second since the last look with it. */
const RUNS_IN_ALL_MS = 3 * TTL_S * 1_000;

let server: Program;
let sessions: SessionServiceClient;

beforeEach(async () => {
  const started = await startServerProcess(['--listen', '127.0.0.1:0', '--data', ':memory:', '--grace', '1s']);
  server = started.program;
  sessions = new SessionServiceClient(started.address, credentials.createInsecure());
});
afterEach(async () => {
  sessions.close();
  await server.stop('SIGKILL');
});

/** Stops it, and lets it go on. */
async function pause(): Promise<void> {
  server.process.kill('SIGSTOP');
  await wait(STOPPED_MS);
  server.process.kill('SIGCONT');
}

/** Whether a session is there. That it is told says that the server runs. */
async function isThere(cvid: number): Promise<boolean> {
  try {
    await promisify<object, object>(sessions.getSession.bind(sessions) as never)({ cvid });
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: status.NOT_FOUND });
    return false;
  }
}

/** How long the server ran until the session was gone, in milliseconds, with a pause each second; undefined when it stays. */
async function runUntilGone(cvid: number): Promise<number | undefined> {
  for (let ranMs = 0; ranMs < RUNS_IN_ALL_MS; ) {
    await pause();
    const from = performance.now();
    while (performance.now() - from < RUNS_MS) {
      if (!(await isThere(cvid))) return ranMs + performance.now() - from;
      await wait(LOOK_MS);
    }
    ranMs += performance.now() - from;
  }
  return undefined;
}

describe('a server that is stopped again and again', () => {
  it('extends a session whose client has gone by the length of each pause, and ends it when its time has passed', async () => {
    const instance = { instanceUuid: '00000000-0000-4000-8000-000000000001', instanceType: 2 };
    const ttl = { seconds: BigInt(TTL_S), nanos: 0 };
    const { instanceSid } = await promisify<SessionRequest, { instanceSid: number }>(
      sessions.session.bind(sessions) as never,
    )(SessionRequest.fromPartial({ ...instance, ttl }));
    // It stands still for longer than the TTL, and runs for no longer than an answer takes.
    for (let stoppedMs = 0; stoppedMs <= TTL_S * 1_000; stoppedMs += STOPPED_MS) {
      await pause();
      expect(await isThere(instanceSid)).toBe(true);
    }
    expect(await runUntilGone(instanceSid)).toBeDefined();
  }, 120_000);
});

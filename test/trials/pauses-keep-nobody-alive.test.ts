import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { credentials, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SessionRequest, SessionServiceClient } from '../../gen/switchyard/v1/session_service.js';
import { type Program, startServerProcess } from '../cli/process.js';

// etcd #9888: leases began anew with every change of the leader, and what clients had left that were gone stayed for ever.
// 2.1 s of SIGSTOP every now and then renewed every session.

const TTL_S = 5;
const STOPPED_MS = 2_100;
const RUNS_MS = 1_500;
/** So often it has run for less than the TTL, also on a slow machine, and stood still with that for longer. */
const FEW = 2;
/** So often it has run for more than twice the TTL. A pause takes the half second since the last look with it. */
const MANY = 10;

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

async function stopAndRun(): Promise<void> {
  server.process.kill('SIGSTOP');
  await wait(STOPPED_MS);
  server.process.kill('SIGCONT');
  await wait(RUNS_MS);
}

describe('a server that is stopped again and again', () => {
  it('extends a session whose client has gone by the length of each pause, and ends it when its time has passed', async () => {
    const instance = { instanceUuid: '00000000-0000-4000-8000-000000000001', instanceType: 2 };
    const ttl = { seconds: BigInt(TTL_S), nanos: 0 };
    const { instanceSid } = await promisify<SessionRequest, { instanceSid: number }>(
      sessions.session.bind(sessions) as never,
    )(SessionRequest.fromPartial({ ...instance, ttl }));
    const look = () => promisify<object, object>(sessions.getSession.bind(sessions) as never)({ cvid: instanceSid });
    for (let n = 0; n < FEW; n++) await stopAndRun();
    // It would have expired by the clock on the wall.
    await expect(look()).resolves.toBeDefined();
    for (let n = FEW; n < MANY; n++) await stopAndRun();
    await expect(look()).rejects.toMatchObject({ code: status.NOT_FOUND });
  }, 120_000);
});

import type { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import type { Clock } from '../../src/base/clock.js';
import { systemClock } from '../../src/client/system.js';
import { GrpcFrom } from '../grpc/from.js';
import { agent, type Running, run } from '../grpc/running.js';
import { dial } from './clients-from.js';

const PLACES = 8;
const OPEN_PLACES = 6;
const PAGE = { pageSize: 0, pageToken: '', instanceType: 0, instanceUuid: '' };
/** So many times faster than the machine's, so that 10 s pass in one. */
const FASTER = 10;
const HANDSHAKE_MS = 10_000 / FASTER;

const fastClock: Clock = {
  ...systemClock,
  nowMs: () => systemClock.nowMs() * FASTER,
  after: (delayMs, call) => systemClock.after(delayMs / FASTER, call),
};

let at: Running;
const clients: GrpcFrom[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  for (const socket of sockets.splice(0)) socket.destroy();
  await at.stop();
});

async function start(flags: Record<string, string> = {}): Promise<void> {
  at = await run({ 'connections-max': String(PLACES), ...flags }, { clock: fastClock });
}

async function client(): Promise<GrpcFrom> {
  const opened = await GrpcFrom.connect('127.0.0.2', at.address);
  clients.push(opened);
  return opened;
}

const closes = (one: GrpcFrom) => Promise.race([one.closed.then(() => true), wait(5 * HANDSHAKE_MS, false)]);

describe('the last quarter of the places', () => {
  it('is left after 10 s by a connection that has not shown a token, and kept by one that has', async () => {
    await start();
    const early: GrpcFrom[] = [];
    for (let nth = 0; nth < OPEN_PLACES; nth++) early.push(await client());
    await Promise.all(early.map((one) => one.get(Sessions.listSessions, PAGE)));
    const [working, proven] = [await client(), await client()];
    await working.get(Sessions.session, agent(1));
    const { sessionToken } = await proven.get(Sessions.session, agent(2));
    // Late, but in time.
    await wait(HANDSHAKE_MS / 2);
    await proven.get(Sessions.listSessions, PAGE, sessionToken);
    expect(await closes(working)).toBe(true);
    await proven.get(Sessions.listSessions, PAGE, sessionToken);
    await Promise.all(early.map((one) => one.get(Sessions.listSessions, PAGE)));
  }, 30_000);

  it('is no place for a token that this server never gave', async () => {
    await start();
    for (let nth = 0; nth < OPEN_PLACES; nth++) await (await client()).get(Sessions.listSessions, PAGE);
    const forger = await client();
    expect((await forger.refused(Sessions.listSessions, PAGE, 'forged')).reason).toBe('SESSION_TOKEN_INVALID');
    expect(await closes(forger)).toBe(true);
  }, 30_000);
});

describe('a handshake', () => {
  it.each(['grpc', 'ws', 'metrics', 'tcp'])(
    'that is not over after 10 s ends on the %s port',
    async (door) => {
      const listen = '127.0.0.1:0';
      await start({ 'system-ws-listen': listen, 'system-tcp-listen': listen, 'metrics-listen': listen });
      // A part of whatever could begin here, and a byte now and then, so that it is never quiet.
      const socket = await dial({ address: '127.0.0.2' }, at.server.addresses[door]!);
      sockets.push(socket.resume());
      const closed = new Promise((resolve) => socket.once('close', () => resolve(true)));
      const begunMs = performance.now();
      const part = { grpc: 'PRI * HTTP/2.0\r\n', tcp: '\0\0\0' }[door] ?? 'GET / HTTP/1.1\r\nhost: ';
      socket.write(part);
      expect(await Promise.race([closed, wait(5 * HANDSHAKE_MS, false)])).toBe(true);
      expect(performance.now() - begunMs).toBeGreaterThan(HANDSHAKE_MS / 2);
    },
    30_000,
  );
});

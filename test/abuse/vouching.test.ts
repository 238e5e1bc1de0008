import type { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { IdentityServiceService as Identities } from '../../gen/switchyard/v1/identity.js';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { TransportServiceService as Transport } from '../../gen/switchyard/v1/transport_service.js';
import type { Clock } from '../../src/base/clock.js';
import { systemClock } from '../../src/client/system.js';
import { ByteWriter } from '../../src/system/codec/bytes.js';
import { writeEvent } from '../../src/system/codec/send.js';
import { packetsOf } from '../../src/transport/pipe.js';
import { GrpcFrom } from '../grpc/from.js';
import { agent, type Running, run } from '../grpc/running.js';
import { keyOf, proofOf } from '../trust/proving.js';
import { dial } from './tools/clients-from.js';

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

  it('is kept by a connection whose client has proved a key, and by one that has shown a token within an Exchange', async () => {
    await start();
    const early: GrpcFrom[] = [];
    for (let nth = 0; nth < OPEN_PLACES; nth++) early.push(await client());
    await Promise.all(early.map((one) => one.get(Sessions.listSessions, PAGE)));
    const { sessionToken } = await early[0]!.get(Sessions.session, agent(2));
    const [proving, exchanging] = [await client(), await client()];
    const proof = proofOf(keyOf(1), agent(1).instanceUuid, await proving.get(Identities.challenge, { network: '' }));
    await proving.get(Sessions.session, { ...agent(1), proof });
    const writer = new ByteWriter();
    writeEvent(writer, { type: 'KeepAlive', body: { sessionToken } }, { packetId: 1 });
    const packets = [...packetsOf(writer.finish())].map((packet) => ({ packet: Buffer.from(packet) }));
    await exchanging.begin(Transport.exchange, packets);
    expect(await Promise.all([closes(proving), closes(exchanging)])).toEqual([false, false]);
    await Promise.all([proving, exchanging].map((one) => one.get(Sessions.listSessions, PAGE)));
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
  it.each(['grpc', 'ws', 'web', 'metrics', 'tcp'])(
    'that is not over after 10 s ends on the %s port',
    async (door) => {
      const listen = '127.0.0.1:0';
      const ports = ['system-ws', 'system-tcp', 'web', 'metrics'].map((port) => [`${port}-listen`, listen]);
      await start(Object.fromEntries(ports));
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

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { logVerbosity, setLogVerbosity } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { SeededRandom } from '../../harness/simulation/machine/random.js';
import { BARE_PAGE, BarePage, logIn } from '../console/running.js';
import { type Running, run } from '../grpc/running.js';
import { IS_LONG } from '../long.js';
import { CLIENTS, dial, SERVED, secured, upgrade } from './tools/clients-from.js';
import {
  oddCalls,
  oddHttp,
  oddProxyHeader,
  oddStun,
  oddSystemFrames,
  oddTlsRecords,
  oddWebSocketFrames,
} from './tools/odd-requests.js';

const [STRANGER, OTHER, PROXY] = ['127.0.0.2', '127.0.0.3', '127.0.0.4'];
const [CERT, KEY] = ['cert', 'key'].map((name) => fileURLToPath(new URL(`../client/tls/${name}.pem`, import.meta.url)));
const LISTEN = '127.0.0.1:0';
const FROM_ANYWHERE = { 'proxy-protocol-from': PROXY, 'address-exempt': '127.0.0.0/8' };
const SEED = IS_LONG ? Date.now() % 1_000_000 : 1;
/** Connections of strangers to each door. */
const ROUNDS = IS_LONG ? 6_000 : 120;
const AT_ONCE = 20;
/** For an answer that comes: a door may also say nothing, and wait. */
const ANSWER_MS = 40;

/** What strangers send to a door after what it begins with. */
type Drawn = (random: SeededRandom) => readonly (string | Uint8Array)[];

const DOORS: readonly (readonly [name: string, door: string, drawn: Drawn])[] = [
  ['web', 'web', (random) => [oddHttp(random)]],
  ['console', 'console', (random) => [oddHttp(random)]],
  ['metrics', 'metrics', (random) => [oddHttp(random)]],
  ['WebSocket', 'ws', (random) => [oddHttp(random)]],
  ['WebSocket, after its upgrade', 'ws', (random) => [upgrade(), oddWebSocketFrames(random)]],
  ['system', 'tcp', (random) => [oddSystemFrames(random)]],
  ['rendezvous', 'stun', (random) => [oddStun(random)]],
  ['gRPC', 'grpc', (random) => [oddCalls(random)]],
];

/** Doors that speak TLS: what strangers send in its place, and inside it. */
const SECURE_DOORS: readonly (readonly [name: string, door: string, isInside: boolean, drawn: Drawn])[] = [
  ['system TLS, instead of its handshake', 'tls', false, (random) => [oddTlsRecords(random)]],
  ['system TLS', 'tls', true, (random) => [oddSystemFrames(random)]],
  ['secure WebSocket, instead of its handshake', 'wss', false, (random) => [oddTlsRecords(random)]],
  ['secure WebSocket', 'wss', true, (random) => [oddHttp(random)]],
  ['secure WebSocket, after its upgrade', 'wss', true, (random) => [upgrade(), oddWebSocketFrames(random)]],
];
/** A handshake costs some ms of both ends. */
const SECURE_ROUNDS = ROUNDS / 3;

let at: Running;
/** The transports over TLS in a server of their own, whose gRPC port speaks it, too. */
let secure: Running;
let log = '';
beforeAll(async () => {
  // It says of each header that it drops what it was.
  setLogVerbosity(logVerbosity.NONE);
  const flags = {
    'web-listen': LISTEN,
    'console-listen': LISTEN,
    'metrics-listen': LISTEN,
    'system-tcp-listen': LISTEN,
    'system-ws-listen': LISTEN,
    ...FROM_ANYWHERE,
  };
  const told = pino({ level: 'error' }, { write: (line: string) => void (log += line) });
  at = await run(flags, { assets: BARE_PAGE, log: told });
  const secureFlags = { 'system-tls-listen': LISTEN, 'system-wss-listen': LISTEN, ...FROM_ANYWHERE };
  secure = await run({ ...secureFlags, 'tls-cert': CERT, 'tls-key': KEY }, { log: told });
});
afterAll(async () => {
  await at.stop();
  await secure.stop();
});

/** Where a door listens. */
function addressOf(door: string): string {
  const { server } = door === 'tls' || door === 'wss' ? secure : at;
  return server.addresses[door]!;
}

/** Sends it, and leaves when an answer has come or none does. */
async function send(address: string, server: string, parts: readonly (string | Uint8Array)[]): Promise<void> {
  await speak(await dial({ address }, server), parts);
}

/** The same on a connection that there is. */
async function speak(socket: Socket, parts: readonly (string | Uint8Array)[]): Promise<void> {
  const closed = socket.closed ? Promise.resolve() : once(socket, 'close');
  for (const part of parts) {
    socket.write(part);
    await Promise.race([once(socket, 'data').catch(() => {}), closed, wait(ANSWER_MS)]);
  }
  socket.destroy();
  await closed;
}

/** Does so many things, some at once, each with a random source of its own. */
async function each(part: (random: SeededRandom, round: number) => Promise<void>, rounds = ROUNDS): Promise<void> {
  const all = new SeededRandom(SEED);
  for (let round = 0; round < rounds; round += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, (_, nth) => part(all.fork(round + nth), round + nth)));
  }
}

async function expectServed(door: string): Promise<void> {
  const served = await CLIENTS[door]!({ address: OTHER }, addressOf(door));
  expect({ door, seed: SEED, served, log }).toEqual({ door, seed: SEED, served: SERVED[door], log: '' });
}

/** Strangers are also those whose answer nobody waits for. */
const PATIENCE_MS = IS_LONG ? 1_200_000 : 60_000;

describe('whatever a stranger sends', () => {
  it.each(DOORS)(
    'to the %s port, that serves the next client, and no fault is logged',
    async (_, door, drawn) => {
      await each((random) => send(STRANGER, at.server.addresses[door]!, drawn(random)));
      await expectServed(door);
    },
    PATIENCE_MS,
  );

  it.each(SECURE_DOORS)(
    'to the %s port, that serves the next client, and no fault is logged',
    async (_, door, isInside, drawn) => {
      let agreed = 0;
      await each(async (random) => {
        const socket = await dial({ address: STRANGER }, addressOf(door));
        const spoken = isInside ? await secured(socket) : socket;
        if (isInside && !spoken.destroyed) agreed++;
        await speak(spoken, drawn(random));
      }, SECURE_ROUNDS);
      // Otherwise nothing of it was read inside TLS.
      expect(agreed).toBe(isInside ? SECURE_ROUNDS : 0);
      await expectServed(door);
    },
    PATIENCE_MS,
  );

  it(
    'as a datagram, the rendezvous answers the next client',
    async () => {
      const [host, port] = at.server.addresses.stun!.split(':');
      const socket = createSocket('udp4');
      await each((random) => new Promise((sent) => socket.send(oddStun(random), Number(port), host, () => sent())));
      socket.close();
      await expectServed('stun');
    },
    PATIENCE_MS,
  );

  it(
    'as a PROXY header, every port serves the next client',
    async () => {
      const doors = ['web', 'console', 'metrics', 'ws', 'wss', 'tcp', 'tls', 'stun', 'grpc'];
      await each((random, round) => send(PROXY, addressOf(doors[round % doors.length]!), [oddProxyHeader(random)]));
      for (const door of doors) await expectServed(door);
    },
    PATIENCE_MS,
  );

  it(
    'over the WebSocket of a console that is logged in, the console serves the next client',
    async () => {
      const server = at.server.addresses.console!;
      const cookie = await logIn(server);
      await each(async (random) => {
        const page = await BarePage.open(server, cookie).catch(() => undefined);
        // One byte more than a kind and a number: the length of a path.
        const frame = Buffer.concat([
          Buffer.from([1 + random.below(3), 0, 0, 0, 1, 0, random.below(20)]),
          random.bytes(30),
        ]);
        page?.ws.send(random.below(2) === 0 ? frame : random.bytes(random.below(50)));
        await wait(ANSWER_MS / 4);
        page?.close();
      });
      await expectServed('console');
    },
    PATIENCE_MS,
  );
});

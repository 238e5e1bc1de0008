import type { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { ADMISSION_LIMITS } from '../../src/admission/limits.js';
import { answerTo, dial, upgrade } from './tools/clients-from.js';
import { preface } from './tools/raw.js';
import { Target } from './tools/target.js';

/** Longer than a handshake may take, and than a silent connection of the web door is kept. */
const PAUSE_MS = ADMISSION_LIMITS.handshakeMs + 2_000;
/** Until the server has taken the connections, on a machine that is busy. */
const TAKEN_MS = 1_000;
const ADDRESS = '127.0.0.2';
const LISTEN = '127.0.0.1:0';
const GET = 'HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n';
/** A packet whose event cannot be read, which is answered: no session is needed for it. */
const PACKET = Buffer.from([0, 0, 0, 5, 0, 0, 0, 0, 7]);

/** What a client says first on each port. */
const FIRST: Readonly<Record<string, string | Uint8Array>> = {
  grpc: preface(),
  tcp: PACKET,
  tls: PACKET,
  ws: upgrade(),
  wss: upgrade(),
  metrics: `GET /metrics ${GET}`,
  web: `OPTIONS / ${GET}`,
};
const ENCRYPTED = ['grpc', 'tls', 'wss', 'web'];

let target: Target;
beforeAll(async () => {
  const listens = ['system-tcp', 'system-tls', 'system-ws', 'system-wss', 'metrics', 'web'];
  target = await Target.launch({ tls: true, args: listens.flatMap((name) => [`--${name}-listen`, LISTEN]) });
});
afterAll(() => target.stop());

/** Begins TLS where the port speaks it, and says the first words as soon as that may be. */
function speak(door: string, socket: Socket): Promise<Buffer | undefined> {
  if (!ENCRYPTED.includes(door)) return answerTo(socket, FIRST[door]!);
  const ALPNProtocols = door === 'grpc' ? ['h2'] : [];
  const tls: TLSSocket = connectTls({ socket, rejectUnauthorized: false, ALPNProtocols });
  tls.on('error', () => {});
  return answerTo(tls, FIRST[door]!);
}

it('a server that was stopped for longer than a handshake may take serves who came before and spoke meanwhile, on every port', async () => {
  const doors = Object.keys(FIRST);
  const sockets = await Promise.all(doors.map((door) => dial({ address: ADDRESS }, target.listening(door))));
  await wait(TAKEN_MS);
  let answers: Promise<Buffer | undefined>[] = [];
  await target.frozen(async () => {
    answers = sockets.map((socket, at) => speak(doors[at]!, socket));
    await wait(PAUSE_MS);
  });
  const answered = await Promise.all(answers);
  expect(doors.filter((_door, at) => answered[at] === undefined)).toEqual([]);
}, 60_000);

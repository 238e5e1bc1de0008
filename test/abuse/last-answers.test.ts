import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ADMISSION_LIMITS } from '../../src/admission/limits.js';
import { BARE_PAGE } from '../console/running.js';
import { type Running, run } from '../grpc/running.js';
import { dial, secured } from './tools/clients-from.js';

const STRANGER = { address: '127.0.0.2' };
const [CERT, KEY] = ['cert', 'key'].map((name) => fileURLToPath(new URL(`../client/tls/${name}.pem`, import.meta.url)));
const LISTEN = '127.0.0.1:0';
/** A request of 1 MiB arrives in such pieces, and is refused for its head after the first of them. */
const PIECE = Buffer.alloc(65_536, 0x20);
const PIECES = 16;
/** Between two pieces: the door closes meanwhile. */
const PAUSE_MS = 2;
const HTTP_DOORS = {
  'web-listen': LISTEN,
  'console-listen': LISTEN,
  'metrics-listen': LISTEN,
};

/** What a client heard that writes a request to its end before it reads. */
interface Heard {
  readonly status: string | undefined;
  /** Whether the connection ended as it should, with all of its last answer before. */
  readonly isWhole: boolean;
  readonly error: string | undefined;
}

let plain: Running;
let secure: Running;
beforeAll(async () => {
  plain = await run({ ...HTTP_DOORS, 'system-ws-listen': LISTEN }, { assets: BARE_PAGE });
  const tls = { 'tls-cert': CERT, 'tls-key': KEY };
  secure = await run({ ...HTTP_DOORS, 'system-wss-listen': LISTEN, ...tls }, { assets: BARE_PAGE });
});
afterAll(async () => {
  await plain.stop();
  await secure.stop();
});

/** Sends a request that is refused for its head, with a body of so many pieces, and hears the answer after that. */
async function sendRefused(door: string, isSecure: boolean, pieces: number): Promise<Heard> {
  const { server } = isSecure ? secure : plain;
  const below = await dial(STRANGER, server.addresses[door]!);
  const socket = isSecure ? await secured(below) : below;
  let error: string | undefined;
  socket.on('error', (failed: NodeJS.ErrnoException) => (error = failed.code));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  const length = pieces * PIECE.length;
  socket.write(`POST /nothing HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncontent-length: ${length}\r\n\r\n`);
  for (let sent = 0; sent < pieces && !socket.destroyed; sent++) {
    await new Promise<void>((resolve) => socket.write(PIECE, () => resolve()));
    await wait(PAUSE_MS);
  }
  let text = '';
  socket.on('data', (bytes: Buffer) => (text += bytes.toString('latin1')));
  await closed;
  const [status] = /\d{3}/.exec(text) ?? [];
  return { status, error, isWhole: /\r\n\r\n([\s\S]*\n|0\r\n\r\n)?$/.test(text) };
}

describe('the last answer of a connection', () => {
  it.each([
    ['web', false, '404'],
    ['console', false, '403'],
    ['metrics', false, '404'],
    ['ws', false, '426'],
    ['web', true, '404'],
    ['console', true, '403'],
    ['wss', true, '426'],
  ] as const)(
    'of the %s port (TLS: %s) is heard whole by a client that sends all of its request before it reads',
    async (door, isSecure, status) => {
      expect(await sendRefused(door, isSecure, PIECES)).toEqual({ status, isWhole: true, error: undefined });
    },
    5_000,
  );

  it('is not waited for without end: who sends more than the bound behind it is cut off', async () => {
    const fromMs = performance.now();
    const { error } = await sendRefused('web', false, (10 * ADMISSION_LIMITS.lingerBytesMax) / PIECE.length);
    expect(error).toMatch(/EPIPE|ECONNRESET/);
    expect(performance.now() - fromMs).toBeLessThan(20_000);
  }, 30_000);

  it('keeps no connection of a client that hears it and does not close its own end', async () => {
    const socket = await dial(STRANGER, plain.server.addresses.web!);
    socket.allowHalfOpen = true;
    const ended = new Promise((resolve) => socket.once('end', resolve));
    socket.resume().write('GET /nothing HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n');
    await ended;
    const fromMs = performance.now();
    const broken = new Promise((resolve) => socket.once('error', resolve));
    const again = setInterval(() => socket.write('x'), 50);
    await broken;
    clearInterval(again);
    socket.destroy();
    const tookMs = performance.now() - fromMs;
    expect(tookMs).toBeGreaterThan(ADMISSION_LIMITS.lingerMs / 2);
    expect(tookMs).toBeLessThan(4 * ADMISSION_LIMITS.lingerMs);
  }, 30_000);
});

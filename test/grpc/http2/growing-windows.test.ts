import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../../src/client/system.js';
import { FairTurns } from '../../../src/fair/fair-turns.js';
import { DEFAULT_TURN_LIMITS } from '../../../src/fair/limits.js';
import { CALL_METADATA } from '../../../src/grpc/http2/answer-fates.js';
import { Peers } from '../../../src/grpc/http2/peers.js';
import { DEFAULT_DOOR_LIMITS } from '../../../src/grpc/limits.js';

const FIRST = 65_535;
const MIB = 1_048_576;
const REQUEST_BYTES_MAX = 150_000;
/** A message with as many bytes as a block of a stream. */
const MESSAGE = Buffer.alloc(5 + 65_536);
MESSAGE.writeUInt32BE(65_536, 1);
/** A message with a count. */
const CONFIRMATION = Buffer.from([0, 0, 0, 0, 2, 0x18, 1]);

describe('the windows of a connection', () => {
  const told: string[] = [];
  let peers: Peers;
  let server: Http2Server;
  let session: ClientHttp2Session;
  beforeEach(async () => {
    told.length = 0;
    server = createServer();
    const limits = { ...DEFAULT_DOOR_LIMITS, requestBytesMax: REQUEST_BYTES_MAX, messageBytesMax: MIB };
    const paths = { answers: new Set(['/unary']), watches: new Set<string>(), relays: new Set(['/stream']) };
    // On a busy machine calls would wait for their turns, while the tests read them at once: a waiting call counts all that comes.
    const turns = new FairTurns({ clock: { ...systemClock, nowMs: () => 0 }, limits: DEFAULT_TURN_LIMITS });
    const expelled = (why: string) => void told.push(why);
    peers = new Peers(systemClock, limits, paths, expelled, undefined, turns);
    peers.watch(server);
    server.on('stream', (stream: ServerHttp2Stream) => stream.on('error', () => {}));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    session.on('error', () => {});
  });
  afterEach(() => {
    session.destroy();
    server.close();
  });

  /** A call that the server reads, with its end at the server. */
  async function call(path: string): Promise<{ call: ClientHttp2Stream; stream: ServerHttp2Stream }> {
    const made = session.request({ ':method': 'POST', ':path': path }, { endStream: false });
    made.on('error', () => {});
    made.write(MESSAGE);
    const [stream] = (await once(server, 'stream')) as [ServerHttp2Stream];
    stream.resume();
    return { call: made, stream };
  }

  /** A call whose request is complete as it comes. */
  async function askOnce(): Promise<void> {
    const made = session.request({ ':method': 'POST', ':path': '/unary' }, { endStream: false });
    made.on('error', () => {});
    made.end(Buffer.alloc(5));
    const [stream] = (await once(server, 'stream')) as [ServerHttp2Stream];
    stream.resume();
  }

  /** A call that brings no data, and its name at the server. */
  async function quietCall(): Promise<{ call: ClientHttp2Stream; name: string }> {
    const made = session.request({ ':method': 'POST', ':path': '/stream' }, { endStream: false });
    made.on('error', () => {});
    made.write(CONFIRMATION);
    const [stream, headers] = (await once(server, 'stream')) as [ServerHttp2Stream, IncomingHttpHeaders];
    stream.resume();
    return { call: made, name: String(headers[CALL_METADATA]) };
  }

  /** Writes messages one after the other; each is on its way before the next. */
  async function write(to: ClientHttp2Stream, messages: number): Promise<void> {
    for (let at = 0; at < messages; at++) await new Promise<void>((sent) => to.write(MESSAGE, () => sent()));
  }

  const granted = () => session.remoteSettings.initialWindowSize!;

  it('grow while a stream that is read fills them, and stay within their bound', async () => {
    const { call: relayed } = await call('/stream');
    for (let tries = 0; tries < 50 && granted() === FIRST; tries++)
      await Promise.all([write(relayed, 16), write(relayed, 16)]);
    expect(granted()).toBeGreaterThan(FIRST);
    expect(granted()).toBeLessThanOrEqual(8 * MIB);
    expect(told).toEqual([]);
  });

  it('are not divided with calls that say no more than what they have taken', async () => {
    const { call: relayed } = await call('/stream');
    for (let sink = 0; sink < 3; sink++) {
      const { name } = await quietCall();
      peers.fates.confirmsOnly(name);
    }
    for (let tries = 0; tries < 200 && granted() <= 2 * MIB; tries++)
      await Promise.all([write(relayed, 64), write(relayed, 64)]);
    expect(granted()).toBeGreaterThan(2 * MIB);
    expect(told).toEqual([]);
  });

  it('are divided with calls that bring nothing yet, which may send as much as they have at any time', async () => {
    const { call: relayed } = await call('/stream');
    for (let quiet = 0; quiet < 9; quiet++) await quietCall();
    for (let tries = 0; tries < 40; tries++) await Promise.all([write(relayed, 64), write(relayed, 64)]);
    expect(granted()).toBeGreaterThan(FIRST);
    expect(10 * granted()).toBeLessThanOrEqual(8 * MIB);
    expect(told).toEqual([]);
  });

  it('are divided with calls that have said that they bring no data, and bring some', async () => {
    const { call: relayed } = await call('/stream');
    const sinks = [];
    for (let sink = 0; sink < 7; sink++) sinks.push(await quietCall());
    for (const { name } of sinks) peers.fates.confirmsOnly(name);
    for (let tries = 0; tries < 200 && granted() <= 2 * MIB; tries++)
      await Promise.all([write(relayed, 64), write(relayed, 64)]);
    expect(granted()).toBeGreaterThan(2 * MIB);
    for (const { call: sink } of sinks) await write(sink, 1);
    for (let tries = 0; tries < 50 && granted() > MIB; tries++) await new Promise((answered) => session.ping(answered));
    expect(granted()).toBeLessThanOrEqual(MIB);
    expect(told).toEqual([]);
  });

  it('stay as they are for a call that is answered once, however much it brings', async () => {
    const { call: unary } = await call('/unary');
    await write(unary, 64);
    expect(granted()).toBe(FIRST);
  });

  it('stay as they are for calls beside a stream whose requests are complete, and shrink for those that go on', async () => {
    const { call: relayed } = await call('/stream');
    for (let tries = 0; tries < 50 && granted() === FIRST; tries++)
      await Promise.all([write(relayed, 16), write(relayed, 16)]);
    const changes: number[] = [];
    session.on('remoteSettings', ({ initialWindowSize }) => changes.push(initialWindowSize!));
    const before = granted();
    for (let at = 0; at < 16; at++) await askOnce();
    await new Promise((answered) => session.ping(answered));
    expect(Math.min(before, ...changes)).toBe(before);
    for (let at = 0; at < 16; at++) {
      await call('/unary');
      // What is on its way of three of them at once would be more than the bound of all.
      await new Promise((answered) => session.ping(answered));
    }
    for (let tries = 0; tries < 50 && granted() >= before; tries++) {
      await new Promise((answered) => session.ping(answered));
    }
    expect(granted()).toBeLessThan(before);
    expect(told).toEqual([]);
  });

  it('are counted when a stream is paused, and close a connection that leaves too much unread', async () => {
    const { call: relayed, stream } = await call('/stream');
    for (let tries = 0; tries < 200 && granted() <= REQUEST_BYTES_MAX + FIRST; tries++) {
      await Promise.all([write(relayed, 16), write(relayed, 16)]);
    }
    expect(granted()).toBeGreaterThan(REQUEST_BYTES_MAX + FIRST);
    expect(told).toEqual([]);
    stream.pause();
    const closed = new Promise((resolve) => session.once('close', resolve));
    for (let at = 0; at < 32; at++) relayed.write(MESSAGE);
    await Promise.race([closed, wait(5_000)]);
    expect(told).toContain('requests that are not complete');
    expect(session.destroyed).toBe(true);
  });

  it('are counted together, the first 64 KiB of each as well, when many streams are paused', async () => {
    const closed = new Promise((resolve) => session.once('close', resolve));
    const pausing = async () => {
      const paused = session.request({ ':method': 'POST', ':path': '/stream' }, { endStream: false });
      paused.on('error', () => {});
      const [stream] = (await once(server, 'stream')) as [ServerHttp2Stream];
      stream.pause();
      paused.write(MESSAGE);
      await new Promise((answered) => session.ping(answered));
    };
    for (let paused = FIRST; paused < REQUEST_BYTES_MAX; paused += FIRST) await pausing();
    expect(told).toEqual([]);
    void pausing();
    await Promise.race([closed, wait(5_000)]);
    expect(told).toEqual(['requests that are not complete']);
  });
});

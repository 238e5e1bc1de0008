import { once } from 'node:events';
import { createServer, type Http2Server, type ServerHttp2Session } from 'node:http2';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../../harness/manual-clock.js';
import { HAS_SILENT_ERRORS, SilentErrors } from '../../../src/grpc/http2/silent-errors.js';
import * as raw from '../../abuse/tools/raw.js';

/** Looks at sessions are a second apart, and the pauses between two questions at most 30 s. */
const LOOK_MS = 1_000;
const PAUSES_MS = 40_000;
/** How long frames take between two ends of this machine, with room. */
const SETTLED_MS = 100;

/** Mistakes after which nghttp2 says GOAWAY and Node 20 says nothing. */
const MISTAKES: Readonly<Record<string, Buffer>> = {
  'a frame that is too large': raw.frame(raw.DATA, 0, 1, Buffer.alloc(16_385)),
  'DATA on stream 0': raw.frame(raw.DATA, 0, 0, Buffer.alloc(4)),
  'DATA on a stream that was never opened': raw.frame(raw.DATA, 0, 9, Buffer.alloc(4)),
  'a header block that HPACK cannot read': raw.frame(raw.HEADERS, 4, 1, Buffer.alloc(64, 0xff)),
  'a PING of 7 bytes': raw.frame(raw.PING, 0, 0, Buffer.alloc(7)),
};

describe('a session', () => {
  let server: Http2Server;
  let clock: ManualClock;
  let client: Socket;
  /** The server's end. */
  let socket: Socket;
  let session: ServerHttp2Session;
  let pings: number;
  let ends: number;
  beforeEach(async () => {
    clock = new ManualClock();
    ends = 0;
    pings = 0;
    const errors = new SilentErrors(clock);
    server = createServer();
    server.on('sessionError', () => {});
    // node:http2 takes the socket over in its own listener.
    server.prependListener('connection', (connection: Socket) => {
      socket = connection;
    });
    server.on('session', (opened: ServerHttp2Session) => {
      errors.watch(opened, socket, () => ends++);
      const { ping } = opened;
      opened.ping = ((...args: Parameters<typeof ping>) => {
        pings++;
        return ping.apply(opened, args);
      }) as typeof ping;
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    client = connect((server.address() as AddressInfo).port, '127.0.0.1');
    client.on('error', () => {});
    client.write(raw.preface(65_535));
    [session] = (await once(server, 'session')) as [ServerHttp2Session];
    await once(session, 'remoteSettings');
  });
  afterEach(() => {
    client.destroy();
    session.destroy();
    server.close();
  });

  /** Time passes, a look at a time, and what it brings is sent. */
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += LOOK_MS) {
      clock.advance(LOOK_MS);
      await wait(1);
    }
  };

  /** Answers every PING, as a client does that is well. */
  const answerPings = () => {
    client.on('data', (bytes: Buffer) => {
      for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) {
        const isPing = bytes[at + 3] === raw.PING && (bytes[at + 4] & raw.ACK) === 0;
        if (isPing) client.write(raw.frame(raw.PING, raw.ACK, 0, bytes.subarray(at + 9, at + 17)));
      }
    });
  };

  const bring = async (bytes: Buffer) => {
    client.write(bytes);
    await wait(SETTLED_MS);
  };

  it.each(Object.entries(MISTAKES))('that is over by %s is found dead within two looks, or ended', async (_, bytes) => {
    client.resume();
    await bring(bytes);
    await pass(2 * LOOK_MS);
    // Newer versions of node:http2 end it themselves.
    expect(ends + Number(session.destroyed)).toBe(1);
    await pass(10 * LOOK_MS);
    expect(ends).toBeLessThanOrEqual(HAS_SILENT_ERRORS ? 1 : 0);
  });

  it('that is well is asked seldom, and not at all while it brings nothing', async () => {
    answerPings();
    for (let round = 0; round < 60; round++) {
      client.write(raw.frame(raw.WINDOW_UPDATE, 0, 0, raw.words(1)));
      await wait(5);
      await pass(LOOK_MS);
    }
    // After 1, 2, 4, 8, 16 and 30 s.
    expect(pings).toBeGreaterThanOrEqual(3);
    expect(pings).toBeLessThanOrEqual(7);
    await pass(PAUSES_MS);
    const asked = pings;
    await pass(3 * PAUSES_MS);
    expect([pings - asked, ends]).toEqual([0, 0]);
  });

  it('of a client that reads nothing is not taken for dead', async () => {
    client.pause();
    // What the kernel does not take any more waits in the socket below HTTP/2.
    const fill = Buffer.alloc(65_535);
    server.on('stream', (stream) => {
      stream.on('error', () => {});
      stream.respond();
      stream.end(Buffer.concat(Array.from({ length: 320 }, () => fill)));
    });
    await bring(raw.frame(raw.WINDOW_UPDATE, 0, 0, raw.words(2 ** 30)));
    await bring(raw.settings([[4, 2 ** 30]]));
    await bring(raw.open(1, '/'));
    const written = socket.bytesWritten;
    await pass(PAUSES_MS);
    expect([written > 0, ends, session.destroyed]).toEqual([true, 0, false]);
  });
});

import { once } from 'node:events';
import { connect, constants, createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../../src/client/system.js';
import { Peers } from '../../../src/grpc/http2/peers.js';
import { DEFAULT_DOOR_LIMITS } from '../../../src/grpc/limits.js';

/** Messages without content, of 5 bytes each. Queued they count as 512 bytes each, so that all calls have twice a connection's bound. */
const CHUNK = Buffer.alloc(5 * 3_000);
const CALLS = 24;
/** Such calls make objects of what they read, and are paused before they take the second. */
const pauseAtOnce = (stream: ServerHttp2Stream) => stream.once('data', () => stream.pause());
/** How long frames take between two ends of this machine, with room. */
const SETTLED_MS = 500;
/** The same on a machine that is busy, for what is waited for. */
const SURELY_MS = 4_000;

describe('messages that wait for the first of their chunk', () => {
  const told: string[] = [];
  let server: Http2Server;
  beforeEach(async () => {
    told.length = 0;
    server = createServer();
    server.on('stream', (stream: ServerHttp2Stream) => {
      stream.on('error', () => {});
      pauseAtOnce(stream);
    });
    const paths = { answers: new Set(['/unary']), watches: new Set<string>(), relays: new Set(['/relay']) };
    new Peers(systemClock, { ...DEFAULT_DOOR_LIMITS, messageBytesMax: 1_048_576 }, paths, (why) =>
      told.push(why),
    ).watch(server);
    await once(server.listen(0, '127.0.0.1'), 'listening');
  });
  afterEach(() => {
    server.close();
  });

  it.each([
    ['never in the relay, whose sources may have to wait', '/relay', false],
    ['in other streams', '/stream', true],
    ['in calls that have one request', '/unary', true],
  ])('count for their connection, and have calls reset: %s', async (_name, path, areReset) => {
    const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    session.on('error', () => {});
    const calls = Array.from({ length: CALLS }, () => {
      const call = session.request({ ':method': 'POST', ':path': path }, { endStream: false });
      call.on('error', () => {});
      call.write(CHUNK);
      return call;
    });
    await new Promise((answered) => session.ping(answered));
    const reset = () => calls.filter(({ rstCode }) => rstCode === constants.NGHTTP2_ENHANCE_YOUR_CALM).length;
    const untilMs = performance.now() + (areReset ? SURELY_MS : SETTLED_MS);
    while (reset() === 0 && performance.now() < untilMs) await wait(20);
    expect(reset() > 0).toBe(areReset);
    expect(told).toEqual([]);
    session.destroy();
  });
});

import { once } from 'node:events';
import { type ClientHttp2Session, connect, constants } from 'node:http2';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TransportServiceService as Transport } from '../../../gen/switchyard/v1/transport_service.js';
import { systemClock } from '../../../src/client/system.js';
import { DEFAULT_SYSTEM_LIMITS } from '../../../src/system/limits.js';
import { type Running, run } from '../running.js';

/** Between two looks of the door at its connections, with room. */
const LOOK_MS = 3_000;
const { handshakeMs, closingMs } = DEFAULT_SYSTEM_LIMITS;

describe('an Exchange call whose client takes nothing', () => {
  let at: Running;
  let client: ClientHttp2Session;
  let skewMs = 0;
  beforeAll(async () => {
    at = await run({ auth: 'open' }, { clock: { ...systemClock, nowMs: () => systemClock.nowMs() + skewMs } });
    client = connect(`http://${at.address}`, { settings: { initialWindowSize: 0 } });
  });
  afterAll(async () => {
    client.destroy();
    await at.stop();
  });

  it(
    'is reset when it is to close, and has not taken its last answer in time',
    async () => {
      const headers = { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' };
      const call = client.request({ ...headers, ':path': Transport.exchange.path }, { endStream: false });
      call.on('error', () => {});
      // Of one connection: answered once the call before it has begun. Until then the server's clock must not jump.
      const after = client.request({ ...headers, ':path': '/no.Service/None' }, { endStream: true });
      await once(after, 'response');
      // Headers come with the answer that says why: no session in time.
      const answered = once(call, 'response');
      skewMs += handshakeMs;
      await answered;
      const closed = new Promise<void>((resolve) => call.once('close', () => resolve()));
      skewMs += closingMs;
      await closed;
      expect(call.rstCode).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    },
    4 * LOOK_MS,
  );
});

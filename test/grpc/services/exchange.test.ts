import { once } from 'node:events';
import { type ClientHttp2Session, connect, constants } from 'node:http2';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TransportServiceService as Transport } from '../../../gen/switchyard/v1/transport_service.js';
import { systemClock } from '../../../src/client/system.js';
import { type Running, run } from '../running.js';

/** How many times as fast the server's clock goes. A jump would be a pause of its process, which is held against no client. */
const SPEED = 20;

describe('an Exchange call whose client takes nothing', () => {
  let at: Running;
  let client: ClientHttp2Session;
  beforeAll(async () => {
    const nowMs = () => systemClock.nowMs() * SPEED;
    const after = (delayMs: number, call: () => void) => systemClock.after(delayMs / SPEED, call);
    at = await run({ auth: 'open' }, { clock: { ...systemClock, nowMs, after } });
    client = connect(`http://${at.address}`, { settings: { initialWindowSize: 0 } });
  });
  afterAll(async () => {
    client.destroy();
    await at.stop();
  });

  it('is reset when it is to close, and has not taken its last answer in time', async () => {
    const headers = { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' };
    const call = client.request({ ...headers, ':path': Transport.exchange.path }, { endStream: false });
    call.on('error', () => {});
    const closed = new Promise<void>((resolve) => call.once('close', () => resolve()));
    // Headers come with the answer that says why: no session in time.
    await once(call, 'response');
    await closed;
    expect(call.rstCode).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }, 30_000);
});

import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { RelayRequest as Request, StreamServiceService as Streams } from '../../../gen/switchyard/v1/stream_service.js';
import { type Instance, InstanceType, Switchyard } from '../../../src/client/index.js';
import { message } from '../../abuse/tools/raw.js';
import { type Running, run } from '../running.js';

/** Blocks of a relay that are so small that one frame has dozens of them. */
const BLOCK_BYTES = 200;
const FRAME_BLOCKS = 75;
/** More frames than a relay and the windows before it take for a sink that reads nothing. */
const FRAMES = 400;
/** A source has to wait when no window has opened for so long. */
const PAUSED_MS = 300;
const SOURCES = 3;
/** How soon the server knows of the end of a call, on a machine that is busy. */
const SETTLED_MS = 10_000;

const encode = (request: Partial<Request>) => message(Request.encode({ ...Request.create(), ...request }).finish());
const BLOCK = encode({ block: Buffer.alloc(BLOCK_BYTES, 1) });
const FRAME = Buffer.concat(Array<Buffer>(FRAME_BLOCKS).fill(BLOCK));

describe('the bytes of requests', () => {
  let at: Running;
  let yard: Switchyard;
  let source: Instance;
  let sink: Instance;
  let session: ClientHttp2Session;
  beforeEach(async () => {
    at = await run({ 'metrics-listen': '127.0.0.1:0' });
    yard = new Switchyard({ server: at.address });
    const join = (n: number) =>
      yard.join({ uuid: `00000000-0000-4000-8000-00000000000${n}`, type: InstanceType.AGENT });
    [source, sink] = [join(1), join(2)];
    await Promise.all([source, sink].map((instance) => instance.attached()));
    session = connect(`http://${at.address}`);
    session.on('error', () => {});
  });
  afterEach(async () => {
    session.destroy();
    await yard.close();
    await at.stop();
  });

  const heldBytes = async (): Promise<number> => {
    const text = await (await fetch(`http://${at.server.addresses.metrics}/metrics`)).text();
    return Number(/^switchyard_held_bytes\{kind="requests"\} (\d+)$/m.exec(text)?.[1]);
  };

  /** What is held once nothing is, or in the end. */
  const leftBytes = async (): Promise<number> => {
    const untilMs = performance.now() + SETTLED_MS;
    while ((await heldBytes()) > 0 && performance.now() < untilMs) await wait(50);
    return heldBytes();
  };

  /** A source of the relay whose sink takes nothing, once it has to wait. */
  const pausedSource = async (): Promise<ClientHttp2Stream> => {
    const { stream } = await source.createStream([sink.session!.cvid]);
    const relay = session.request({
      ':method': 'POST',
      ':path': Streams.relay.path,
      'content-type': 'application/grpc',
      te: 'trailers',
      'switchyard-session': source.session!.token,
    });
    relay.on('error', () => {});
    relay.resume();
    relay.write(encode({ open: { id: stream.id, blocks: undefined } }));
    for (let frames = 0; frames < FRAMES; frames++) {
      if (relay.write(FRAME)) continue;
      const drained = new Promise((resolve) => relay.once('drain', () => resolve(true)));
      if (!(await Promise.race([drained, wait(PAUSED_MS)]))) break;
    }
    return relay;
  };

  it('are held no longer when sources of the relay have gone that were waiting', async () => {
    const relays: ClientHttp2Stream[] = [];
    while (relays.length < SOURCES) relays.push(await pausedSource());
    expect(await heldBytes()).toBeGreaterThan(FRAME.length);
    for (const relay of relays) relay.close(constants.NGHTTP2_CANCEL);
    expect(await leftBytes()).toBe(0);
  }, 60_000);
});

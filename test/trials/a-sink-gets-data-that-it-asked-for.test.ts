import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DEFAULT_RELAY_LIMITS } from '../../src/relay/limits.js';
import { type Running, run } from '../grpc/running.js';
import { agent, talk } from '../system/talking.js';

// peer-observer #276: clients were sent everything that there was, whatever they had asked for.

const BLOCK = new Uint8Array(65_536);

describe('a sink over system events', () => {
  let at: Running;
  let url: string;
  let number = 0;
  beforeAll(async () => {
    at = await run({ 'system-tcp-listen': '127.0.0.1:0' });
    url = `tcp://${at.server.addresses.tcp}`;
  });
  afterAll(() => at.stop());

  const joined = async (listeners = {}) => {
    const one = await talk(url, listeners);
    const session = await one.client.ask('Session', agent(++number));
    return { ...one, session };
  };

  it('gets nothing of what it never asked for, and what is held for it is bounded', async () => {
    let bytes = 0;
    const device = await joined({ block: (_id: number, block: Uint8Array) => void (bytes += block.length) });
    const source = await joined();
    const { stream } = await source.client.ask('CreateStream', { sinkCvids: [device.session.instanceSid] });
    // Three times what the stream's window holds.
    const count = (3 * DEFAULT_RELAY_LIMITS.windowBytesMax) / BLOCK.length;
    for (let n = 0; n < count; n++) await source.client.sendBlock(stream.id, BLOCK);
    await wait(500);
    expect(bytes).toBe(0);
    // The device's own requests are answered all the while.
    expect((await device.client.ask('KeepAlive', {})).ttlMs).toBeGreaterThan(0);
    const { stream: opened } = await device.client.ask('Open', { id: stream.sinks![0].id });
    expect(opened).toMatchObject({ id: stream.id, ownerCvid: source.session.instanceSid });
    while (bytes < count * BLOCK.length) await wait(20);
    for (const { client } of [device, source]) client.close();
  });

  it('gets the data of every stream, of those that come later too, once it has asked for all', async () => {
    const [sink, source] = [await joined(), await joined()];
    const make = async () => {
      const { stream } = await source.client.ask('CreateStream', { sinkCvids: [sink.session.instanceSid] });
      return stream;
    };
    const before = await make();
    expect((await sink.client.ask('Open', {})).stream).toBeUndefined();
    const after = await make();
    for (const [text, stream] of [
      ['one', before],
      ['two', after],
    ] as const) {
      await source.client.sendBlock(stream.id, Buffer.from(text));
      expect(await sink.blocks.next()).toEqual({ id: stream.sinks![0].id, text });
    }
    for (const { client } of [sink, source]) client.close();
  });

  it('asks again on a new connection, and for its own branches only', async () => {
    const [sink, source] = [await joined(), await joined()];
    const { stream } = await source.client.ask('CreateStream', { sinkCvids: [sink.session.instanceSid] });
    const id = stream.sinks![0].id;
    const notFound = { reason: 'STREAM_NOT_FOUND' };
    await expect(source.client.ask('Open', { id })).rejects.toMatchObject(notFound);
    await expect(sink.client.ask('Open', { id: stream.id })).rejects.toMatchObject(notFound);
    await sink.client.ask('Open', { id }, 77);
    sink.client.close();
    await sink.client.closed;
    const again = await talk(url);
    const { sessionToken } = sink.session;
    await again.client.ask('KeepAlive', { sessionToken });
    await source.client.sendBlock(stream.id, Buffer.from('late'));
    await wait(200);
    expect(again.blocks.count).toBe(0);
    // With the packet id that it had on the connection before, too.
    await again.client.ask('Open', { id }, 77);
    expect(await again.blocks.next()).toEqual({ id, text: 'late' });
    for (const { client } of [again, source]) client.close();
  });

  it('needs a session to ask', async () => {
    const { client } = await talk(url);
    await expect(client.ask('Open', {})).rejects.toMatchObject({ reason: 'SESSION_TOKEN_MISSING' });
    client.close();
  });
});

import { describe, expect, it } from '@jest/globals';
import { ByteWriter } from '../../src/system/codec/bytes.js';
import { encodeEvent, type SystemEvent } from '../../src/system/codec/event.js';
import { writeBlock, writeEvent } from '../../src/system/codec/send.js';
import { success } from '../../src/system/conversation/answer.js';
import { deltaTopic } from '../../src/system/encode/delta-topic.js';
import { ToyWorld } from '../feed/toy.js';
import { run } from '../grpc/running.js';
import { agent, talk } from '../system/talking.js';

// java-dogstatsd-client #224: what an encoder had written before it failed went out with the next message.

/** Longer than a cell can be. */
const TOO_LONG = 'x'.repeat(70_000);
const BAD: SystemEvent = { type: 'Session', body: { ...agent(1), name: TOO_LONG } };
const GOOD: SystemEvent = { type: 'Session', body: agent(1) };

describe('a value that cannot be encoded', () => {
  it('is refused by name, and leaves a SystemClient as good as before', async () => {
    const at = await run({ 'system-tcp-listen': '127.0.0.1:0' });
    const { client } = await talk(`tcp://${at.server.addresses.tcp}`);
    await expect(client.ask('Session', { ...agent(1), name: TOO_LONG })).rejects.toThrow(/Session\.name/);
    const { streamId } = await client.ask('Session', agent(1));
    await expect(client.sendBlock(-1, Uint8Array.of(1), { confirm: true })).rejects.toThrow(/not a stream id/);
    await client.sendBlock(streamId, Uint8Array.of(1), { confirm: true });
    await expect(client.ask('CreateStream', { sinkCvids: [-1] })).rejects.toThrow(/sink/i);
    await expect(client.ask('StopStream', { id: 2_000_000 })).resolves.toMatchObject({ result: 1 });
    client.close();
    await client.closed;
    await at.stop();
  });

  it.each([
    ['an event', (writer: ByteWriter) => encodeEvent(writer, BAD)],
    ['a framed event', (writer: ByteWriter) => writeEvent(writer, BAD)],
    ['an event on a stream that cannot be', (writer: ByteWriter) => writeEvent(writer, GOOD, { streamId: -1 })],
    ['a framed block', (w: ByteWriter) => writeBlock(w, Uint8Array.of(1), 1.5, { compressed: false, packetId: 1 })],
  ])('leaves nothing of %s in the writer that others use after it', (_name, write) => {
    const [writer, fresh] = [new ByteWriter(), new ByteWriter()];
    for (const each of [writer, fresh]) writeEvent(each, GOOD);
    expect(() => write(writer)).toThrow(RangeError);
    for (const each of [writer, fresh]) writeEvent(each, GOOD);
    expect(Buffer.from(writer.finish())).toEqual(Buffer.from(fresh.finish()));
  });

  it('leaves nothing in the writer of all answers', () => {
    const data = { ttlMs: 1, position: { epoch: 'e', revision: 1 } };
    const before = success('KeepAlive', data);
    expect(() => success('KeepAlive', { ...data, ttlMs: -1 })).toThrow(RangeError);
    expect(success('KeepAlive', data)).toEqual(before);
  });

  it('leaves nothing in the writer of a topic', () => {
    const { state } = new ToyWorld();
    const topic = deltaTopic(state);
    const link = { kind: 'LinkAdded', link: { a: 1, b: 2, link: 0 } } as const;
    const position = { epoch: 'e', revision: 2 };
    const before = Buffer.from(topic.encode(position, [link]) ?? []);
    expect(() => topic.encode({ epoch: 'e', revision: -1 }, [link])).toThrow(RangeError);
    expect(Buffer.from(topic.encode(position, [link]) ?? [])).toEqual(before);
  });
});

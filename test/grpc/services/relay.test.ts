import { type ClientDuplexStream, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  type RelayRequest,
  type RelayResponse,
  RelayRequest as Request,
  StreamServiceService as Streams,
} from '../../../gen/switchyard/v1/stream_service.js';
import { type Instance, InstanceType, type StreamSettings, Switchyard } from '../../../src/client/index.js';
import { asSession, Reading, type Running, run } from '../running.js';

const bytes = (text: string) => Buffer.from(text);

async function readAll(blocks: AsyncIterable<Uint8Array>): Promise<string[]> {
  const read: string[] = [];
  for await (const block of blocks) read.push(Buffer.from(block).toString());
  return read;
}

describe('Relay', () => {
  let at: Running;
  let yard: Switchyard;
  let source: Instance;
  let sinks: Instance[];

  beforeEach(async () => {
    at = await run();
    yard = new Switchyard({ server: at.address });
    const join = (number: number) =>
      yard.join({ uuid: `00000000-0000-4000-8000-00000000000${number}`, type: InstanceType.AGENT });
    source = join(1);
    sinks = [join(2), join(3)];
    await Promise.all([source, ...sinks].map((instance) => instance.attached()));
  });
  afterEach(async () => {
    await yard.close();
    await at.stop();
  });

  const create = async (count: number, settings: StreamSettings = {}) => {
    const cvids = sinks.slice(0, count).map((sink) => sink.session!.cvid);
    return (await source.createStream(cvids, settings)).stream;
  };
  const raw = (instance: Instance, ...requests: Partial<RelayRequest>[]) => {
    const { path, requestSerialize, responseDeserialize } = Streams.relay;
    const metadata = asSession(instance.session!.token);
    const call: ClientDuplexStream<RelayRequest, RelayResponse> = at.client.makeBidiStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      metadata,
    );
    for (const request of requests) call.write(Request.fromPartial(request));
    return { call, reading: new Reading(call) };
  };

  it('carries every block to every sink in order, and ends with OK when all have everything', async () => {
    const stream = await create(2);
    const reads = await Promise.all(sinks.map((sink, at) => sink.openSink(stream.sinks[at].id)));
    const end = await source.openSource(stream.id);
    expect(end.stream).toEqual(stream);
    const sent = Array.from({ length: 300 }, (_, n) => `block ${n}`);
    for (const text of sent) await end.write(bytes(text));
    const [one, two] = await Promise.all([...reads.map(readAll), end.finish()]);
    expect([one, two]).toEqual([sent, sent]);
  });

  it('refuses an empty block, which the wire cannot tell from a message with nothing in it', async () => {
    const stream = await create(1);
    const end = await source.openSource(stream.id);
    await expect(end.write(bytes(''))).rejects.toThrow('a block has at least 1 byte');
  });

  it.each([
    ['nothing', {}, ['block']],
    ['a block beside `open`', { open: { id: 1, blocks: undefined }, block: bytes('x') }, ['open', 'block']],
    [
      'a confirmation beside `open`',
      { open: { id: 1, blocks: 3n }, confirmedBlocks: 1n },
      ['open', 'confirmed_blocks'],
    ],
    ['a confirmation beside a block', { block: bytes('x'), confirmedBlocks: 1n }, ['block', 'confirmed_blocks']],
    ['a count beyond 2^53 - 1', { open: { id: 1, blocks: 2n ** 53n } }, ['open.blocks']],
  ])('refuses a first or later message with %s, and names its parts', async (_, request, fields) => {
    const stream = await create(1);
    const { open = undefined, ...others } = request as Partial<RelayRequest>;
    const first = open === undefined ? others : { ...others, open: { ...open, id: stream.id } };
    expect(await raw(source, first).reading.ending()).toMatchObject({ reason: 'FIELD_INVALID', fields });
    if (fields[0] === 'open.blocks') return;
    const later = raw(source, { open: { id: stream.id, blocks: undefined } }, first);
    expect(await later.reading.ending()).toMatchObject({ reason: 'FIELD_INVALID', fields });
  });

  it('holds the source up when a sink does not read, and lets it go on when it does', async () => {
    const stream = await create(1, { maxBlockBytes: 1_048_576 });
    const end = await source.openSource(stream.id);
    const block = Buffer.alloc(1_048_576);
    let written = 0;
    const writing = (async () => {
      for (; written < 24; written++) await end.write(block);
    })();
    const other = await create(2);
    const control = await source.openSource(other.id);
    // The other stream goes on meanwhile, over the same connection.
    await control.write(bytes('meanwhile'));
    const beside = await sinks[1].openSink(other.sinks[1].id);
    for await (const got of beside) {
      expect(Buffer.from(got).toString()).toBe('meanwhile');
      break;
    }
    expect(written).toBeLessThan(24);
    const blocks = readAll(await sinks[0].openSink(stream.sinks[0].id));
    await writing;
    await end.finish();
    expect(await blocks).toHaveLength(24);
  });

  it('confirms to the source what all sinks have taken, and gives a sink that comes back the rest', async () => {
    const stream = await create(2, { deliveryConfirmation: true });
    const end = await source.openSource(stream.id);
    for (const text of ['a', 'b', 'c']) await end.write(bytes(text));
    const [one, two] = await Promise.all(sinks.map((sink, at) => sink.openSink(stream.sinks[at].id)));
    let taken = 0;
    for await (const _ of one) if (++taken === 3) break;
    expect(one.takenBlocks).toBe(2);
    const reading = readAll(two);
    const again = await sinks[0].openSink(stream.sinks[0].id);
    // The first confirmation went before the third block was read; the second may have been on its way.
    const from = again.takenBlocks;
    expect([1, 2]).toContain(from);
    const rest = readAll(again);
    await end.finish();
    expect([await rest, await reading]).toEqual([['a', 'b', 'c'].slice(from), ['a', 'b', 'c']]);
    expect(end.confirmedBlocks).toBe(3);
  });

  it('tells a source that comes back what need not be sent again', async () => {
    const stream = await create(1, { deliveryConfirmation: true });
    const first = await source.openSource(stream.id);
    await first.write(bytes('a'));
    const sink = await sinks[0].openSink(stream.sinks[0].id);
    const reading = readAll(sink);
    while (first.confirmedBlocks < 1) await new Promise((resolve) => setImmediate(resolve));
    first.close();
    await first.ended;
    const second = await source.openSource(stream.id);
    await second.write(bytes('b'));
    await second.finish();
    expect(second.confirmedBlocks).toBe(2);
    expect(await reading).toEqual(['a', 'b']);
  });

  it('names to both ends of a stream its channel, which another stream does not have', async () => {
    const channels: bigint[] = [];
    for (const stream of [await create(1), await create(1)]) {
      const ends = [await source.openSource(stream.id), await sinks[0].openSink(stream.sinks[0].id)];
      channels.push(...ends.map(({ channel }) => channel));
    }
    const [one, , other] = channels;
    expect(channels).toEqual([one, one, other, other]);
    expect(new Set([0n, one, other]).size).toBe(3);
  });

  it('delivers nothing after StopStream was answered, and says so at both ends', async () => {
    const stream = await create(1);
    const end = await source.openSource(stream.id);
    const sink = await sinks[0].openSink(stream.sinks[0].id);
    await end.write(bytes('before'));
    await source.stopStream(stream.id);
    await expect(readAll(sink)).rejects.toMatchObject({ reason: 'STREAM_STOPPED' });
    expect(await end.ended).toMatchObject({ reason: 'STREAM_STOPPED', code: status.FAILED_PRECONDITION });
    await expect(end.write(bytes('after'))).rejects.toMatchObject({ reason: 'STREAM_STOPPED' });
  });

  it('refuses a block that is larger than the stream allows', async () => {
    const stream = await create(1, { maxBlockBytes: 4 });
    const end = await source.openSource(stream.id);
    await end.write(bytes('12345'));
    expect(await end.ended).toMatchObject({ reason: 'TOO_LARGE', code: status.RESOURCE_EXHAUSTED });
  });

  it('opens an end for its own session only', async () => {
    const stream = await create(1);
    const refusals = [
      sinks[0].openSource(stream.id),
      source.openSink(stream.sinks[0].id),
      sinks[1].openSink(stream.sinks[0].id),
      source.openSource(999_999),
    ];
    for (const one of refusals) await expect(one).rejects.toMatchObject({ reason: 'STREAM_NOT_FOUND' });
    const own = source.openSource(source.session!.streamId);
    await expect(own).rejects.toMatchObject({ reason: 'OUT_OF_ORDER' });
  });

  it('gives the newer of two calls of one end the place of the older', async () => {
    const stream = await create(1);
    const older = await source.openSource(stream.id);
    await source.openSource(stream.id);
    expect(await older.ended).toMatchObject({ reason: 'OUT_OF_ORDER' });
  });

  it('refuses messages that do not fit, and a call without a session', async () => {
    const stream = await create(1);
    const open = { id: stream.id, blocks: undefined };
    const branch = { id: stream.sinks[0].id, blocks: undefined };
    expect(await raw(source, { block: bytes('x') }).reading.ending()).toMatchObject({ reason: 'OUT_OF_ORDER' });
    expect(await raw(source, { open }, { open }).reading.ending()).toMatchObject({ reason: 'OUT_OF_ORDER' });
    const sinking = raw(sinks[0], { open: branch }, { block: bytes('x') });
    expect(await sinking.reading.ending()).toMatchObject({ reason: 'OUT_OF_ORDER' });
    const early = raw(sinks[0], { open: branch }, { confirmedBlocks: 5n });
    expect(await early.reading.ending()).toMatchObject({ reason: 'FIELD_INVALID', fields: ['confirmed_blocks'] });
    const silent = raw(source);
    silent.call.end();
    expect(await silent.reading.ending()).toMatchObject({ reason: 'OUT_OF_ORDER' });
    const { path, requestSerialize, responseDeserialize } = Streams.relay;
    const nobody = new Reading(at.client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize));
    expect(await nobody.ending()).toMatchObject({ reason: 'SESSION_TOKEN_MISSING' });
  });

  it('ends with DRAINING when the server goes down', async () => {
    const stream = await create(1);
    const end = await source.openSource(stream.id);
    const draining = at.server.drain();
    expect(await end.ended).toMatchObject({ reason: 'DRAINING' });
    await expect(end.write(bytes('x'))).rejects.toMatchObject({ reason: 'DRAINING' });
    await yard.close();
    await draining;
  });
});

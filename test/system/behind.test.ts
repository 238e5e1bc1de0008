import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  StopStreamResponse_Result,
  StreamServiceService as Streaming,
} from '../../gen/switchyard/v1/stream_service.js';
import { Fault } from '../../src/core/model/fault.js';
import { Streams } from '../../src/core/store/streams.js';
import { Replica } from '../../src/replica/replica.js';
import { ask, asSession, type Running, run } from '../grpc/running.js';
import { agent, talk } from './talking.js';

describe('at a server that is behind', () => {
  let at: Running;
  let url: string;

  beforeEach(async () => {
    at = await run({ 'system-tcp-listen': '127.0.0.1:0' });
    url = `tcp://${at.server.addresses.tcp}`;
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await at.stop();
  });

  /** A source and a sink whose stream the server does not know until it has made sure that it is current; how often it does that. */
  async function behind(late?: Fault) {
    const [source, sink] = [await talk(url), await talk(url)];
    const { sessionToken } = await source.client.ask('Session', agent(1));
    const { instanceSid } = await sink.client.ask('Session', agent(2));
    await sink.client.ask('Open', {});
    const { stream } = await source.client.ask('CreateStream', { sinkCvids: [instanceSid] });
    let isKnown = false;
    const { get } = Streams.prototype;
    jest.spyOn(Streams.prototype, 'get').mockImplementation(function (this: Streams, id) {
      return isKnown || id !== stream.id ? get.call(this, id) : undefined;
    });
    const current = jest.fn(async () => {
      await new Promise(setImmediate);
      isKnown = late === undefined;
      return late;
    });
    const currency = { current, reached: async () => undefined, isInTouch: true };
    jest.spyOn(Replica.prototype, 'currency', 'get').mockReturnValue(currency);
    const send = (text: string) => source.client.sendBlock(stream.id, Buffer.from(text), { confirm: true });
    const close = async () => {
      for (const { client } of [source, sink]) client.close();
      await Promise.all([source.client.closed, sink.client.closed]);
    };
    return { source, sink, send, current, close, sessionToken, id: stream.id };
  }

  it('data waits until the server is current, and arrives in order with what was sent after it', async () => {
    const { sink, send, current, close } = await behind();
    await Promise.all(['first', 'second', 'third'].map(send));
    expect([(await sink.blocks.next()).text, (await sink.blocks.next()).text]).toEqual(['first', 'second']);
    expect((await sink.blocks.next()).text).toBe('third');
    expect(current).toHaveBeenCalledTimes(1);
    await close();
  });

  it('data is refused as by a current server where there is no such stream', async () => {
    const { source, send, close } = await behind();
    const none = source.client.sendBlock(999_999, Buffer.from('x'), { confirm: true });
    await expect(none).rejects.toMatchObject({ reason: 'STREAM_NOT_FOUND' });
    await send('goes on');
    await close();
  });

  it('data for a stream that is over waits once, however many blocks are under way', async () => {
    const { source, send, current, close } = await behind();
    await send('known from now on');
    const blocks = Array.from({ length: 20 }, () =>
      source.client.sendBlock(999_999, Buffer.from('x'), { confirm: true }),
    );
    for (const outcome of await Promise.allSettled(blocks)) {
      expect(outcome).toMatchObject({ reason: { reason: 'STREAM_NOT_FOUND' } });
    }
    // Once for the stream that is not known yet, and once for the one that is over.
    expect(current).toHaveBeenCalledTimes(2);
    await close();
  });

  it('data is refused for now where the server cannot become current', async () => {
    const { send, close } = await behind(new Fault('BEHIND', 'behind', [], 500));
    await expect(send('first')).rejects.toMatchObject({ reason: 'BEHIND' });
    await close();
  });

  it('StopStream finds the stream, through both doors, once the server is current', async () => {
    const { source, close, id } = await behind();
    expect(await source.client.ask('StopStream', { id, validateOnly: true })).toMatchObject({ result: 0 });
    await close();
    jest.restoreAllMocks();
    const other = await behind();
    const stopping = ask(at, Streaming.stopStream, { id: other.id, validateOnly: true }, asSession(other.sessionToken));
    expect(await stopping).toMatchObject({ result: StopStreamResponse_Result.OK });
    await other.close();
  });
});

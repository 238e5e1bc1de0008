import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { WatchKind } from '../../../gen/switchyard/v1/network.js';
import { SessionServiceService as Sessions } from '../../../gen/switchyard/v1/session_service.js';
import { StreamParams } from '../../../gen/switchyard/v1/stream.js';
import {
  StopStreamResponse_Result as Result,
  StreamServiceService as Streams,
} from '../../../gen/switchyard/v1/stream_service.js';
import { agent, asAdmin, ask, asSession, open, type Running, refused, run } from '../running.js';

describe('StreamService', () => {
  let at: Running;
  let owner: { sid: number; token: string; streamId: number };
  let sink: typeof owner;
  let other: typeof owner;
  beforeAll(async () => {
    at = await run();
    [owner, sink, other] = await Promise.all([1, 2, 3].map(session));
  });
  afterAll(() => at.stop());

  const session = async (number: number) => {
    const { instanceSid, sessionToken, streamId } = await ask(at, Sessions.session, agent(number));
    return { sid: instanceSid, token: sessionToken, streamId };
  };
  const create = async (sinks: number[], params?: StreamParams) => {
    const request = { params, sinkCvids: sinks, requestId: '' };
    return (await ask(at, Streams.createStream, request, asSession(owner.token))).stream!;
  };
  const params = (some: Partial<StreamParams>) => StreamParams.fromPartial(some);
  const stop = (id: number, token: string, validateOnly = false) =>
    ask(at, Streams.stopStream, { id, validateOnly }, asSession(token));

  it('registers a stream, with an id for every branch and defaults for what was not said', async () => {
    const stream = await create([sink.sid, other.sid]);
    expect(stream).toMatchObject({ ownerCvid: owner.sid, sourceCvid: owner.sid });
    expect(stream.sinks.map(({ cvid }) => cvid)).toEqual([sink.sid, other.sid]);
    expect(new Set([stream.id, ...stream.sinks.map(({ id }) => id)]).size).toBe(3);
    expect(stream.params).toMatchObject({ timeout: undefined, maxBlockBytes: 65_536, compression: 0 });
  });

  it('rounds a timeout up to whole milliseconds, and refuses what would become never', async () => {
    const { params: kept } = await create([sink.sid], params({ timeout: { seconds: 1n, nanos: 1_999_999 } }));
    expect(kept?.timeout).toEqual({ seconds: 1n, nanos: 2_000_000 });
    for (const nanos of [-1, 1, 500_000]) {
      const refusal = refused(create([sink.sid], params({ timeout: { seconds: 0n, nanos } })));
      expect(await refusal).toMatchObject({ reason: 'FIELD_INVALID', fields: ['params.timeout'] });
    }
  });

  it('changes what the mask names, and nothing else', async () => {
    const { id } = await create([sink.sid], params({ name: 'before', maxBlockBytes: 10 }));
    const request = { id, params: params({ name: 'after', maxBlockBytes: 20 }), updateMask: ['name'] };
    const { stream } = await ask(at, Streams.updateStreamParams, request, asSession(owner.token));
    expect(stream?.params).toMatchObject({ name: 'after', maxBlockBytes: 10 });
    const all = { id, params: undefined, updateMask: ['*'] };
    const reset = await ask(at, Streams.updateStreamParams, all, asSession(owner.token));
    expect(reset.stream?.params).toMatchObject({ name: '', maxBlockBytes: 65_536 });
  });

  it('is destroyed by its owner alone', async () => {
    const { id } = await create([sink.sid]);
    const terminate = (token: string) => ask(at, Streams.terminateStream, { id }, asSession(token));
    expect(await refused(terminate(sink.token))).toMatchObject({ reason: 'NOT_STREAM_OWNER' });
    expect(await refused(terminate(other.token))).toMatchObject({ reason: 'STREAM_NOT_FOUND' });
    await terminate(owner.token);
    expect(await refused(terminate(owner.token))).toMatchObject({ code: status.NOT_FOUND, reason: 'STREAM_NOT_FOUND' });
  });

  it('stops by any endpoint: the branch, then with the last one the source', async () => {
    const { id, sinks } = await create([sink.sid, other.sid]);
    const [toSink, toOther] = sinks.map((one) => one.id);
    expect(await stop(toSink, sink.token, true)).toEqual({ result: Result.OK, stoppedIds: [toSink] });
    expect(await stop(toSink, other.token)).toEqual({ result: Result.INVALID, stoppedIds: [] });
    expect(await stop(toSink, sink.token)).toEqual({ result: Result.OK, stoppedIds: [toSink] });
    expect(await stop(toSink, sink.token)).toEqual({ result: Result.INVALID, stoppedIds: [] });
    expect(await stop(toOther, owner.token, true)).toEqual({ result: Result.OK, stoppedIds: [id, toOther] });
    expect(await stop(toOther, owner.token)).toEqual({ result: Result.OK, stoppedIds: [id, toOther] });
  });

  it('stops by an administrator, who is at none of its ends', async () => {
    const { id, sinks } = await create([sink.sid]);
    const stopped = await ask(at, Streams.stopStream, { id, validateOnly: false }, asAdmin());
    expect(stopped).toEqual({ result: Result.OK, stoppedIds: [id, sinks[0].id] });
  });

  it('shows a stream to its endpoints and to administrators, and to nobody else', async () => {
    const { id, sinks } = await create([sink.sid]);
    for (const one of [id, sinks[0].id]) {
      for (const who of [asSession(owner.token), asSession(sink.token), asAdmin()]) {
        expect((await ask(at, Streams.getStream, { id: one }, who)).stream?.id).toBe(id);
      }
      const hidden = await refused(ask(at, Streams.getStream, { id: one }, asSession(other.token)));
      expect(hidden).toMatchObject({ code: status.NOT_FOUND, reason: 'STREAM_NOT_FOUND' });
    }
  });

  it('lists what the caller can see, page by page in the order of ids', async () => {
    const fresh = await session(4);
    const ids = [fresh.streamId];
    for (let count = 0; count < 5; count++) ids.push((await create([fresh.sid])).id);
    ids.sort((x, y) => x - y);
    const listed: number[] = [];
    const request = { pageSize: 2, pageToken: '', cvid: 0 };
    do {
      const page = await ask(at, Streams.listStreams, request, asSession(fresh.token));
      listed.push(...page.streams.map(({ id }) => id));
      request.pageToken = page.nextPageToken;
    } while (request.pageToken !== '');
    expect(listed).toEqual(ids);
    const all = await ask(at, Streams.listStreams, { pageSize: 1000, pageToken: '', cvid: fresh.sid }, asAdmin());
    expect(all.streams.map(({ id }) => id)).toEqual(ids);
  });

  it('watches what the caller can see: its own streams, from their coming to their end', async () => {
    const watch = open(at, Streams.watchStreams, { after: undefined }, asSession(other.token));
    const [first] = await watch.until(({ kind }) => kind === WatchKind.SNAPSHOT_END);
    expect(first.changes.map(({ kind }) => kind?.$case === 'put' && kind.value.id)).toContain(other.streamId);
    await create([sink.sid]);
    const { id, sinks } = await create([sink.sid, other.sid]);
    expect((await watch.next()).changes).toMatchObject([{ kind: { $case: 'put', value: { id } } }]);
    await stop(sinks[1].id, other.token);
    const value = { id: sinks[1].id, reason: 1, by: other.sid };
    const lost = { id, sinkIds: [sinks[1].id] };
    expect((await watch.next()).changes).toMatchObject([
      { kind: { $case: 'stopped', value } },
      { kind: { $case: 'branchesLost', value: lost } },
    ]);
    watch.call.cancel();
  });

  it('ends a watch with its session, after the stop of its streams', async () => {
    const before = await session(5);
    const watch = open(at, Streams.watchStreams, { after: undefined }, asSession(before.token));
    // The snapshot may be older than the session; then its stream comes as a change.
    await watch.until(({ changes }) => changes.length > 0);
    await session(5);
    const value = { id: before.streamId, reason: 4, by: before.sid };
    const [stopped] = (await watch.until(({ changes }) => changes[0]?.kind?.$case === 'stopped')).slice(-1);
    expect(stopped.changes).toMatchObject([{ kind: { $case: 'stopped', value } }]);
    expect(await watch.ending()).toMatchObject({ code: status.ABORTED, reason: 'SESSION_SUPERSEDED' });
  });
});

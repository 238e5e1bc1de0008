import { describe, expect, it } from '@jest/globals';
import { constantRandom, ManualClock, settle } from '../../../harness/manual-clock.js';
import { InstanceType, LinkState, LinkType, PathKind, StopResult, Switchyard } from '../../../src/client/index.js';
import { FakeChannel } from '../worlds/fake-channel.js';

const position = { epoch: 'e', revision: 7n };

function observer() {
  const channel = new FakeChannel();
  const yard = new Switchyard({ channel, clock: new ManualClock(), random: constantRandom(0), adminToken: 'secret' });
  return { channel, yard };
}

async function instance() {
  const { channel, yard } = observer();
  channel.answers.Session = () => ({
    instanceSid: 10,
    serverSid: 9,
    serverUuid: 'server',
    sessionToken: 'token',
    ttl: { seconds: 60n, nanos: 0 },
    streamId: 1,
    position,
  });
  const me = yard.join({ uuid: '6f1f3f0e-3f67-4b5e-9a53-0a4b7b8f3c11', type: InstanceType.AGENT });
  await settle();
  return { channel, me };
}

/** What the server saw of the one call of that name. */
function sent(channel: FakeChannel, name: string) {
  const calls = channel.named(name);
  expect(calls).toHaveLength(1);
  return { request: calls[0]!.request, metadata: calls[0]!.call.metadata, timeoutMs: calls[0]!.call.timeoutMs };
}

describe('an observer', () => {
  it('reads a node', async () => {
    const { channel, yard } = observer();
    const node = { cvid: 7, parent: 9, instanceUuid: 'u', name: '', labels: {}, links: [] };
    channel.answers.GetNode = () => ({ node, position });
    expect(await yard.getNode(7)).toEqual({ node, position });
    expect(sent(channel, 'GetNode')).toEqual({
      request: { cvid: 7 },
      metadata: { 'switchyard-admin': 'secret' },
      timeoutMs: 10_000,
    });
  });

  it('finds a path, over some types of links or all', async () => {
    const { channel, yard } = observer();
    channel.answers.FindPath = () => ({ cvids: [1, 2], position });
    expect((await yard.findPath(1, 2)).cvids).toEqual([1, 2]);
    await yard.findPath(1, 2, { links: [LinkType.TRANSPORT_TCP], timeoutMs: 500 });
    expect(channel.named('FindPath').map(({ request, call }) => [request, call.timeoutMs])).toEqual([
      [{ fromCvid: 1, toCvid: 2, links: [] }, 10_000],
      [{ fromCvid: 1, toCvid: 2, links: [1] }, 500],
    ]);
  });

  it('lists page after page, each when it is asked for', async () => {
    const { channel, yard } = observer();
    channel.answers.ListSessions = (request: { pageToken: string }) =>
      request.pageToken === ''
        ? { sessions: [{ cvid: 1 }, { cvid: 2 }], nextPageToken: 'more', position }
        : { sessions: [{ cvid: 3 }], nextPageToken: '', position };
    const cvids: number[] = [];
    for await (const { cvid } of yard.listSessions({ instanceType: InstanceType.AGENT }, { pageSize: 2 })) {
      cvids.push(cvid);
      expect(channel.named('ListSessions')).toHaveLength(cvid <= 2 ? 1 : 2);
    }
    expect(cvids).toEqual([1, 2, 3]);
    expect(channel.named('ListSessions').map(({ request }) => request)).toEqual([
      { pageSize: 2, pageToken: '', instanceType: 2, instanceUuid: '' },
      { pageSize: 2, pageToken: 'more', instanceType: 2, instanceUuid: '' },
    ]);
  });

  it('lists streams, and stops asking when its reader has enough', async () => {
    const { channel, yard } = observer();
    channel.answers.ListStreams = () => ({ streams: [{ id: 1 }, { id: 2 }], nextPageToken: 'more', position });
    for await (const { id } of yard.listStreams({ cvid: 7 })) if (id === 2) break;
    expect(sent(channel, 'ListStreams').request).toEqual({ pageSize: 500, pageToken: '', cvid: 7 });
  });

  it('reads a session and a stream, and ends another’s session with time for its answer', async () => {
    const { channel, yard } = observer();
    channel.answers.GetSession = () => ({ session: { cvid: 7 }, position });
    channel.answers.GetStream = () => ({ stream: { id: 3 }, position });
    channel.answers.TerminateSession = () => ({ position });
    expect((await yard.getSession(7)).session.cvid).toBe(7);
    expect((await yard.getStream(3)).stream.id).toBe(3);
    expect(await yard.terminateSession(7, 'maintenance')).toEqual({ position });
    expect(sent(channel, 'GetSession').request).toEqual({ cvid: 7 });
    expect(sent(channel, 'GetStream').request).toEqual({ id: 3 });
    expect(sent(channel, 'TerminateSession')).toEqual({
      request: { cvid: 7, reason: 'maintenance' },
      metadata: { 'switchyard-admin': 'secret' },
      timeoutMs: 60_000,
    });
  });

  it('stops a stream, or asks what would stop', async () => {
    const { channel, yard } = observer();
    channel.answers.StopStream = () => ({ result: StopResult.INVALID, stoppedIds: [] });
    expect(await yard.stopStream(3)).toEqual({ result: StopResult.INVALID, stoppedIds: [] });
    await yard.stopStream(3, { validateOnly: true });
    expect(channel.named('StopStream').map(({ request }) => request)).toEqual([
      { id: 3, validateOnly: false },
      { id: 3, validateOnly: true },
    ]);
  });
});

describe('an instance', () => {
  it('reports its links with its token', async () => {
    const { channel, me } = await instance();
    channel.answers.ReportLink = () => ({ inGraph: false, position });
    await me.linkEstablished(7, LinkType.TRANSPORT_UDP);
    await me.linkLost(7, LinkType.TRANSPORT_UDP);
    await me.reportLink(8, LinkType.TRANSPORT_TCP, LinkState.ESTABLISHED, {
      connectionId: 'c1',
      path: PathKind.DIRECT,
      roundTrip: { seconds: 0n, nanos: 5_000_000 },
    });
    const nothing = { connectionId: '', path: 0, roundTrip: undefined, failed: false };
    expect(channel.named('ReportLink').map(({ request }) => request)).toEqual([
      { peerCvid: 7, link: 2, state: 1, ...nothing },
      { peerCvid: 7, link: 2, state: 2, ...nothing },
      {
        ...{ peerCvid: 8, link: 1, state: 1, failed: false },
        ...{ connectionId: 'c1', path: 1, roundTrip: { seconds: 0n, nanos: 5_000_000 } },
      },
    ]);
    expect(channel.named('ReportLink')[0]?.call.metadata).toEqual({ 'switchyard-session': 'token' });
  });

  it('creates, changes and terminates a stream', async () => {
    const { channel, me } = await instance();
    channel.answers.CreateStream = () => ({ stream: { id: 3 } });
    channel.answers.UpdateStreamParams = () => ({ stream: { id: 3 } });
    channel.answers.TerminateStream = () => ({ position });
    const { stream } = await me.createStream([7, 8], { name: 'video', timeoutMs: 5_000 });
    await me.updateStreamParams(stream.id, { timeoutMs: 0 });
    await me.terminateStream(stream.id);
    const params = { name: '', maxBlockBytes: 0, compression: 0, deliveryConfirmation: false, labels: {} };
    expect(sent(channel, 'CreateStream').request).toEqual({
      params: { ...params, name: 'video', timeout: { seconds: 5n, nanos: 0 } },
      sinkCvids: [7, 8],
      requestId: expect.stringMatching(/^[\w-]{22}$/),
    });
    expect(sent(channel, 'UpdateStreamParams').request).toEqual({
      id: 3,
      params: { ...params, timeout: { seconds: 0n, nanos: 0 } },
      updateMask: ['timeout'],
    });
    expect(sent(channel, 'TerminateStream').request).toEqual({ id: 3 });
  });
});

import { describe, expect, it } from '@jest/globals';
import { settle } from '../../harness/manual-clock.js';
import { StatusCode, WatchKind } from '../../src/client/index.js';
import { away, refusal } from './worlds/fake-channel.js';
import { at, listen, world } from './worlds/watch-world.js';

describe('a watch of closed endpoints', () => {
  const closed = (revision: number) => ({
    kind: WatchKind.DELTA,
    position: at(revision),
    endpointClosed: { cvid: 7, reason: 1, position: at(revision) },
  });

  it('continues past its last position, also after the server’s RESET, which no snapshot follows', async () => {
    const { channel, yard, clock } = world();
    const { heard } = listen(yard.watchEndpointClosed({ cvids: [7] }));
    await clock.pass(0);
    expect(channel.stream('WatchEndpointClosed').seen.request).toEqual({ after: undefined, cvids: [7] });
    channel.stream('WatchEndpointClosed').send({ kind: WatchKind.BOOKMARK, position: at(3) }, closed(9));
    await settle();
    channel.stream('WatchEndpointClosed').end(away());
    await clock.pass(200);
    expect(channel.stream('WatchEndpointClosed').seen.request).toMatchObject({ after: at(9) });
    channel.stream('WatchEndpointClosed').send({ kind: WatchKind.RESET, position: at(2, 'other') });
    await settle();
    channel.stream('WatchEndpointClosed').end(away());
    await clock.pass(400);
    expect(channel.stream('WatchEndpointClosed').seen.request).toMatchObject({ after: at(2, 'other') });
    expect(heard).toEqual(['BOOKMARK 3', 'DELTA 9', 'RESET 2']);
  });

  it('says with a RESET that some may have been missed', async () => {
    const { channel, yard, clock } = world();
    const { heard } = listen(yard.watchEndpointClosed({ after: at(1) }));
    await clock.pass(0);
    channel.stream('WatchEndpointClosed').end(refusal('REVISION_COMPACTED', StatusCode.OUT_OF_RANGE));
    await clock.pass(200);
    channel.stream('WatchEndpointClosed').send({ kind: WatchKind.BOOKMARK, position: at(50) });
    await settle();
    expect(heard).toEqual(['RESET -', 'BOOKMARK 50']);
  });
});

describe('a watch of an instance’s streams', () => {
  async function joined() {
    const all = world();
    let granted = 0;
    all.channel.answers.Session = () => ({
      instanceSid: ++granted,
      serverSid: 9,
      serverUuid: 'server',
      sessionToken: `token-${granted}`,
      ttl: { seconds: 60n, nanos: 0 },
      streamId: 1,
      position: at(granted),
    });
    const me = all.yard.join({ uuid: '6f1f3f0e-3f67-4b5e-9a53-0a4b7b8f3c11', type: 2 });
    const watch = listen(me.watchStreams());
    await all.clock.pass(0);
    return { ...all, me, watch };
  }
  const stream = (kind: WatchKind, revision: number) => ({ kind, position: at(revision), changes: [] });

  it('begins again with the new session when the old one is lost', async () => {
    const { channel, clock, watch } = await joined();
    expect(channel.stream('WatchStreams').seen.call.metadata).toEqual({ 'switchyard-session': 'token-1' });
    channel.stream('WatchStreams').send(stream(WatchKind.SNAPSHOT_END, 5));
    await settle();
    channel.stream('WatchStreams').end(refusal('SESSION_EXPIRED', StatusCode.UNAUTHENTICATED));
    await clock.pass(400);
    expect(channel.stream('WatchStreams').seen).toMatchObject({
      request: { after: undefined },
      call: { metadata: { 'switchyard-session': 'token-2' } },
    });
    expect(watch.heard).toEqual(['SNAPSHOT_END 5', 'RESET -']);
  });

  it('begins again with the new session also when it broke for another reason in between', async () => {
    const { channel, clock, watch } = await joined();
    channel.stream('WatchStreams').send(stream(WatchKind.SNAPSHOT_END, 5));
    channel.stream('Attach').end(refusal('SESSION_EXPIRED', StatusCode.ABORTED));
    await clock.pass(200);
    channel.stream('WatchStreams').end(away());
    await clock.pass(200);
    expect(channel.stream('WatchStreams').seen.request).toEqual({ after: undefined });
    expect(watch.heard).toEqual(['SNAPSHOT_END 5', 'RESET -']);
  });

  it('ends with the instance', async () => {
    const { channel, watch, me, clock } = await joined();
    channel.stream('Attach').end(refusal('SESSION_SUPERSEDED', StatusCode.ABORTED));
    expect(await watch.ended).toMatchObject({ reason: 'SESSION_SUPERSEDED' });
    expect(await me.ended).toMatchObject({ reason: 'SESSION_SUPERSEDED' });
    expect([clock.pending, channel.held]).toEqual([0, 0]);
  });
});

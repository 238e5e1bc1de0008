import { describe, expect, it } from '@jest/globals';
import { settle } from '../../harness/manual-clock.js';
import { StatusCode, SwitchyardError, WatchKind } from '../../src/client/index.js';
import { away, refusal } from './worlds/fake-channel.js';
import { at, bookmark, change, listen, message, NAME, snapshot, snapshotEnd, world } from './worlds/watch-world.js';

describe('a watch', () => {
  it('begins with what it was asked for', async () => {
    const { channel, yard, clock } = world();
    listen(yard.watchNetworkDelta({ after: at(5), coalesce: true, cvids: [7] }));
    listen(yard.watchNetworkDelta());
    await clock.pass(0);
    expect(channel.named(NAME).map(({ request }) => request)).toEqual([
      { after: at(5), coalesce: true, cvids: [7] },
      { after: undefined, coalesce: false, cvids: [] },
    ]);
  });

  it.each([
    ['breaks', away()],
    ['is ended by a drain', refusal('DRAINING', StatusCode.UNAVAILABLE)],
    ['is ended without an error', undefined],
    ['is cancelled by something in between', new SwitchyardError(StatusCode.CANCELLED, 'RST_STREAM')],
  ])('that %s continues past its last position', async (_name, error) => {
    const { channel, yard, clock } = world();
    const breaks: string[] = [];
    const { heard } = listen(yard.watchNetworkDelta({ onBreak: (e, ms) => breaks.push(`${e.code} ${ms}`) }));
    await clock.pass(0);
    channel.stream(NAME).send(snapshot(5), snapshotEnd(5), change(8, 3), bookmark(8));
    await settle();
    channel.stream(NAME).end(error);
    await clock.pass(200);
    expect(channel.stream(NAME).seen.request).toMatchObject({ after: at(8) });
    channel.stream(NAME).send(change(9));
    await settle();
    expect(heard).toEqual(['SNAPSHOT 5', 'SNAPSHOT_END 5', 'DELTA 8', 'BOOKMARK 8', 'DELTA 9']);
    expect(breaks).toEqual([`${error?.code ?? StatusCode.UNAVAILABLE} 200`]);
  });

  it('waits for as long as the server asks before it continues', async () => {
    const { channel, yard, clock } = world();
    listen(yard.watchNetworkDelta());
    await clock.pass(0);
    channel.stream(NAME).end(refusal('DRAINING', StatusCode.UNAVAILABLE, 3_000));
    await clock.pass(3_199);
    expect(channel.named(NAME)).toHaveLength(1);
    await clock.pass(1);
    expect(channel.named(NAME)).toHaveLength(2);
  });

  it.each([
    ['its position is compacted', refusal('REVISION_COMPACTED', StatusCode.OUT_OF_RANGE)],
    ['it lagged', refusal('WATCH_LAGGED', StatusCode.ABORTED)],
  ])('begins again, and says so, when %s', async (_name, error) => {
    const { channel, yard, clock } = world();
    const { heard } = listen(yard.watchNetworkDelta({ after: at(5) }));
    await clock.pass(0);
    channel.stream(NAME).end(error);
    await clock.pass(200);
    expect(channel.stream(NAME).seen.request).toMatchObject({ after: undefined });
    channel.stream(NAME).send(snapshot(90), snapshotEnd(90));
    await settle();
    expect(heard).toEqual(['RESET -', 'SNAPSHOT 90', 'SNAPSHOT_END 90']);
  });

  it('ends with the error when the quota of the month is used up', async () => {
    const { channel, yard, clock } = world();
    const watch = yard.watchNetworkDelta()[Symbol.asyncIterator]();
    const ended = watch.next().catch((error: unknown) => error);
    await clock.pass(0);
    const metadata = { month_ends: '2027-01-01T00:00:00Z' };
    const error = new SwitchyardError(StatusCode.RESOURCE_EXHAUSTED, 'used up', { reason: 'NETWORK_LIMIT', metadata });
    channel.stream(NAME).end(error);
    await clock.pass(60_000);
    expect(channel.named(NAME)).toHaveLength(1);
    expect(await ended).toBe(error);
  });

  it('begins again when a snapshot was cut short: two halves are no whole', async () => {
    const { channel, yard, clock } = world();
    const { heard } = listen(yard.watchNetworkDelta());
    await clock.pass(0);
    channel.stream(NAME).send(snapshot(5));
    await settle();
    channel.stream(NAME).end(away());
    await clock.pass(200);
    expect(channel.stream(NAME).seen.request).toMatchObject({ after: undefined });
    channel.stream(NAME).send(snapshot(6), snapshotEnd(6));
    await settle();
    expect(heard).toEqual(['SNAPSHOT 5', 'RESET -', 'SNAPSHOT 6', 'SNAPSHOT_END 6']);
  });

  it('begins again when it broke between the server’s RESET and the end of the snapshot', async () => {
    const { channel, yard, clock } = world();
    listen(yard.watchNetworkDelta({ after: at(5, 'other') }));
    await clock.pass(0);
    channel.stream(NAME).send(message(WatchKind.RESET, 9));
    await settle();
    channel.stream(NAME).end(away());
    await clock.pass(200);
    expect(channel.stream(NAME).seen.request).toMatchObject({ after: undefined });
  });

  it('says RESET once, however often it fails to begin again', async () => {
    const { channel, yard, clock } = world();
    const { heard } = listen(yard.watchNetworkDelta({ after: at(5) }));
    await clock.pass(0);
    channel.stream(NAME).end(refusal('REVISION_COMPACTED', StatusCode.OUT_OF_RANGE));
    for (let i = 0; i < 3; i += 1) {
      await clock.pass(2_000);
      channel.stream(NAME).end(away());
    }
    await clock.pass(2_000);
    channel.stream(NAME).send(snapshot(90), snapshotEnd(90));
    await settle();
    expect(heard).toEqual(['RESET -', 'SNAPSHOT 90', 'SNAPSHOT_END 90']);
  });

  it('says no RESET when nothing was told before', async () => {
    const { channel, yard, clock } = world();
    const { heard } = listen(yard.watchNetworkDelta());
    await clock.pass(0);
    channel.stream(NAME).end(away());
    await clock.pass(200);
    channel.stream(NAME).send(snapshot(1), snapshotEnd(1));
    await settle();
    expect(heard).toEqual(['SNAPSHOT 1', 'SNAPSHOT_END 1']);
  });

  it.each([
    ['a revision is missing', change(8, 2)],
    ['a revision comes twice', change(5, 1)],
    ['revisions go back', change(4, 1)],
    ['the epoch changes without a RESET', change(6, 1, 'other')],
    ['a bookmark promises more than was delivered', bookmark(7)],
    ['a position is missing', { ...change(6), position: undefined }],
  ])('does not pass on, and begins again, when %s', async (_name, bad) => {
    const { channel, yard, clock } = world();
    const breaks: string[] = [];
    const { heard } = listen(yard.watchNetworkDelta({ onBreak: (error) => breaks.push(error.message) }));
    await clock.pass(0);
    channel.stream(NAME).send(snapshot(5), snapshotEnd(5), bad);
    await clock.pass(200);
    expect(breaks).toHaveLength(1);
    expect(channel.stream(NAME).seen.request).toMatchObject({ after: undefined });
    expect(heard).toEqual(['SNAPSHOT 5', 'SNAPSHOT_END 5', 'RESET -']);
  });

  it.each([
    ['a change', change(6), false],
    ['a change of a coalesced watch', change(6), true],
    ['a bookmark', bookmark(5), false],
  ])('begins again when %s comes before the end of the snapshot', async (_name, bad, coalesce) => {
    for (const begun of [[], [snapshot(5)]]) {
      const { channel, yard, clock } = world();
      const breaks: string[] = [];
      const { heard } = listen(
        yard.watchNetworkDelta({ coalesce, onBreak: ({ code, message: text }) => breaks.push(`${code} ${text}`) }),
      );
      await clock.pass(0);
      channel.stream(NAME).send(...begun, bad, snapshot(6), snapshotEnd(6));
      await clock.pass(200);
      expect(breaks).toEqual([expect.stringMatching(/^15 .* came before the end of the snapshot that it continues$/)]);
      expect(channel.stream(NAME).seen.request).toMatchObject({ after: undefined });
      expect(heard).toEqual(begun.length === 0 ? [] : ['SNAPSHOT 5', 'RESET -']);
    }
  });

  it('of some nodes, or coalesced, has gaps that mean nothing', async () => {
    for (const options of [{ cvids: [7] }, { coalesce: true }]) {
      const { channel, yard, clock } = world();
      const { heard } = listen(yard.watchNetworkDelta(options));
      await clock.pass(0);
      channel.stream(NAME).send(snapshot(5), snapshotEnd(5), change(90), bookmark(99));
      await settle();
      expect(heard.slice(2)).toEqual(['DELTA 90', 'BOOKMARK 99']);
    }
  });

  it('is given up after 60 s of silence, and continues', async () => {
    const { channel, yard, clock } = world();
    listen(yard.watchNetworkDelta());
    await clock.pass(0);
    channel.stream(NAME).send(snapshot(5), snapshotEnd(5));
    await clock.pass(59_999);
    expect(channel.stream(NAME).open).toBe(true);
    channel.stream(NAME).send(bookmark(5));
    await clock.pass(59_999);
    expect(channel.named(NAME)).toHaveLength(1);
    await clock.pass(201);
    expect(channel.named(NAME)).toHaveLength(2);
    expect(channel.stream(NAME).seen.request).toMatchObject({ after: at(5) });
  });

  it('does not take its reader’s own time for silence, and takes nothing that is not read', async () => {
    const { channel, yard, clock } = world();
    const watch = yard.watchNetworkDelta();
    const first = watch.next();
    await clock.pass(0);
    channel.stream(NAME).send(snapshot(5), snapshotEnd(5), change(6), change(7));
    await first;
    await clock.pass(3_600_000);
    expect(channel.stream(NAME).open).toBe(true);
    expect(channel.stream(NAME).taken).toBe(1);
    expect((await watch.next()).value).toMatchObject({ kind: WatchKind.SNAPSHOT_END });
    await watch.return();
  });

  it.each([
    ['FIELD_INVALID', StatusCode.INVALID_ARGUMENT],
    ['ADMIN_TOKEN_INVALID', StatusCode.UNAUTHENTICATED],
    ['UNIMPLEMENTED', StatusCode.UNIMPLEMENTED],
  ])('ends with an error that trying again would not change: %s', async (reason, code) => {
    const { channel, yard, clock } = world();
    const { ended } = listen(yard.watchNetworkDelta());
    await clock.pass(0);
    channel.stream(NAME).end(refusal(reason, code));
    expect(await ended).toMatchObject({ reason });
    expect([clock.pending, channel.held]).toEqual([0, 0]);
  });

  it('ends by its signal, whatever it is doing, and leaves nothing behind', async () => {
    for (const during of ['reading', 'resting'] as const) {
      const { channel, yard, clock } = world();
      const controller = new AbortController();
      const { ended } = listen(yard.watchNetworkDelta({ signal: controller.signal }));
      await clock.pass(0);
      if (during === 'resting') channel.stream(NAME).end(away());
      await settle();
      controller.abort(new Error('enough'));
      expect((await ended)?.message).toBe('enough');
      expect([clock.pending, channel.held, channel.stream(NAME).open]).toEqual([0, 0, false]);
    }
  });

  it('ends when its loop is left, and when its client is closed', async () => {
    const { channel, yard, clock } = world();
    const left = (async () => {
      for await (const { kind } of yard.watchNetworkDelta()) if (kind === WatchKind.SNAPSHOT_END) break;
    })();
    const { ended } = listen(yard.watchNetworkDelta());
    await clock.pass(0);
    channel.streams[0]!.send(snapshot(5), snapshotEnd(5));
    await left;
    expect(channel.streams.map((stream) => stream.open)).toEqual([false, true]);
    await yard.close();
    expect(await ended).toMatchObject({ code: StatusCode.CANCELLED });
    expect([clock.pending, channel.held]).toEqual([0, 0]);
  });
});

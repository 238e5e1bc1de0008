import { describe, expect, it } from '@jest/globals';
import { constantRandom, ManualClock, settle } from '../../harness/manual-clock.js';
import {
  LinkType,
  type Network,
  type NetworkDelta,
  type Position,
  StatusCode,
  Switchyard,
  WatchKind,
} from '../../src/client/index.js';
import { away, FakeChannel, refusal } from './worlds/fake-channel.js';

const at = (revision: number, epoch = 'e'): Position => ({ epoch, revision: BigInt(revision) });
const delta = (parts: Partial<NetworkDelta> = {}): NetworkDelta => ({
  nodeAdded: [],
  nodeRemoved: [],
  linkAdded: [],
  linkRemoved: [],
  ...parts,
});
const nodes = (...cvids: number[]) =>
  cvids.map((cvid) => ({ cvid, parent: 9, instanceUuid: `u${cvid}`, name: '', labels: {} }));
const link = (cvid1: number, cvid2: number) => ({ cvid1, cvid2, link: LinkType.TRANSPORT_UDP });
const message = (kind: WatchKind, revision: number, deltas: NetworkDelta[] = [], epoch = 'e') => ({
  kind,
  position: at(revision, epoch),
  deltas,
});

async function world(options: Parameters<Switchyard['watchNetwork']>[0] = {}) {
  const clock = new ManualClock();
  const channel = new FakeChannel();
  const yard = new Switchyard({ channel, clock, random: constantRandom(1) });
  const network = yard.watchNetwork(options);
  const told = listen(network);
  await clock.pass(0);
  const say = async (...messages: object[]) => {
    channel.stream('WatchNetworkDelta').send(...messages);
    await settle();
  };
  return { clock, channel, yard, network, told, say };
}

function listen(network: Network): string[] {
  const told: string[] = [];
  network.on('nodeAdded', ({ cvid }) => told.push(`+${cvid}`));
  network.on('nodeRemoved', ({ cvid }) => told.push(`-${cvid}`));
  network.on('linkAdded', ({ cvid1, cvid2 }) => told.push(`+${cvid1}-${cvid2}`));
  network.on('linkRemoved', ({ cvid1, cvid2 }) => told.push(`-${cvid1}-${cvid2}`));
  network.on('synced', ({ revision }) => told.push(`synced ${revision}`));
  network.on('broken', (error) => told.push(`broken ${error.reason ?? error.code}`));
  network.on('ended', (error) => told.push(`ended ${error?.message}`));
  return told;
}

/** A world whose replica holds nodes 1, 2, 3 and a link between 1 and 2, at revision 5. */
async function synced(options: Parameters<Switchyard['watchNetwork']>[0] = {}) {
  const all = await world(options);
  await all.say(
    message(WatchKind.SNAPSHOT, 5, [delta({ nodeAdded: nodes(1, 2) })]),
    message(WatchKind.SNAPSHOT, 5, [delta({ nodeAdded: nodes(3) }), delta({ linkAdded: [link(2, 1)] })]),
    message(WatchKind.SNAPSHOT_END, 5),
  );
  return all;
}

describe('a replica of the graph', () => {
  it('is empty until the first snapshot is whole, and then is all of it', async () => {
    const { network, told, say } = await world();
    let over = false;
    void network.synced().then(() => (over = true));
    await say(message(WatchKind.SNAPSHOT, 5, [delta({ nodeAdded: nodes(1, 2) })]));
    expect([network.graph.size.nodes, network.position, told, over]).toEqual([0, undefined, [], false]);
    await say(
      message(WatchKind.SNAPSHOT, 5, [delta({ nodeAdded: nodes(3), linkAdded: [link(2, 1)] })]),
      message(WatchKind.SNAPSHOT_END, 5),
    );
    expect(network.graph.size).toEqual({ nodes: 3, links: 1 });
    expect(network.position).toEqual(at(5));
    expect(told).toEqual(['+1', '+2', '+3', '+1-2', 'synced 5']);
    expect(over).toBe(true);
    expect(await network.synced()).toBe(network);
  });

  it('takes an empty network for what it is', async () => {
    const { network, told, say } = await world();
    await say(message(WatchKind.SNAPSHOT_END, 1));
    expect([network.graph.size, told]).toEqual([{ nodes: 0, links: 0 }, ['synced 1']]);
  });

  it('applies each revision whole before it tells of it', async () => {
    const { network, told, say } = await synced();
    const sizes: number[] = [];
    network.on('nodeRemoved', () => sizes.push(network.graph.size.nodes));
    told.length = 0;
    await say(
      message(WatchKind.DELTA, 7, [
        delta({ linkRemoved: [link(1, 2)], nodeRemoved: [{ cvid: 1 }, { cvid: 2 }], nodeAdded: nodes(4) }),
        delta({ nodeRemoved: [{ cvid: 3 }], nodeAdded: nodes(5), linkAdded: [link(4, 5)] }),
      ]),
    );
    expect(told).toEqual(['-1-2', '-1', '-2', '+4', '-3', '+5', '+4-5']);
    expect(sizes).toEqual([2, 2, 2]);
    expect(network.position).toEqual(at(7));
  });

  it('goes on over a break as if nothing had happened', async () => {
    const { network, told, say, channel, clock } = await synced();
    told.length = 0;
    channel.stream('WatchNetworkDelta').end(away());
    await clock.pass(200);
    expect(channel.stream('WatchNetworkDelta').seen.request.after).toEqual(at(5));
    await say(message(WatchKind.DELTA, 6, [delta({ nodeAdded: nodes(4) })]));
    expect(told).toEqual(['broken 14', '+4']);
    expect(network.graph.size.nodes).toBe(4);
  });

  it.each([
    ['compacted', refusal('REVISION_COMPACTED', StatusCode.OUT_OF_RANGE)],
    ['lagged', refusal('WATCH_LAGGED', StatusCode.ABORTED)],
  ])('keeps the old picture until the new snapshot is whole (%s), and tells the difference', async (_name, error) => {
    const { network, told, say, channel, clock } = await synced();
    const before = network.graph;
    told.length = 0;
    channel.stream('WatchNetworkDelta').end(error);
    await clock.pass(200);
    await say(message(WatchKind.SNAPSHOT, 90, [delta({ nodeAdded: nodes(2, 3) })]));
    expect(network.graph).toBe(before);
    expect(network.graph.size).toEqual({ nodes: 3, links: 1 });
    await say(
      message(WatchKind.SNAPSHOT, 90, [delta({ nodeAdded: nodes(4), linkAdded: [link(3, 4)] })]),
      message(WatchKind.SNAPSHOT_END, 90),
    );
    expect(told).toEqual([`broken ${error.reason}`, '-1-2', '-1', '+4', '+3-4', 'synced 90']);
    expect(before.size).toEqual({ nodes: 3, links: 1 });
    expect([...network.graph.nodes()].map(({ cvid }) => cvid)).toEqual([2, 3, 4]);
  });

  it('does the same when the server says RESET: its journal is another one', async () => {
    const { network, told, say } = await synced();
    told.length = 0;
    await say(
      message(WatchKind.RESET, 2, [], 'other'),
      message(WatchKind.SNAPSHOT, 2, [delta({ nodeAdded: nodes(1) })], 'other'),
      message(WatchKind.SNAPSHOT_END, 2, [], 'other'),
    );
    expect(told).toEqual(['-1-2', '-2', '-3', 'synced 2']);
    expect(network.position).toEqual(at(2, 'other'));
  });

  it('begins every snapshot with nothing', async () => {
    const { network, say } = await synced();
    await say(message(WatchKind.SNAPSHOT, 6, [delta({ nodeAdded: nodes(4) })]), message(WatchKind.SNAPSHOT_END, 6));
    expect([...network.graph.nodes()].map(({ cvid }) => cvid)).toEqual([4]);
  });

  it('forgets half a snapshot that was cut short', async () => {
    const { network, say, channel, clock } = await world();
    await say(message(WatchKind.SNAPSHOT, 5, [delta({ nodeAdded: nodes(1, 2) })]));
    channel.stream('WatchNetworkDelta').end(away());
    await clock.pass(200);
    await say(message(WatchKind.SNAPSHOT, 6, [delta({ nodeAdded: nodes(2) })]), message(WatchKind.SNAPSHOT_END, 6));
    expect([...network.graph.nodes()].map(({ cvid }) => cvid)).toEqual([2]);
  });
});

describe('waiting for a position', () => {
  it('ends when the picture holds it, by a change or by a bookmark', async () => {
    const { network, say } = await synced();
    expect(await network.reached(at(5))).toBe(network);
    const reached: string[] = [];
    void network.reached(at(6)).then(() => reached.push('6'));
    void network.reached(at(7)).then(() => reached.push('7'));
    await say(message(WatchKind.DELTA, 6, [delta()]));
    expect(reached).toEqual(['6']);
    await say(message(WatchKind.DELTA, 8, [delta(), delta()]));
    expect(reached).toEqual(['6', '7']);
  });

  it('is hopeless in another epoch, and ends with its signal', async () => {
    const { network } = await synced();
    await expect(network.reached(at(1, 'other'))).rejects.toMatchObject({ code: StatusCode.OUT_OF_RANGE });
    const controller = new AbortController();
    const waiting = network.reached(at(99), controller.signal);
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });
});

describe('waiting for the present', () => {
  it('asks the server where it stands, and ends when the picture holds that', async () => {
    const { network, say, channel, clock } = await synced();
    channel.answers.ListSessions = () => ({ sessions: [], nextPageToken: '', position: at(6) });
    let over = false;
    const waiting = network.current().then(() => (over = true));
    await clock.pass(0);
    expect(over).toBe(false);
    await say(message(WatchKind.DELTA, 6, [delta({ nodeAdded: nodes(4) })]));
    await waiting;
    expect(network.graph.size.nodes).toBe(4);
  });

  it('ends with its signal, and with the replica', async () => {
    const { network, clock } = await synced();
    const controller = new AbortController();
    const aborted = network.current(controller.signal).catch((error: Error) => error.message);
    const ended = network.current().catch((error: Error) => error.message);
    await clock.pass(0);
    controller.abort(new Error('enough'));
    expect(await aborted).toBe('enough');
    network.close();
    expect(await ended).toBe('the replica is closed');
  });
});

describe('the end of a replica', () => {
  it('comes with close, or its signal, or its client: the picture stays, nothing else does', async () => {
    const controller = new AbortController();
    for (const close of [
      (all: Awaited<ReturnType<typeof synced>>) => all.network.close(),
      () => controller.abort(new Error('enough')),
      (all: Awaited<ReturnType<typeof synced>>) => all.yard.close(),
    ]) {
      const all = await synced({ signal: close.length === 0 ? controller.signal : undefined });
      const waiting = all.network.reached(at(99)).catch(() => 'rejected');
      close(all);
      expect(await all.network.ended).toBeUndefined();
      expect(await waiting).toBe('rejected');
      expect(all.told.at(-1)).toBe('ended undefined');
      expect(all.network.graph.size.nodes).toBe(3);
      expect([all.clock.pending, all.channel.held, all.channel.stream('WatchNetworkDelta').open]).toEqual([
        0,
        0,
        false,
      ]);
    }
  });

  it('comes with an error that trying again would not change', async () => {
    const { network, channel, told } = await world();
    const waiting = network.synced().catch((error) => error.reason);
    channel.stream('WatchNetworkDelta').end(refusal('FIELD_INVALID', StatusCode.INVALID_ARGUMENT));
    expect(await network.ended).toMatchObject({ reason: 'FIELD_INVALID' });
    expect(await waiting).toBe('FIELD_INVALID');
    expect(told).toEqual(['ended refused with FIELD_INVALID']);
  });
});

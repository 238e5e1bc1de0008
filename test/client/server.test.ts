import { describe, expect, it, jest } from '@jest/globals';
import { CloseReason, LinkType, StopReason, StopResult, WatchKind } from '../../src/client/index.js';
import { LIMITS } from '../../src/client/limits.js';
import { IS_REQUIRED } from '../grpc/proving-client.js';
import { ADMIN_TOKEN } from '../grpc/running.js';
import { ownLabels } from './worlds/proving-yard.js';
import { connect, joinAs, linkUp, next, start, tell, uuid, wireTo } from './worlds/server-scene.js';

describe('against the server', () => {
  it('an instance comes, is seen, is read, and goes', async () => {
    const { address } = await start();
    const yard = connect(address);
    const network = await yard.watchNetwork().synced();
    const told = tell(network);
    const me = joinAs(yard, 1, { labels: { site: 'north' } });
    const session = await me.attached();
    await network.reached(session.position);
    expect(network.graph.node(session.cvid)).toMatchObject({ instanceUuid: uuid(1), parent: session.serverCvid });
    expect(network.graph.hasLink(session.cvid, session.serverCvid, LinkType.CONTROL_TCP)).toBe(true);
    expect((await me.getSession(0)).session).toMatchObject({
      cvid: session.cvid,
      attached: true,
      labels: ownLabels({ site: 'north' }),
    });
    expect((await yard.findPath(session.cvid, session.serverCvid)).cvids).toEqual([session.cvid, session.serverCvid]);
    expect((await me.keepAlive()).ttl.seconds).toBe(BigInt(session.ttlMs / 1000));

    const gone = next(network, 'nodeRemoved');
    await me.leave();
    await gone;
    expect(told).toEqual(['+agent-1', '-agent-1']);
    await expect(yard.getSession(session.cvid)).rejects.toMatchObject({ reason: 'SESSION_NOT_FOUND' });
  });

  it('a hundred instances on one connection make the graph that everybody sees', async () => {
    const { address } = await start();
    const yard = connect(address);
    const network = await yard.watchNetwork().synced();
    const instances = Array.from({ length: 100 }, (_, number) => joinAs(yard, number));
    await Promise.all(instances.map((instance) => instance.attached()));
    const linked = await Promise.all(
      instances.slice(1).map((instance, before) => linkUp(instances[before]!, instance)),
    );
    const last = linked.map(({ position }) => position).reduce((a, b) => (a.revision > b.revision ? a : b));
    const other = await connect(address).watchNetwork().synced();
    await Promise.all([network.reached(last), other.reached(last)]);
    expect(network.graph.size).toEqual({ nodes: 101, links: 199 });
    expect(network.graph.equals(other.graph)).toBe(true);

    const names: string[] = [];
    for await (const { name } of yard.listSessions({}, { pageSize: 7 })) names.push(name);
    expect(new Set(names).size).toBe(100);
  });

  it('the older of two sessions of one instance ends for good, in the revision in which the newer comes', async () => {
    const { address } = await start();
    const [here, there] = [connect(address), connect(address)];
    const network = await here.watchNetwork().synced();
    const old = joinAs(here, 1);
    await old.attached();
    const revisions: number[] = [];
    network.on('position', () => revisions.push(network.graph.size.nodes));
    const young = joinAs(there, 1);
    const session = await young.attached();
    expect(await old.ended).toMatchObject({ reason: 'SESSION_SUPERSEDED' });
    await network.reached(session.position);
    // The server and one of the two: never both, never none.
    expect(new Set(revisions)).toEqual(new Set([2]));
    await expect(old.keepAlive()).rejects.toMatchObject({ reason: 'SESSION_SUPERSEDED' });
    expect(young.state).toBe('attached');
  });

  it('an administrator ends a session: the instance tidies up, answers, and is over', async () => {
    const { address } = await start();
    const yard = connect(address);
    const steps: string[] = [];
    const me = joinAs(yard, 1, { handlers: { terminate: async (reason) => void steps.push(reason) } });
    const { cvid } = await me.attached();
    const closed = yard.watchEndpointClosed();
    expect((await closed.next()).value).toMatchObject({ kind: WatchKind.BOOKMARK });
    const ending = connect(address, { adminToken: ADMIN_TOKEN }).terminateSession(cvid, 'maintenance');
    expect(await me.ended).toMatchObject({ reason: 'SESSION_TERMINATED' });
    await ending;
    expect(steps).toEqual(['maintenance']);
    expect((await closed.next()).value).toMatchObject({ endpointClosed: { cvid, reason: CloseReason.TERMINATED } });
    await closed.return();
  });

  it('nobody else ends a session', async () => {
    const { address } = await start();
    const me = joinAs(connect(address), 1);
    const { cvid } = await me.attached();
    const other = joinAs(connect(address), 2);
    // Where proofs are required it has shown who it is, and may not.
    const reason = IS_REQUIRED ? 'PERMISSION_DENIED' : 'ADMIN_REQUIRED';
    await expect(other.terminateSession(cvid, 'envy')).rejects.toMatchObject({ reason });
    const stranger = connect(address, { adminToken: 'guessed' });
    await expect(stranger.terminateSession(cvid, 'envy')).rejects.toMatchObject({ reason: 'ADMIN_TOKEN_INVALID' });
    expect(me.state).toBe('attached');
  });

  it('an instance that was cut off for longer than its lease comes back with a new session', async () => {
    const { address } = await start({ 'session-ttl': '300ms', 'session-ttl-min': '10ms', grace: '100ms' });
    const wire = await wireTo(address);
    const network = await connect(address).watchNetwork().synced();
    const told = tell(network);
    const me = joinAs(connect(wire.address), 1);
    const first = await me.attached();
    const gone = next(network, 'nodeRemoved');
    wire.cut();
    await gone;
    const lost = next(me, 'lost');
    const again = next(me, 'attached');
    await wire.mend();
    expect(await lost).toMatchObject([{ reason: 'SESSION_EXPIRED' }]);
    await again;
    expect(me.session?.cvid).not.toBe(first.cvid);
    await network.reached(me.session!.position);
    expect(told).toEqual(['+agent-1', '-agent-1', '+agent-1']);
  });

  it('an instance that was cut off for a moment keeps its session, its links and its streams', async () => {
    const { address } = await start();
    const wire = await wireTo(address);
    const yard = connect(address);
    const network = await yard.watchNetwork().synced();
    const [me, peer] = [joinAs(connect(wire.address), 1), joinAs(yard, 2)];
    const [{ cvid, token }] = await Promise.all([me.attached(), peer.attached()]);
    const { position } = await linkUp(me, peer);
    const { stream } = await me.createStream([peer.session!.cvid]);
    await network.reached(position);
    const told = tell(network);
    const again = next(me, 'attached');
    wire.cut();
    await next(me, 'broken');
    await wire.mend();
    await again;
    expect(me.session).toMatchObject({ cvid, token });
    expect((await me.getStream(stream.id)).stream.id).toBe(stream.id);
    await network.reached((await me.keepAlive()).position);
    expect(network.graph.hasLink(cvid, peer.session!.cvid, LinkType.TRANSPORT_UDP)).toBe(true);
    expect(told).toEqual([]);
  });

  it('streams are made, changed, watched and stopped', async () => {
    const { address } = await start();
    const yard = connect(address);
    const [camera, screen] = [joinAs(yard, 1), joinAs(yard, 2)];
    const [, { cvid: screenCvid }] = await Promise.all([camera.attached(), screen.attached()]);
    const watch = screen.watchStreams();
    const kinds: string[] = [];
    const until = async (kind: string, id: number) => {
      for (;;) {
        const { value } = await watch.next();
        for (const { kind: change } of value!.changes) {
          if (!change) continue;
          kinds.push(change.$case);
          if (change.$case === kind && change.value.id === id) return change.value;
        }
      }
    };
    await until('put', screen.session!.streamId);
    const { stream } = await camera.createStream([screenCvid], { name: 'video', timeoutMs: 60_000 });
    expect(await until('put', stream.id)).toMatchObject({ params: { name: 'video' } });
    const changed = await camera.updateStreamParams(stream.id, { name: 'film' });
    expect(changed.stream.params).toMatchObject({ name: 'film', timeout: { seconds: 60n } });
    expect(await until('put', stream.id)).toMatchObject({ params: { name: 'film' } });

    const told = next(screen, 'streamStopped');
    const branch = stream.sinks[0]!.id;
    expect(await screen.stopStream(branch, { validateOnly: true })).toEqual({
      result: StopResult.OK,
      stoppedIds: [stream.id, branch].sort((a, b) => a - b),
    });
    expect((await screen.stopStream(999_999)).result).toBe(StopResult.INVALID);
    await camera.terminateStream(stream.id);
    expect(await told).toMatchObject([{ reason: StopReason.TERMINATED, by: camera.session!.cvid }]);
    expect(await until('stopped', stream.id)).toMatchObject({ reason: StopReason.TERMINATED });
    const left: number[] = [];
    for await (const { id } of camera.listStreams()) left.push(id);
    expect(left).toEqual([camera.session!.streamId]);
    await watch.return();
  });

  it('a watch that missed more than the server holds gets a new snapshot, and tells the difference', async () => {
    const { address } = await start({ 'history-revisions': '4' });
    const wire = await wireTo(address);
    const yard = connect(address);
    const [first, second] = [joinAs(yard, 1), joinAs(yard, 2)];
    await Promise.all([first.attached(), second.attached()]);
    const network = await connect(wire.address).watchNetwork().synced();
    const told = tell(network);
    const before = network.graph;
    const synced = next(network, 'synced');
    wire.cut();
    await first.leave();
    for (let number = 10; number < 20; number += 1) await joinAs(yard, number).attached();
    expect(network.graph).toBe(before);
    expect(network.graph.size.nodes).toBe(3);
    await wire.mend();
    await synced;
    const names = Array.from({ length: 10 }, (_, number) => `+agent-${number + 10}`);
    expect([told[0], [...told.slice(1, -1)].sort(), told.at(-1)]).toEqual(['-agent-1', names, 'synced']);
  });

  it('a reader that stopped reading is left behind, begins again, and harms nobody', async () => {
    const { address } = await start({ 'history-revisions': '4' });
    const yard = connect(address);
    const reasons: (string | undefined)[] = [];
    // HTTP/2's own window instead of the client's 4 MiB, which would take a thousand sessions to fill.
    const narrow = jest.replaceProperty(LIMITS, 'windowBytes', 65_535);
    const slow = connect(address).watchNetworkDelta({ onBreak: (error) => reasons.push(error.reason) });
    await slow.next();
    narrow.restore();
    const network = await yard.watchNetwork().synced();
    // 4 KB a session: far more than what waits between the two when nobody reads.
    const labels = Object.fromEntries(Array.from({ length: 16 }, (_, key) => [`key${key}`, 'x'.repeat(250)]));
    for (let number = 0; number < 80; number += 1) {
      const { position } = await joinAs(yard, number, { labels }).attached();
      await network.reached(position);
    }
    for await (const { kind } of slow) if (kind === WatchKind.RESET) break;
    expect(reasons).toEqual(['WATCH_LAGGED']);
  });
});

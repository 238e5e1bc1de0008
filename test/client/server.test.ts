import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { quietPort } from '../../harness/port.js';
import {
  CloseReason,
  type Instance,
  type InstanceOptions,
  InstanceType,
  LinkType,
  type Network,
  StopReason,
  StopResult,
  Switchyard,
  type SwitchyardOptions,
  WatchKind,
} from '../../src/client/index.js';
import { systemRandom } from '../../src/client/system.js';
import { ADMIN_TOKEN, type Running, run } from '../grpc/running.js';
import { Wire } from './wire.js';

// Processes that start on a busy machine, and the client's own waits.
jest.setTimeout(60_000);

/** What a test opens, closed after it in the opposite order. */
const opened: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

async function start(flags: Record<string, string> = {}): Promise<Running> {
  const running = await run(flags);
  opened.push(() => running.stop());
  return running;
}

function connect(server: string, options: SwitchyardOptions = {}): Switchyard {
  const yard = new Switchyard({ server, ...options });
  opened.push(() => yard.close());
  return yard;
}

async function wireTo(target: string): Promise<Wire> {
  const wire = await new Wire(target).mend();
  opened.push(() => wire.cut());
  return wire;
}

const uuid = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
const joinAs = (yard: Switchyard, number: number, options: Partial<InstanceOptions> = {}): Instance =>
  yard.join({ uuid: uuid(number), type: InstanceType.AGENT, name: `agent ${number}`, ...options });

/** The arguments of the next event of that name. */
function next(emitting: Pick<Instance, 'on'> | Pick<Network, 'on'>, name: string): Promise<unknown[]> {
  const { on } = emitting as { on(name: string, listener: (...args: unknown[]) => void): () => void };
  return new Promise((resolve) => {
    const off = on.call(emitting, name, (...args: unknown[]) => {
      off();
      resolve(args);
    });
  });
}

/** Everything that a replica tells of nodes, as words. */
function tell(network: Network): string[] {
  const told: string[] = [];
  network.on('nodeAdded', ({ name }) => told.push(`+${name}`));
  network.on('nodeRemoved', ({ name }) => told.push(`-${name}`));
  network.on('synced', () => told.push('synced'));
  return told;
}

/** Links two instances over both of their words. */
async function linkUp(one: Instance, other: Instance) {
  await one.linkEstablished(other.session!.cvid, LinkType.TRANSPORT_UDP);
  return other.linkEstablished(one.session!.cvid, LinkType.TRANSPORT_UDP);
}

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
      labels: { site: 'north' },
    });
    expect((await yard.findPath(session.cvid, session.serverCvid)).cvids).toEqual([session.cvid, session.serverCvid]);
    expect((await me.keepAlive()).ttl.seconds).toBe(BigInt(session.ttlMs / 1000));

    const gone = next(network, 'nodeRemoved');
    await me.leave();
    await gone;
    expect(told).toEqual(['+agent 1', '-agent 1']);
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
    await expect(other.terminateSession(cvid, 'envy')).rejects.toMatchObject({ reason: 'ADMIN_REQUIRED' });
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
    expect(told).toEqual(['+agent 1', '-agent 1', '+agent 1']);
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
    const names = Array.from({ length: 10 }, (_, number) => `+agent ${number + 10}`);
    expect([told[0], [...told.slice(1, -1)].sort(), told.at(-1)]).toEqual(['-agent 1', names, 'synced']);
  });

  it('a reader that stopped reading is left behind, begins again, and harms nobody', async () => {
    const { address } = await start({ 'history-revisions': '4' });
    const yard = connect(address);
    const reasons: (string | undefined)[] = [];
    const slow = connect(address).watchNetworkDelta({ onBreak: (error) => reasons.push(error.reason) });
    await slow.next();
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

describe('through restarts of the server', () => {
  let data: string;

  beforeEach(async () => {
    data = await mkdtemp(join(tmpdir(), 'switchyard-client-'));
    opened.push(() => rm(data, { recursive: true }));
  });

  it('a drain ends nothing: sessions, links and watches go on as if nothing had happened', async () => {
    let running = await run({ data, listen: `127.0.0.1:${await quietPort()}` });
    opened.push(() => running.stop());
    const yard = connect(running.address);
    const network = await yard.watchNetwork().synced();
    const [me, peer] = [joinAs(yard, 1), joinAs(yard, 2)];
    const [{ cvid, token }] = await Promise.all([me.attached(), peer.attached()]);
    await network.reached((await linkUp(me, peer)).position);
    const told = tell(network);
    const retries: (number | undefined)[] = [];
    me.on('broken', ({ retryAfterMs }) => retries.push(retryAfterMs));
    const again = Promise.all([next(me, 'attached'), next(peer, 'attached')]);

    await running.server.drain();
    await running.stop();
    running = await run({ data, listen: running.address });
    await again;
    // The server said when to come again, and was heard.
    expect(retries[0]).toBe(1_000);
    expect(me.session).toMatchObject({ cvid, token });
    const { position } = await joinAs(yard, 3).attached();
    await network.reached(position);
    expect(told).toEqual(['+agent 3']);
    expect(network.graph.equals((await connect(running.address).watchNetwork().synced()).graph)).toBe(true);
  });

  it('a kill -9 in the middle loses nothing that was acknowledged', async () => {
    const wire = { child: await serve(data, `127.0.0.1:${await quietPort()}`) };
    opened.push(() => wire.child.kill());
    const { address } = wire.child;
    // Little jitter: it is not what this is about, and twenty times up to 10 s is long.
    const yard = connect(address, { random: { ...systemRandom, fraction: () => 0.05 } });
    const network = await yard.watchNetwork().synced();
    const instances = Array.from({ length: 20 }, (_, number) => joinAs(yard, number));
    const sessions = await Promise.all(instances.map((instance) => instance.attached()));
    for (let round = 0; round < 2; round += 1) {
      const again = Promise.all(instances.map((instance) => next(instance, 'attached')));
      await wire.child.kill();
      wire.child = await serve(data, address);
      await again;
      const [one, other] = [instances[round]!, instances[round + 10]!];
      await network.reached((await linkUp(one, other)).position);
    }
    expect(instances.map(({ session }) => session?.token)).toEqual(sessions.map(({ token }) => token));
    expect(network.graph.size).toEqual({ nodes: 21, links: 22 });
    expect(network.graph.equals((await connect(address).watchNetwork().synced()).graph)).toBe(true);
  });

  it('a server that forgot everything is a new network: new sessions, a new picture', async () => {
    const running = await run({ listen: `127.0.0.1:${await quietPort()}` });
    const yard = connect(running.address);
    const network = await yard.watchNetwork().synced();
    const me = joinAs(yard, 1);
    const first = await me.attached();
    await network.reached(first.position);
    const lost = next(me, 'lost');
    const again = next(me, 'attached');
    const synced = next(network, 'synced');
    await running.stop();
    await start({ listen: running.address });
    expect(await lost).toMatchObject([{ reason: expect.stringMatching(/^SESSION_(EXPIRED|TOKEN_INVALID)$/) }]);
    await Promise.all([again, synced]);
    await network.reached(me.session!.position);
    expect(network.position?.epoch).not.toBe(first.position.epoch);
    expect([...network.graph.nodes()].map(({ instanceUuid }) => instanceUuid)).toContain(uuid(1));
    expect(network.graph.size).toEqual({ nodes: 2, links: 1 });
  });
});

/** A server in a process of its own, which can be killed. */
async function serve(data: string, listen: string) {
  const path = (relative: string) => new URL(relative, import.meta.url);
  const program = `
    import { run } from '${path('../grpc/running.ts').href}';
    const { address } = await run({ data: '${data}', listen: '${listen}' });
    console.log(address);
  `;
  const typescript = fileURLToPath(path('../../harness/typescript.mjs'));
  const args = ['--no-warnings', '--import', typescript, '--input-type=module', '--eval', program];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [address] = (await once(createInterface(child.stdout), 'line')) as [string];
  const exited = once(child, 'exit');
  return {
    address,
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

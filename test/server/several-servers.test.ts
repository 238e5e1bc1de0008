import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { WatchKind } from '../../gen/switchyard/v1/network.js';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { quietPort } from '../../harness/port.js';
import { type Instance, InstanceType, Switchyard } from '../../src/client/index.js';
import { BEAT_MS } from '../../src/cluster/limits.js';
import { SETTLE_MS } from '../../src/replica/attached-elsewhere.js';
import { SigningKey } from '../../src/trust/signing-key.js';
import { runCommand } from '../cli/command.js';
import { Wire } from '../client/worlds/wire.js';
import { agent, ask, asSession, open, type Running, run } from '../grpc/running.js';
import { EtcdProcess, lacksEtcd } from '../log/etcd-process.js';

const lacks = lacksEtcd();
if (lacks) process.stderr.write(`not checked: clients of several servers: ${lacks}\n`);

// An etcd starts here, beside everything else that a busy machine does.
jest.setTimeout(60_000);

(lacks ? describe.skip : describe)('clients of two servers that share a network', () => {
  let etcd: EtcdProcess;
  let count = 0;
  const closing: (() => unknown)[] = [];

  beforeAll(async () => {
    etcd = await EtcdProcess.start();
  });
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });
  afterAll(() => etcd.remove());

  /** A server that clients reach through a wire, which can be cut. */
  async function serve(network: string, name: string) {
    const listen = `127.0.0.1:${await quietPort()}`;
    const wire = await new Wire(listen).mend();
    closing.push(() => wire.cut());
    const flags = { ...{ journal: etcd.url, network, name, listen }, advertise: wire.address };
    const running = await run(flags);
    closing.push(() => running.stop());
    return { ...running, wire };
  }

  async function serveTwo() {
    const network = `several-${count++}`;
    const a = await serve(network, 'a');
    const b = await serve(network, 'b');
    await knowsBoth(a);
    return { a, b };
  }

  /** Waits until a server has heard of the other one. */
  async function knowsBoth(at: Running): Promise<void> {
    for (let number = 100; ; number++) {
      const { servers } = await ask(at, Sessions.session, agent(number));
      if (servers.length === 2) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  function connect(server: string | string[]): Switchyard {
    const yard = new Switchyard({ server });
    closing.push(() => yard.close());
    return yard;
  }

  const join = (yard: Switchyard, number: number): Instance =>
    yard.join({ uuid: agent(number).instanceUuid, type: InstanceType.AGENT, name: `agent ${number}` });

  it('carries a session and a watch on at the other server, told of it by the first, when that one is cut off', async () => {
    const { a, b } = await serveTwo();
    const yard = connect(a.wire.address);
    const instance = join(yard, 1);
    const { cvid, token } = await instance.attached();
    const watched = instance.watchNetwork();
    await watched.synced();
    const resets: number[] = [];
    watched.on('synced', () => resets.push(1));

    const again = new Promise((resolve) => instance.on('attached', resolve));
    const startMs = performance.now();
    a.wire.cut();
    await again;
    expect(performance.now() - startMs).toBeLessThan(10_000);
    expect([instance.session?.cvid, instance.session?.token]).toEqual([cvid, token]);
    const { instanceSid } = await ask(b, Sessions.session, agent(2));
    while (watched.graph.node(instanceSid) === undefined)
      await new Promise((resolve) => watched.on('nodeAdded', resolve));
    expect(resets).toEqual([]);
  });

  it('lets clients name the network as the servers do with --network, in calls and in proofs, and no other', async () => {
    const { a } = await serveTwo();
    const network = `several-${count - 1}`;
    const key = SigningKey.generate();
    for (const [number, named] of [network, 'default', undefined].entries()) {
      const yard = new Switchyard({ server: a.address, network: named });
      closing.push(() => yard.close());
      const instance = yard.join({ uuid: agent(number + 1).instanceUuid, type: InstanceType.AGENT, name: '', key });
      await instance.attached();
      expect((await yard.getNode(instance.session!.cvid)).node.instanceUuid).toBe(agent(number + 1).instanceUuid);
    }
    const other = new Switchyard({ server: a.address, network: 'another' });
    closing.push(() => other.close());
    await expect(other.getServer()).rejects.toMatchObject({ reason: 'NETWORK_NOT_FOUND' });
  });

  it('lets an attachment go to the other server without a wait when its own one drains', async () => {
    const { a, b } = await serveTwo();
    const yard = connect(a.wire.address);
    const instance = join(yard, 1);
    const { cvid } = await instance.attached();
    const rests: number[] = [];
    const reasons: unknown[] = [];
    instance.on('broken', (error, delayMs) => {
      reasons.push([error.reason, error.retryAfterMs, error.metadata.servers]);
      rests.push(delayMs);
    });
    const again = new Promise((resolve) => instance.on('attached', resolve));
    const down = a.server.drain();
    await again;
    await down;
    expect(reasons[0]).toEqual(['DRAINING', 0, b.wire.address]);
    expect(rests[0]).toBe(0);
    expect(instance.session?.cvid).toBe(cvid);
  });

  it('says at each server which sessions are attached at the other, and tells it once', async () => {
    const { a, b } = await serveTwo();
    const watching = open(b, Sessions.watchSessions, { after: undefined, cvids: [] });
    await watching.until(({ kind }) => kind === WatchKind.SNAPSHOT_END);
    const { instanceSid, sessionToken } = await ask(a, Sessions.session, agent(1));
    const attach = async (at: Running) => {
      const attachment = open(at, Sessions.attach, {}, asSession(sessionToken));
      await attachment.next();
      return attachment;
    };
    const told: string[] = [];
    const read = async (last: string) => {
      while (told.at(-1) !== last) told.push(...(await watching.next()).changes.map(({ kind }) => kind!.$case));
    };
    const saidBy = async (at: Running) => (await connect(at.address).getSession(instanceSid)).session.attached;
    const first = await attach(a);
    await read('attached');
    expect(await Promise.all([a, b].map(saidBy))).toEqual([true, true]);
    const { out } = await runCommand(['sessions', '--server', b.address]);
    expect(out).toMatch(new RegExp(`\\b${instanceSid} .* yes `));
    const second = await attach(b);
    expect(await first.ending()).toBeDefined();
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS + 2 * BEAT_MS));
    expect(await Promise.all([a, b].map(saidBy))).toEqual([true, true]);
    second.call.cancel();
    await read('detached');
    for (const untilMs = performance.now() + 10_000; (await saidBy(a)) && performance.now() < untilMs; ) {
      await new Promise((resolve) => setTimeout(resolve, BEAT_MS));
    }
    expect(await Promise.all([a, b].map(saidBy))).toEqual([false, false]);
    expect(told).toEqual(['opened', 'attached', 'detached']);
    watching.call.cancel();
  });

  it('carries the blocks of a stream to a sink at the other server, and what it confirms back', async () => {
    const { a, b } = await serveTwo();
    const [source, sink] = [join(connect(a.address), 1), join(connect(b.address), 2)];
    await Promise.all([source.attached(), sink.attached()]);
    const settings = { deliveryConfirmation: true };
    const { stream } = await source.createStream([sink.session!.cvid], settings);
    const { id, sinks } = stream;
    await ask(b, Sessions.session, agent(50));
    const from = await source.openSource(id);
    const to = await sink.openSink(sinks[0].id);
    expect(to.channel).toBe(from.channel);
    const sent = Array.from({ length: 200 }, (_, nth) => Buffer.alloc(50_000, nth));
    const writing = (async () => {
      for (const block of sent) await from.write(block);
      await from.finish();
    })();
    const got: Buffer[] = [];
    for await (const block of to) got.push(Buffer.from(block));
    await writing;
    expect(Buffer.concat(got).equals(Buffer.concat(sent))).toBe(true);
    expect(from.confirmedBlocks).toBe(200);
  });

  it('delivers nothing at the other server after it was answered that a stream has stopped', async () => {
    const { a, b } = await serveTwo();
    const [source, sink] = [join(connect(a.address), 1), join(connect(b.address), 2)];
    await Promise.all([source.attached(), sink.attached()]);
    const { stream } = await source.createStream([sink.session!.cvid]);
    const from = await source.openSource(stream.id);
    const to = await sink.openSink(stream.sinks[0].id);
    await from.write(Buffer.from('first'));
    const blocks = to[Symbol.asyncIterator]();
    expect(String((await blocks.next()).value)).toBe('first');
    const { position } = await source.terminateStream(stream.id);
    // The other server has applied it by now.
    const { position: there } = await connect(b.address).getSession(sink.session!.cvid);
    expect(there.revision).toBeGreaterThanOrEqual(position.revision);
    await expect(blocks.next()).rejects.toMatchObject({ reason: 'STREAM_STOPPED' });
  });

  it('connects instances at two servers directly, and over the relay', async () => {
    const { a, b } = await serveTwo();
    const handlers = {
      accept: () => true,
      accepted: (stream: NodeJS.ReadWriteStream) => void stream.pipe(stream),
    };
    const yard = connect(b.address);
    const peer = yard.join({ uuid: agent(2).instanceUuid, type: InstanceType.AGENT, handlers });
    const caller = join(connect(a.address), 1);
    const [{ cvid }] = await Promise.all([peer.attached(), caller.attached()]);
    const relayed = await caller.connect(cvid, { relayOnly: true });
    relayed.end('through both servers');
    expect([await text(relayed), relayed.path]).toEqual(['through both servers', 'relayed']);
    const direct = await caller.connect(cvid, { fallback: 'none' });
    direct.end('past them');
    expect([await text(direct), direct.path]).toEqual(['past them', 'direct']);
  });

  it('replays a topology at both, and compares the graph of a watcher at each with it', async () => {
    const { a, b } = await serveTwo();
    const at = ['--server', `${a.address},${b.address}`];
    const node = (id: string) => ({ id, properties: { firstseen: '2024-01-01T00:00:00Z' } });
    const [nodes, links] = [['x', 'y', 'z'].map(node), [{ source: 'x', target: 'y', cost: 1 }]];
    const mesh = { type: 'NetworkGraph', protocol: 'batman', version: '1', metric: 'etx', nodes, links };
    const { status, err } = await runCommand(['replay', 'mesh', ...at], { readFile: () => JSON.stringify(mesh) });
    expect({ status, err }).toMatchObject({
      status: 0,
      err: expect.stringContaining(
        'independent watchers at 2 servers each have 3 nodes and 1 link, all as in the file',
      ),
    });
  });

  it('finds the one that lives among those that it was given', async () => {
    const { a, b } = await serveTwo();
    a.wire.cut();
    const yard = connect([a.wire.address, b.wire.address]);
    const instance = join(yard, 1);
    await instance.attached();
    expect((await yard.getSession(instance.session!.cvid)).session.cvid).toBe(instance.session!.cvid);
  });
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { NetworkServiceService as Networks } from '../../gen/switchyard/v1/network_service.js';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { type Instance, InstanceType, Switchyard } from '../../src/client/index.js';
import { StopReason } from '../../src/core/model/stream.js';
import { WatchKind } from '../../src/system/encode/delta-topic.js';
import { ADMIN_TOKEN, asAdmin, ask, asSession, type Running, refused, run } from '../grpc/running.js';
import { agent, type Talk, talk } from './talking.js';

describe.each(['tcp', 'ws'])('system events over %s', (scheme) => {
  let at: Running;
  let url: string;
  let number = 0;
  beforeAll(async () => {
    at = await run({ [`system-${scheme}-listen`]: '127.0.0.1:0' });
    url = `${scheme}://${at.server.addresses[scheme]}`;
  });
  afterAll(() => at.stop());

  const joined = async (watch?: Parameters<typeof agent>[0] extends never ? never : object) => {
    const one = await talk(url);
    const session = await one.client.ask('Session', { ...agent(++number), watch });
    return { ...one, session };
  };
  const leave = async ({ client }: Talk) => {
    client.close();
    await client.closed;
  };

  it('opens a session that gRPC sees as any other, and that is attached', async () => {
    const one = await joined();
    const { instanceSid, serverSid, sessionToken, streamId } = one.session;
    expect([instanceSid > 0, streamId > 0, sessionToken.startsWith('sw1_')]).toEqual([true, true, true]);
    const { session } = await ask(at, Sessions.getSession, { cvid: instanceSid });
    expect(session).toMatchObject({ cvid: instanceSid, attached: true, instanceType: InstanceType.AGENT });
    const { node } = await ask(at, Networks.getNode, { cvid: instanceSid });
    expect(node).toMatchObject({ parent: serverSid, links: [{ peerCvid: serverSid }] });
    await leave(one);
  });

  it('takes what is sent behind Session in one write, once the session is open or refused', async () => {
    const [sink, one] = [await joined(), await talk(url)];
    const stream = { sinkCvids: [sink.session.instanceSid] };
    const said = await Promise.allSettled([
      one.client.ask('Session', { ...agent(1), instanceType: 1 }),
      one.client.ask('CreateStream', stream),
      one.client.ask('Session', agent(++number)),
      one.client.ask('CreateStream', stream),
      one.client.ask('Open', {}),
      one.client.ask('Session', agent(++number)),
    ]);
    expect(said).toMatchObject([
      { reason: { reason: 'FIELD_INVALID' } },
      { reason: { reason: 'SESSION_TOKEN_MISSING' } },
      { value: { instanceSid: expect.any(Number) } },
      { value: { stream: { sinks: [{ cvid: sink.session.instanceSid }] } } },
      { status: 'fulfilled' },
      { reason: { reason: 'OUT_OF_ORDER' } },
    ]);
    await Promise.all([leave(one), leave(sink)]);
  });

  it('refuses a bad request with every wrong field, by the reasons that gRPC clients see', async () => {
    const one = await talk(url);
    const bad = { ...agent(1), instanceType: 1, instanceFlavor: 99, name: 'x'.repeat(200) };
    await expect(one.client.ask('Session', bad)).rejects.toMatchObject({
      reason: 'FIELD_INVALID',
      violations: [{ field: 'instance_type' }, { field: 'instance_flavor' }, { field: 'name' }],
    });
    await expect(one.client.ask('StopStream', { id: 1 })).rejects.toMatchObject({ reason: 'SESSION_TOKEN_MISSING' });
    await leave(one);
  });

  it('sends the snapshot and then every revision, those that gRPC clients caused too', async () => {
    const one = await joined({ deltas: true });
    const first = await one.deltas.next();
    expect([first.kind, first.nodeAdded?.length ?? 0]).toEqual([WatchKind.SNAPSHOT, expect.any(Number)]);
    const end = await one.deltas.until(({ kind }) => kind === WatchKind.SNAPSHOT_END);
    const { instanceSid } = await ask(at, Sessions.session, {
      instanceUuid: `10000000-0000-4000-8000-${String(++number).padStart(12, '0')}`,
      instanceType: 3,
      instanceFlavor: 0,
      ttl: undefined,
      name: 'over gRPC',
      labels: { site: 'aachen' },
    });
    const delta = await one.deltas.until(({ kind }) => kind === WatchKind.DELTA);
    expect(delta).toMatchObject({
      nodeAdded: [{ cvid: instanceSid, name: 'over gRPC', labels: [{ key: 'site', value: 'aachen' }] }],
      linkAdded: [{}],
      position: { revision: end.position.revision + 1 },
    });
    await leave(one);
  });

  it('goes on with its watch over a new connection, without a gap', async () => {
    const one = await joined({ deltas: true });
    const { position } = await one.deltas.until(({ kind }) => kind === WatchKind.SNAPSHOT_END);
    await leave(one);
    const other = await joined();
    const again = await talk(url);
    const watch = { deltas: true, after: position };
    await again.client.ask('KeepAlive', { sessionToken: one.session.sessionToken, watch });
    const delta = await again.deltas.next();
    expect(delta).toMatchObject({ nodeAdded: [{ cvid: other.session.instanceSid }], kind: WatchKind.DELTA });
    await Promise.all([leave(again), leave(other)]);
  });

  it('hears only of the nodes that it named', async () => {
    const target = await joined();
    const cvids = [target.session.instanceSid];
    const one = await joined({ deltas: true, endpointsClosed: true, cvids });
    await one.deltas.until(({ kind }) => kind === WatchKind.SNAPSHOT_END);
    const other = await joined();
    await other.client.ask('TerminateSession', {});
    await target.client.ask('TerminateSession', {});
    expect((await one.deltas.next()).nodeRemoved).toEqual([{ cvid: cvids[0] }]);
    expect(await one.ends.next()).toMatchObject({ cvid: cvids[0], reason: 2 });
    await leave(one);
  });

  it('creates, changes, stops and terminates a stream', async () => {
    const [one, sink] = [await joined(), await joined()];
    const sinkCvids = [sink.session.instanceSid];
    const { stream } = await one.client.ask('CreateStream', { params: { name: 'before', timeoutMs: 5000 }, sinkCvids });
    expect(stream).toMatchObject({ ownerCvid: one.session.instanceSid, sinks: [{ cvid: sinkCvids[0] }] });
    const { id } = stream;
    const changed = await one.client.ask('UpdateStreamParams', { id, params: { name: 'after' } });
    expect(changed.stream.params).toMatchObject({ name: 'after', timeoutMs: 5000 });
    const wrong = one.client.ask('UpdateStreamParams', { id, params: { maxBlockBytes: 99_999_999 } });
    await expect(wrong).rejects.toMatchObject({ violations: [{ field: 'params.max_block_bytes' }] });
    await expect(sink.client.ask('TerminateStream', { id })).rejects.toMatchObject({ reason: 'NOT_STREAM_OWNER' });
    const branch = stream.sinks![0].id;
    const would = await sink.client.ask('StopStream', { id: branch, validateOnly: true });
    expect(would).toMatchObject({ result: 0, stoppedIds: [id, branch] });
    await one.client.ask('TerminateStream', { id });
    expect(await sink.stops.next()).toMatchObject({ id: branch, reason: StopReason.TERMINATED });
    expect((await sink.client.ask('StopStream', { id: branch })).result).toBe(1);
    await expect(one.client.ask('TerminateStream', { id })).rejects.toMatchObject({ reason: 'STREAM_NOT_FOUND' });
    await Promise.all([leave(one), leave(sink)]);
  });

  it('refuses to end the session of another with the reason and the words of gRPC, and says where it can be done', async () => {
    const [one, other] = [await joined(), await joined()];
    const cvid = other.session.instanceSid;
    const there = await refused(
      ask(at, Sessions.terminateSession, { cvid, reason: '' }, asSession(one.session.sessionToken)),
    );
    const message = 'session.terminate needs the metadata switchyard-admin';
    expect(there).toMatchObject({ reason: 'ADMIN_REQUIRED', message: expect.stringContaining(message) });
    const here = one.client.ask('TerminateSession', { cvid });
    await expect(here).rejects.toMatchObject({
      reason: 'ADMIN_REQUIRED',
      // Here is no metadata that a caller could send.
      message: expect.stringContaining(`${message}: call TerminateSession over gRPC`),
    });
    await Promise.all([leave(one), leave(other)]);
  });

  it('ends its session: the answer first, then session and connection', async () => {
    const one = await joined();
    const { position } = await one.client.ask('TerminateSession', {});
    expect(position?.revision).toBeGreaterThan(0);
    expect(await one.client.closed).toBeUndefined();
    const gone = ask(at, Sessions.getSession, { cvid: one.session.instanceSid });
    await expect(gone).rejects.toMatchObject({ code: 5 });
    expect(one.ends.count).toBe(0);
  });

  it('is ended by an administrator: it is asked, answers, and is over', async () => {
    let said: string | undefined;
    const one = await talk(url, { terminated: (reason) => void (said = reason) });
    const { instanceSid } = await one.client.ask('Session', agent(++number));
    const request = { cvid: instanceSid, reason: 'maintenance' };
    await ask(at, Sessions.terminateSession, request, asAdmin());
    expect(await one.client.closed).toMatchObject({ reason: 'SESSION_TERMINATED' });
    expect(said).toBe('maintenance');
  });

  it('is told why when its session ends otherwise, and the connection is closed', async () => {
    const one = await joined();
    const newer = await talk(url);
    const { instanceUuid } = agent(number);
    await newer.client.ask('Session', { instanceUuid, instanceType: 2 });
    expect(await one.ends.next()).toMatchObject({ cvid: one.session.instanceSid, reason: 1 });
    await one.client.closed;
    await leave(newer);
  });

  it('gives the newer connection of a session the place of the older', async () => {
    const one = await joined();
    const newer = await talk(url);
    await newer.client.ask('KeepAlive', { sessionToken: one.session.sessionToken });
    expect(await one.client.closed).toMatchObject({ reason: 'ATTACHMENT_REPLACED' });
    await newer.client.ask('KeepAlive', {});
    await leave(newer);
  });

  it('answers again, and does not do again, what comes again over a new connection', async () => {
    const [one, sink] = [await joined(), await joined()];
    const request = { sinkCvids: [sink.session.instanceSid] };
    const first = await one.client.ask('CreateStream', request, 77);
    await leave(one);
    const again = await talk(url);
    await again.client.ask('KeepAlive', { sessionToken: one.session.sessionToken }, 1000);
    expect(await again.client.ask('CreateStream', request, 77)).toEqual(first);
    const other = again.client.ask('StopStream', { id: 5 }, 77);
    await expect(other).rejects.toMatchObject({ reason: 'OUT_OF_ORDER' });
    const second = await again.client.ask('CreateStream', request, 78);
    expect(second.stream.id).not.toBe(first.stream.id);
    await Promise.all([leave(again), leave(sink)]);
  });

  it('has many requests in flight at once', async () => {
    const [one, sink] = [await joined(), await joined()];
    const sinkCvids = [sink.session.instanceSid];
    const created = await Promise.all(Array.from({ length: 60 }, () => one.client.ask('CreateStream', { sinkCvids })));
    expect(new Set(created.map(({ stream }) => stream.id)).size).toBe(60);
    await Promise.all([leave(one), leave(sink)]);
  });

  it('lists every adapter with its real address, and filters', async () => {
    const one = await talk(url);
    const { transports = [] } = await one.client.ask('EnumerateTransport', {});
    expect(transports.map(({ codeName }) => codeName)).toEqual(['exchange', 'grpc', scheme]);
    expect(transports.find(({ codeName }) => codeName === scheme)).toMatchObject({
      addresses: [at.server.addresses[scheme]],
      encrypted: false,
    });
    expect(await one.client.ask('EnumerateTransport', { codeName: 'tls' })).toMatchObject({ transports: undefined });
    expect(await one.client.ask('EnumerateTransport', { encrypted: true })).toMatchObject({ transports: undefined });
    const wrong = one.client.ask('EnumerateTransport', { codeName: 'pigeon' });
    await expect(wrong).rejects.toMatchObject({ violations: [{ field: 'code_name' }] });
    await leave(one);
  });

  it('asks a peer for a direct connection, which is told where to dial', async () => {
    const one = await joined();
    const told: object[] = [];
    const peer = await talk(url, {
      connection: (order) => {
        told.push(order);
        return {};
      },
    });
    const { instanceSid } = await peer.client.ask('Session', agent(++number));
    const { request } = await one.client.ask('DirectConnection', { cvid: instanceSid, type: 1, port: 4711 });
    for (const type of [undefined, 0]) {
      const forgotten = one.client.ask('DirectConnection', { cvid: instanceSid, type, port: 4711 });
      await expect(forgotten).rejects.toThrow('type: a type is needed: 0 (CONTROL_TCP) is the link of a session');
    }
    expect(request).toMatchObject({ peerCvid: instanceSid, role: 2, port: 4711 });
    expect(told).toMatchObject([{ peerCvid: one.session.instanceSid, role: 1, host: '127.0.0.1', port: 4711 }]);
    expect(told[0]).toHaveProperty('connectionId', request.connectionId);
    const other = await joined();
    const refused = one.client.ask('DirectConnection', { cvid: other.session.instanceSid, type: 1, port: 4711 });
    await expect(refused).rejects.toMatchObject({ reason: 'PEER_REFUSED' });
    const nobody = one.client.ask('DirectConnection', {
      cvid: one.session.serverSid + 8,
      type: 1,
      port: 70_000 % 65_536,
    });
    await expect(nobody).rejects.toMatchObject({ reason: expect.any(String) });
    await Promise.all([leave(one), leave(peer), leave(other)]);
  });

  it("passes each end's endorsement of its key on to the other as it is", async () => {
    const bytes = (fill: number, length: number) => new Uint8Array(length).fill(fill);
    const told: { role?: number; peerEndorsement?: Uint8Array }[] = [];
    const end = (brought: object) =>
      talk(url, {
        connection: (order) => {
          told.push(order);
          if (order.role !== 3) throw new Error('it is enough to be told');
          return brought;
        },
      });
    const one = await end({});
    const peer = await end({ publicKey: bytes(2, 44), endorsement: bytes(4, 100) });
    await one.client.ask('Session', agent(++number));
    const { instanceSid: cvid } = await peer.client.ask('Session', agent(++number));
    const asked = { cvid, type: 1, publicKey: bytes(1, 44) };
    const tooLong = one.client.ask('DirectConnection', { ...asked, endorsement: bytes(3, 257) });
    await expect(tooLong).rejects.toThrow(/endorsement/);
    await one.client.ask('DirectConnection', { ...asked, endorsement: bytes(3, 256) });
    while (!told.some(({ role }) => role === 4)) await new Promise((resolve) => setTimeout(resolve, 10));
    const endorsementAt = (wanted: number) => Buffer.from(told.find(({ role }) => role === wanted)!.peerEndorsement!);
    expect(endorsementAt(3)).toEqual(Buffer.alloc(256, 3));
    expect(endorsementAt(4)).toEqual(Buffer.alloc(100, 4));
    await Promise.all([leave(one), leave(peer)]);
  });

  describe('data of streams', () => {
    let yard: Switchyard;
    let instance: Instance;
    beforeAll(async () => {
      yard = new Switchyard({ server: at.address, adminToken: ADMIN_TOKEN });
      instance = yard.join({ uuid: '20000000-0000-4000-8000-000000000001', type: InstanceType.AGENT });
      await instance.attached();
    });
    afterAll(() => yard.close());

    it('goes from packets to gRPC, in order', async () => {
      const one = await joined();
      const sinkCvids = [instance.session!.cvid];
      const { stream } = await one.client.ask('CreateStream', { sinkCvids });
      const sink = await instance.openSink(stream.sinks![0].id);
      const sent = Array.from({ length: 200 }, (_, n) => `block ${n}`);
      for (const text of sent) await one.client.sendBlock(stream.id, Buffer.from(text));
      const read: string[] = [];
      for await (const block of sink) if (read.push(Buffer.from(block).toString()) === sent.length) break;
      expect(read).toEqual(sent);
      await leave(one);
    });

    it('goes from gRPC to packets, compressed where the stream asks for it', async () => {
      const one = await joined();
      const settings = { compression: 1, deliveryConfirmation: true };
      const { stream } = await instance.createStream([one.session.instanceSid], settings);
      const id = stream.sinks[0].id;
      expect((await one.client.ask('Open', { id })).stream).toMatchObject({ id: stream.id });
      const source = await instance.openSource(stream.id);
      const sent = ['1', 'short', 'long '.repeat(1000)];
      for (const text of sent) await source.write(Buffer.from(text));
      await source.finish();
      for (const text of sent) expect(await one.blocks.next()).toEqual({ id, text });
      expect(source.confirmedBlocks).toBe(3);
      await leave(one);
    });

    it('has at least 1 byte in each block, which is refused with its field otherwise', async () => {
      const one = await joined();
      const { stream } = await one.client.ask('CreateStream', { sinkCvids: [instance.session!.cvid] });
      const empty = one.client.sendBlock(stream.id, Buffer.of(), { confirm: true });
      await expect(empty).rejects.toMatchObject({ reason: 'FIELD_INVALID', violations: [{ field: 'body' }] });
      await leave(one);
    });

    it('is answered to its source once it is taken, where no sink confirms it', async () => {
      const [one, sink] = [await joined(), await joined()];
      await sink.client.ask('Open', {});
      const { stream } = await one.client.ask('CreateStream', { sinkCvids: [sink.session.instanceSid] });
      const sent = Array.from({ length: 50 }, (_, at) => `block ${at}`);
      await Promise.all(sent.map((text) => one.client.sendBlock(stream.id, Buffer.from(text), { confirm: true })));
      for (const text of sent) expect(await sink.blocks.next()).toMatchObject({ text });
      await Promise.all([leave(one), leave(sink)]);
    });

    it('is confirmed to its source when every sink has confirmed', async () => {
      const [one, sink] = [await joined(), await joined()];
      await sink.client.ask('Open', {});
      const sinkCvids = [sink.session.instanceSid];
      const { stream } = await one.client.ask('CreateStream', { params: { deliveryConfirmation: true }, sinkCvids });
      await one.client.sendBlock(stream.id, Buffer.from('a'), { confirm: true });
      expect(await sink.blocks.next()).toMatchObject({ text: 'a' });
      await expect(one.client.sendBlock(999_999, Buffer.from('b'), { confirm: true })).rejects.toMatchObject({
        reason: 'STREAM_NOT_FOUND',
      });
      await one.client.sendBlock(one.session.streamId, Buffer.from('to the server'), { confirm: true });
      await Promise.all([leave(one), leave(sink)]);
    });
  });
});

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Instance, InstanceType, type PeerStream, Switchyard } from '../../src/client/index.js';
import { type Running, run } from '../grpc/running.js';
import { IS_LONG, itLong } from '../long.js';
import { OldServer } from './old-server.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TARBALL = fileURLToPath(new URL('0.1.0/switchyard-0.1.0.tgz', import.meta.url));
const NORTH_UUID = '00000000-0000-4000-8000-000000000001';
const SOUTH_UUID = '00000000-0000-4000-8000-000000000002';

/** Words come back from a peer that echoes, and both ways end. */
async function expectEcho(stream: PeerStream, times = 20_000) {
  const words = 'through the old '.repeat(times);
  stream.end(words);
  expect((await text(stream)) === words).toBe(true);
}

describe("today's client with the server of release 0.1.0", () => {
  let old: OldServer;
  let yard: Switchyard;
  let north: Instance;
  let south: Instance;

  beforeAll(async () => {
    old = await OldServer.unpack(TARBALL, ROOT);
    yard = new Switchyard({ server: await old.serve(':memory:', '--attempts-per-connection-max', '1') });
    const handlers = { accept: () => true, accepted: (stream: PeerStream) => void stream.pipe(stream) };
    north = yard.join({ uuid: NORTH_UUID, type: InstanceType.AGENT, name: 'north' });
    south = yard.join({ uuid: SOUTH_UUID, type: InstanceType.AGENT, name: 'south', handlers });
    await Promise.all([north.attached(), south.attached()]);
  });
  afterAll(async () => {
    await yard?.close();
    await old?.remove();
  });

  it('joins, and sees who comes in its picture of the network', async () => {
    const network = yard.watchNetwork();
    await network.current();
    expect([...network.graph.nodes()].map(({ name }) => name)).toEqual(expect.arrayContaining(['north', 'south']));
    await network.close();
  });

  it('carries the blocks of a stream, and hears that they are taken', async () => {
    const { cvid } = south.session!;
    const { stream } = await north.createStream([cvid], { name: 'mixed', deliveryConfirmation: true });
    const sink = await south.openSink(stream.sinks[0]!.id, { blocks: 0 });
    const source = await north.openSource(stream.id, { blocks: 0 });
    await source.write(Buffer.from('one'));
    const finished = source.finish();
    const blocks: string[] = [];
    for await (const block of sink) blocks.push(Buffer.from(block).toString());
    await finished;
    expect([blocks, source.confirmedBlocks]).toEqual([['one'], 1]);
  });

  it('connects to a peer, whatever path the server of then finds', async () => {
    await expectEcho(await north.connect(south.session!.cvid));
  });

  it('connects to a peer through the server, which makes streams that only the oldest form of relayed bytes can use', async () => {
    const stream = await north.connect(south.session!.cvid, { relayOnly: true });
    expect([stream.path, stream.endToEnd]).toEqual(['relayed', false]);
    await expectEcho(stream, IS_LONG ? 400_000 : 20_000);
  });

  itLong('stops a stream, which its sink hears', async () => {
    const { stream } = await north.createStream([south.session!.cvid], { name: 'to be stopped' });
    const stopped = new Promise((resolve) => south.on('streamStopped', resolve));
    await north.terminateStream(stream.id);
    expect(await stopped).toMatchObject({ id: stream.sinks[0]!.id });
  });
});

describe("today's client, when the server of release 0.1.0 is upgraded under it", () => {
  itLong('keeps its session, and hears of news in the same picture of the network', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'switchyard-upgrade-'));
    const old = await OldServer.unpack(TARBALL, ROOT);
    const address = await old.serve(folder);
    const yard = new Switchyard({ server: address });
    let upgraded: Running | undefined;
    try {
      const north = yard.join({ uuid: NORTH_UUID, type: InstanceType.AGENT, name: 'north' });
      const before = await north.attached();
      const network = yard.watchNetwork();
      await network.current();
      await old.stop();
      upgraded = await run({ listen: address, data: folder });
      const south = yard.join({ uuid: SOUTH_UUID, type: InstanceType.AGENT, name: 'south' });
      await network.reached((await south.attached()).position);
      expect([...network.graph.nodes()].map(({ name }) => name)).toEqual(expect.arrayContaining(['north', 'south']));
      await north.keepAlive();
      expect(await north.attached()).toMatchObject({ cvid: before.cvid, token: before.token });
    } finally {
      await yard.close();
      await upgraded?.stop();
      await old.remove();
      await rm(folder, { recursive: true, force: true });
    }
  });
});

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Order } from '../../../gen/switchyard/v1/session.js';
import {
  type ConnectionRecord,
  ConnectionState,
  type ConnectOptions,
  type Instance,
  LinkType,
  PathKind,
  type PeerStream,
  Switchyard,
} from '../../../src/client/index.js';
import { type Running, run } from '../../grpc/running.js';
import { BlindChannel } from '../worlds/blind-channel.js';

let at: Running;
let channel: BlindChannel;
let yard: Switchyard;

beforeEach(async () => {
  at = await run({ 'attempts-per-connection-max': '1' });
  channel = new BlindChannel(at.address);
  yard = new Switchyard({ channel });
});
afterEach(async () => {
  await yard.close();
  await at.stop();
});

/** Two instances, and a connection between them that goes through the server because neither found the other. */
async function relayed(upgradeAfterMs: number, { transport = 'tcp', fallback = 'immediate' }: ConnectOptions = {}) {
  const caller = yard.join({ uuid: randomUUID(), type: 2 });
  let take: (stream: PeerStream) => void = () => {};
  const taken = new Promise<PeerStream>((resolve) => {
    take = resolve;
  });
  const peer = yard.join({ uuid: randomUUID(), type: 2, handlers: { accept: () => true, accepted: take } });
  await caller.attached();
  const { cvid } = await peer.attached();
  const near = await caller.connect(cvid, { upgradeAfterMs, transport, fallback });
  const far = await taken;
  expect([near.path, far.path]).toEqual(['relayed', 'relayed']);
  return { caller, peer, near, far };
}

/** Writes numbers, one after the other, until told to stop; resolves with how many. */
function counting(stream: PeerStream) {
  let stopped = false;
  const written = (async () => {
    for (let n = 0; ; n++) {
      if (stopped) return n;
      const line = Buffer.alloc(4);
      line.writeUInt32BE(n);
      if (!stream.write(line)) await once(stream, 'drain');
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  })();
  return () => {
    stopped = true;
    return written;
  };
}

/** Reads to the end, and holds every number to be the next; resolves with how many came. */
async function counted(stream: PeerStream): Promise<number> {
  let held = Buffer.alloc(0);
  let next = 0;
  stream.on('data', (bytes: Buffer) => {
    held = Buffer.concat([held, bytes]);
    for (; held.length >= 4; held = held.subarray(4)) expect(held.readUInt32BE()).toBe(next++);
  });
  await once(stream, 'end');
  expect(held).toHaveLength(0);
  return next;
}

/** The record of a connection once it is as wanted. */
async function recordOnce(instance: Instance, id: string, isSo: (record: ConnectionRecord) => boolean) {
  for (;;) {
    const { connection } = await instance.getConnection(id);
    if (isSo(connection)) return connection;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Waits until the server knows, and looks at what it shows: the path, the link, and no streams any more. */
async function isDirect(caller: Instance, peer: Instance, id: string, link: LinkType): Promise<void> {
  const now = await recordOnce(caller, id, ({ state }) => state !== ConnectionState.RELAYED);
  expect(now).toMatchObject({ state: ConnectionState.ESTABLISHED, path: PathKind.DIRECT });
  const network = yard.watchNetwork();
  await network.synced();
  await network.reached((await caller.getNode(caller.session!.cvid)).position);
  expect(network.graph.hasLink(caller.session!.cvid, peer.session!.cvid, link)).toBe(true);
  network.close();
  for await (const { params } of caller.listStreams()) expect(params?.name).not.toBe(`connection ${id}`);
}

describe('a relayed connection', () => {
  it.each([
    ['tcp', LinkType.TRANSPORT_TCP],
    ['udp', LinkType.TRANSPORT_UDP],
  ] as const)(
    'moves to a direct path over %s, with every byte once and in order, and both ends are told',
    async (transport, link) => {
      const { caller, peer, near, far } = await relayed(300, { transport });
      channel.isBlind = false;
      const [stopNear, stopFar] = [counting(near), counting(far)];
      const [fromNear, fromFar] = [counted(far), counted(near)];
      const moved = Promise.all([near, far].map((stream) => once(stream, 'path')));
      const [[nearPath], [farPath]] = (await moved) as [[{ path: string; roundTripMs: number }], [{ path: string }]];
      expect([nearPath.path, farPath.path, near.path, far.path]).toEqual(Array(4).fill('direct'));
      expect(near.roundTripMs).toBe(nearPath.roundTripMs);
      expect(near.roundTripMs).toBeGreaterThan(0);
      await isDirect(caller, peer, near.connectionId, link);
      const [sentNear, sentFar] = await Promise.all([stopNear(), stopFar()]);
      near.end();
      expect(await fromNear).toBe(sentNear);
      far.end();
      expect(await fromFar).toBe(sentFar);
      expect(sentNear).toBeGreaterThan(0);
    },
  );

  it('is tried again after an attempt that failed, and stays as it is meanwhile', async () => {
    const { caller, near, far } = await relayed(100);
    const reading = counted(far);
    const stop = counting(near);
    near.resume();
    await recordOnce(caller, near.connectionId, ({ attempts }) => (attempts.at(-1)?.number ?? 0) >= 2);
    expect(near.path).toBe('relayed');
    channel.isBlind = false;
    await once(near, 'path');
    const sent = await stop();
    near.end();
    expect(await reading).toBe(sent);
    far.end();
    await once(near, 'close');
  });

  it('stays relayed when an end is an older one, which relays bytes as they are', async () => {
    channel.change = unframed;
    // As with such a server: an attempt has said which end is to look for a path before the relay is ordered.
    const { near, far } = await relayed(1, { fallback: 'late' });
    channel.isBlind = false;
    const reading = counted(far);
    const stop = counting(near);
    for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate);
    const sent = await stop();
    near.end();
    expect(await reading).toBe(sent);
    expect([near.path, far.path]).toEqual(['relayed', 'relayed']);
    expect([near.endToEnd, far.endToEnd]).toEqual([false, false]);
    near.resume();
    far.end();
    await once(near, 'close');
  }, 30_000);
});

/** What a server orders that knows of no frames. */
function unframed(order: Order): Order {
  const { kind } = order;
  if (kind?.$case !== 'connection') return order;
  return { ...order, kind: { $case: 'connection', value: { ...kind.value, relayVersion: 0 } } };
}

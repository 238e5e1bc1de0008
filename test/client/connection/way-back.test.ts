import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { DirectCarrier } from '../../../src/client/carrier/direct-carrier.js';
import {
  ConnectionState,
  type Instance,
  InstanceType,
  type PeerStream,
  Switchyard,
} from '../../../src/client/index.js';
import { LocalAddresses } from '../../../src/client/local-addresses.js';
import { type Running, run } from '../../grpc/running.js';
import { BlindChannel } from '../worlds/blind-channel.js';

/** More than what the kernel and the window of a path hold, so that bytes are on their way at any moment. */
const BYTES = 10 << 20;
const CHUNK = 65_536;

/** Of each client, what it waits for to be told when the machine has lost the address. */
const waiting = new Map<LocalAddresses, Set<() => void>>();

/** The machine of a client has no longer the address that its connections begin at. */
function loseAddress(addresses: LocalAddresses): void {
  for (const gone of waiting.get(addresses) ?? []) gone();
}

describe('a direct connection whose path dies', () => {
  let at: Running;
  let yards: Switchyard[];

  beforeEach(async () => {
    at = await run();
    jest.spyOn(LocalAddresses.prototype, 'whenGone').mockImplementation(function (this: LocalAddresses, _, gone) {
      const ours = waiting.get(this) ?? new Set();
      waiting.set(this, ours.add(gone));
      return () => ours.delete(gone);
    });
    yards = [new Switchyard({ server: at.address }), new Switchyard({ server: at.address })];
  });
  afterEach(async () => {
    for (const yard of yards) await yard.close();
    await at.stop();
    jest.restoreAllMocks();
    waiting.clear();
  });

  /** Both ends of a direct connection, each in a client of its own. */
  async function connected(): Promise<readonly [PeerStream, PeerStream]> {
    const [caller, peer] = yards.map((yard) => yard.join({ uuid: randomUUID(), type: InstanceType.AGENT })) as [
      Instance,
      Instance,
    ];
    const accepted = new Promise<PeerStream>((resolve) => {
      Object.assign(peer.handlers, { accept: () => true, accepted: resolve });
    });
    await caller.attached();
    const { cvid } = await peer.attached();
    const near = await caller.connect(cvid, { fallback: 'late' });
    const far = await accepted;
    expect([near.path, far.path]).toEqual(['direct', 'direct']);
    // A path that dies before the server has both reports is the end of the connection.
    for (;;) {
      const { connection } = await caller.getConnection(near.connectionId);
      if (connection.state === ConnectionState.ESTABLISHED) return [near, far];
    }
  }

  async function send(stream: PeerStream, bytes: Buffer): Promise<void> {
    for (let sent = 0; sent < bytes.length; sent += CHUNK) {
      if (!stream.write(bytes.subarray(sent, sent + CHUNK))) await once(stream, 'drain');
    }
    stream.end();
  }

  async function receive(stream: PeerStream, onFirst: () => void): Promise<Buffer> {
    const chunks: Buffer[] = [];
    stream.once('data', onFirst).on('data', (chunk: Buffer) => chunks.push(chunk));
    await once(stream, 'end');
    return Buffer.concat(chunks);
  }

  // Both ends lose the address: where one does, the kernel still says to the other over loopback that it is gone.
  it('goes on through the server with every byte once, both ways', async () => {
    const [near, far] = await connected();
    const paths = [near, far].map((stream) => {
      const seen: string[] = [];
      stream.on('path', ({ path }) => seen.push(path));
      return seen;
    });
    const [there, back] = [randomBytes(BYTES), randomBytes(BYTES)];
    const lose = () => [...waiting.keys()].forEach(loseAddress);
    const [heardFar, heardNear] = await Promise.all([
      receive(far, lose),
      receive(near, () => {}),
      send(near, there),
      send(far, back),
    ]);
    expect(heardFar.equals(there)).toBe(true);
    expect(heardNear.equals(back)).toBe(true);
    expect(paths.map(([first]) => first)).toEqual(['relayed', 'relayed']);
  });
});

describe('an attempt that gives a path to the caller alone', () => {
  let at: Running;
  let channels: BlindChannel[];
  let yards: Switchyard[];

  beforeEach(async () => {
    at = await run({ 'attempts-per-connection-max': '1' });
    channels = [new BlindChannel(at.address), new BlindChannel(at.address)];
    yards = channels.map((channel) => new Switchyard({ channel }));
    // The peer has not heard the caller in time, and no word of its leaving the path gets through.
    jest.spyOn(DirectCarrier.prototype, 'heard').mockImplementation(async function (this: DirectCarrier) {
      jest.spyOn(this, 'close').mockResolvedValue();
      return false;
    });
  });
  afterEach(async () => {
    for (const yard of yards) await yard.close();
    await at.stop();
    jest.restoreAllMocks();
  });

  it.each([3, 4])('goes on by the relay in form %i, with what was written before', async (relayVersion) => {
    for (const channel of channels) {
      channel.isBlind = false;
      channel.change = (order) => {
        const { kind } = order;
        if (kind?.$case !== 'connection' || kind.value.relayVersion === 0) return order;
        return { ...order, kind: { $case: 'connection', value: { ...kind.value, relayVersion } } };
      };
    }
    const [caller, peer] = yards.map((yard) => yard.join({ uuid: randomUUID(), type: InstanceType.AGENT })) as [
      Instance,
      Instance,
    ];
    const accepted = new Promise<PeerStream>((resolve) => {
      Object.assign(peer.handlers, { accept: () => true, accepted: resolve });
    });
    await caller.attached();
    const { cvid } = await peer.attached();
    const near = await caller.connect(cvid, { fallback: 'late' });
    expect(near.path).toBe('direct');
    near.end('written before');
    const far = await accepted;
    expect(far.path).toBe('relayed');
    far.end('written after');
    const [there, back] = await Promise.all([text(far), text(near)]);
    expect([there, back, near.path]).toEqual(['written before', 'written after', 'relayed']);
  });
});

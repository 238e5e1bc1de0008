import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type Connection, ConnectionRole } from '../../../gen/switchyard/v1/connection.js';
import { CarriedDuplex } from '../../../src/client/carrier/carried-duplex.js';
import { DirectCarrier } from '../../../src/client/carrier/direct-carrier.js';
import { TcpPunch } from '../../../src/client/direct/tcp.js';
import { UdxDuplex } from '../../../src/client/direct/udp/udx-duplex.js';
import {
  ConnectionState,
  type Instance,
  InstanceType,
  type PeerStream,
  Switchyard,
} from '../../../src/client/index.js';
import { LocalAddresses } from '../../../src/client/local-addresses.js';
import { systemClock } from '../../../src/client/system.js';
import { CONNECTION_TIMES } from '../../../src/core/model/connection-times.js';
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

/** Everything up to the end of the peer's way. A loop over the stream would destroy this end's own way, too. */
async function receive(stream: PeerStream, onFirst = () => {}): Promise<Buffer> {
  const chunks: Buffer[] = [];
  stream.once('data', onFirst).on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(stream, 'end');
  return Buffer.concat(chunks);
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
  async function connected(transport: 'tcp' | 'udp' = 'tcp'): Promise<readonly [PeerStream, PeerStream]> {
    const [caller, peer] = yards.map((yard) => yard.join({ uuid: randomUUID(), type: InstanceType.AGENT })) as [
      Instance,
      Instance,
    ];
    const accepted = new Promise<PeerStream>((resolve) => {
      Object.assign(peer.handlers, { accept: () => true, accepted: resolve });
    });
    await caller.attached();
    const { cvid } = await peer.attached();
    const near = await caller.connect(cvid, { fallback: 'late', transport });
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

  /** What is below the paths that attempts have found. */
  function watchPaths() {
    const found: { cut(how: 'reset' | 'close' | 'forge'): void }[] = [];
    const { setKeepAlive } = Socket.prototype;
    jest.spyOn(Socket.prototype, 'setKeepAlive').mockImplementation(function (this: Socket, ...options) {
      const cuts = {
        reset: () => this.resetAndDestroy(),
        close: () => this.destroy(),
        forge: () => this.write(randomBytes(64)),
      };
      found.push({ cut: (how) => cuts[how]() });
      return setKeepAlive.apply(this, options);
    });
    const { watch } = UdxDuplex.prototype;
    jest.spyOn(UdxDuplex.prototype, 'watch').mockImplementation(function (this: UdxDuplex) {
      found.push({ cut: () => this.destroy() });
      watch.call(this);
    });
    return found;
  }

  // Where both ends lose the address: where one does, the kernel still says to the other over loopback that it is gone.
  it.each([
    ['both ends have lost their address', 'tcp', 'lose'],
    ['a router that has forgotten it resets it', 'tcp', 'reset'],
    ['somebody on the way ends it with a FIN', 'tcp', 'close'],
    ['somebody on the way puts bytes of his own on it', 'tcp', 'forge'],
    ['somebody ends its UDX stream', 'udp', 'close'],
  ] as const)('goes on through the server with every byte once, both ways, when %s', async (_, transport, how) => {
    const found = watchPaths();
    const [near, far] = await connected(transport);
    const paths = [near, far].map((stream) => {
      const seen: string[] = [];
      stream.on('path', ({ path }) => seen.push(path));
      return seen;
    });
    const [there, back] = [randomBytes(BYTES), randomBytes(BYTES)];
    const lose = () => (how === 'lose' ? [...waiting.keys()].forEach(loseAddress) : found.at(-1)!.cut(how));
    const [heardFar, heardNear] = await Promise.all([
      receive(far, lose),
      receive(near),
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
  /** Of how many attempts the peer has not heard the caller in time. */
  let deaf: number;
  /** Whether no word of its leaving the path gets through. */
  let isMute: boolean;

  beforeEach(() => {
    isMute = true;
    const { heard } = DirectCarrier.prototype;
    jest.spyOn(DirectCarrier.prototype, 'heard').mockImplementation(async function (this: DirectCarrier, ms) {
      if (deaf-- <= 0) return heard.call(this, ms);
      if (isMute) jest.spyOn(this, 'close').mockResolvedValue();
      return false;
    });
  });
  afterEach(async () => {
    for (const yard of yards) await yard.close();
    await at.stop();
    jest.restoreAllMocks();
  });

  /** A caller that has the path of the first attempt alone, and what becomes of it at the peer. */
  async function aloneAtFirst(attempts: number, relayVersion: number, change = (order: Connection) => order) {
    at = await run({ 'attempts-per-connection-max': String(attempts) });
    channels = [new BlindChannel(at.address), new BlindChannel(at.address)];
    yards = channels.map((channel) => new Switchyard({ channel }));
    deaf = 1;
    for (const channel of channels) {
      channel.isBlind = false;
      channel.change = (order) => {
        const { kind } = order;
        if (kind?.$case !== 'connection' || kind.value.relayVersion === 0) return order;
        return { ...order, kind: { $case: 'connection', value: { ...change(kind.value), relayVersion } } };
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
    return { caller, near, accepted };
  }

  it.each([
    ['the relay in form 3', 1, 3, 'relayed', true],
    ['the relay in form 4', 1, 4, 'relayed', true],
    ['the relay in form 3 after an attempt that finds nothing', 2, 3, 'relayed', true],
    ['the relay in form 4 after an attempt that finds nothing', 2, 4, 'relayed', true],
    ['the path of the next attempt', 2, 4, 'direct', true],
    ['the path of the next attempt with a peer that knows no way back', 2, 3, 'direct', true],
    ['the relay in form 3 after a FIN of the peer', 1, 3, 'relayed', false],
    ['the relay in form 4 after a FIN of the peer', 1, 4, 'relayed', false],
    ['the path of the next attempt after a FIN of the peer', 2, 4, 'direct', false],
    ['the path of the next attempt after a FIN of a peer that knows no way back', 2, 3, 'direct', false],
  ])(
    'goes on by %s, with what was written before, and keeps sockets only for another attempt',
    async (_, attempts, relayVersion, path, isSilent) => {
      isMute = isSilent;
      const attempt = jest.spyOn(TcpPunch.prototype, 'attempt');
      const close = jest.spyOn(TcpPunch.prototype, 'close');
      const { caller, near, accepted } = await aloneAtFirst(attempts, relayVersion, (order) =>
        path === 'relayed' && order.attempt === 2 ? { ...order, candidates: [] } : order,
      );
      // The program reads, and so hears of the FIN.
      near.read(0);
      near.end('written before');
      const far = await accepted;
      expect(far.path).toBe(path);
      // The caller's sockets are kept for another attempt, and none follows the relay.
      const own = attempt.mock.contexts.find((_, at) => attempt.mock.calls[at]![0].controlling);
      expect(close.mock.contexts.includes(own!)).toBe(path === 'relayed');
      far.end('written after');
      const [there, back] = await Promise.all([receive(far), receive(near)]);
      expect([String(there), String(back), near.path]).toEqual(['written before', 'written after', path]);
      const { connection } = await caller.getConnection(near.connectionId);
      expect(connection.attempts.length).toBe(attempts);
    },
  );

  it.each([
    ['its session is over', true],
    ['nothing more is ordered while the server may still order it', false],
  ])('ends while it waits for the next attempt when %s', async (_, isLeaving) => {
    const after = jest.spyOn(systemClock, 'after');
    const leave = jest.spyOn(CarriedDuplex.prototype, 'leave');
    const { caller, near } = await aloneAtFirst(2, 4, (order) => {
      if (order.attempt !== 2 && order.role !== ConnectionRole.RELAY) return order;
      // Whatever the server orders after it does not get here.
      if (order.role === ConnectionRole.RELAY) return { ...order, connectionId: randomUUID() };
      return { ...order, candidates: [] };
    });
    near.write('lost');
    while (leave.mock.calls.length === 0) await wait(10);
    const isOfIt = (at: number) => after.mock.invocationCallOrder[at]! > leave.mock.invocationCallOrder[0]!;
    const timers = after.mock.calls.filter(([ms], at) => ms === CONNECTION_TIMES.pendingMs && isOfIt(at));
    const closed = once(near, 'close');
    if (isLeaving) await caller.leave();
    else timers[0]![1]();
    await expect(closed).rejects.toThrow(isLeaving ? 'the instance has left' : 'no other path has come in time');
  });

  it.each([1, 2])('ends where the relay has form %i, which says nothing of what was read', async (relayVersion) => {
    const { caller, near } = await aloneAtFirst(1, relayVersion);
    near.write('lost');
    await expect(once(near, 'close')).rejects.toThrow('the peer has not found the same path');
    for (;;) {
      const { connection } = await caller.getConnection(near.connectionId);
      if (connection.state === ConnectionState.FAILED) break;
    }
  });
});

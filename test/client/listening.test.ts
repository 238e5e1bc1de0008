import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ConnectionRole } from '../../gen/switchyard/v1/connection.js';
import type { Order } from '../../gen/switchyard/v1/session.js';
import { quietPort } from '../../harness/port.js';
import { makeIdentity } from '../../src/client/direct/identity.js';
import { type Connection, type PeerStream, Switchyard } from '../../src/client/index.js';
import { type Running, run } from '../grpc/running.js';
import { BlindChannel } from './worlds/blind-channel.js';
import { movedToDirect } from './worlds/moved.js';

let at: Running;
let channel: BlindChannel;
let yard: Switchyard;
let port: number;
let others: Server[] = [];

beforeEach(async () => {
  at = await run();
  channel = new BlindChannel(at.address);
  channel.isBlind = false;
  yard = new Switchyard({ channel });
  port = await quietPort('0.0.0.0');
});
afterEach(async () => {
  await yard.close();
  await at.stop();
  for (const server of others) server.close();
  others = [];
});

/** A caller that can be reached at `port`, and a peer that takes what comes. */
async function pair() {
  const caller = yard.join({ uuid: randomUUID(), type: 2, listenPort: port });
  let take: (stream: PeerStream) => void = () => {};
  const taken = new Promise<PeerStream>((resolve) => {
    take = resolve;
  });
  const peer = yard.join({ uuid: randomUUID(), type: 2, handlers: { accept: () => true, accepted: take } });
  await Promise.all([caller.attached(), peer.attached()]);
  return { caller, peer, taken };
}

/** Shows that bytes go both ways, and ends it. */
async function isWhole(one: PeerStream, other: PeerStream): Promise<void> {
  await movedToDirect(one, other);
  expect([one.path, other.path]).toEqual(['direct', 'direct']);
  one.end('there');
  expect(String((await once(other, 'data'))[0])).toBe('there');
  other.end('and back');
  expect(String((await once(one, 'data'))[0])).toBe('and back');
  for (const stream of [one, other]) stream.resume();
  await Promise.all([one, other].map((stream) => stream.closed || once(stream, 'close')));
}

/** What changes the orders to dial, and no others. */
function dialling(change: (connection: Connection) => Partial<Connection>) {
  return (order: Order): Order => {
    const { kind } = order;
    if (kind?.$case !== 'connection' || kind.value.role !== ConnectionRole.DIAL) return order;
    return { ...order, kind: { $case: 'connection', value: { ...kind.value, ...change(kind.value) } } };
  };
}

describe('a caller that can be reached', () => {
  it.each(['tcp', 'udp'] as const)('listens, and its peer dials it over %s', async (transport) => {
    const { caller, peer, taken } = await pair();
    const roles: number[] = [];
    channel.change = (order) => {
      if (order.kind?.$case === 'connection') roles.push(order.kind.value.role);
      return order;
    };
    const stream = await caller.connect(peer.session!.cvid, { transport, fallback: 'late' });
    expect(stream.roundTripMs).toBeGreaterThan(0);
    expect(roles).toEqual([ConnectionRole.DIAL]);
    await isWhole(stream, await taken);
  });

  it.each([
    ['nobody gets through to it', () => ({ port: 1 })],
    ['who dials it holds another key than it was told', () => ({ peerPublicKey: makeIdentity().publicKey })],
  ])('is connected half-way when %s', async (_, change) => {
    channel.change = dialling(change);
    const { caller, peer, taken } = await pair();
    const stream = await caller.connect(peer.session!.cvid, { fallback: 'late' });
    const { connection } = await caller.getConnection(stream.connectionId);
    expect(connection).toMatchObject({ attempts: [{ number: 1 }] });
    await isWhole(stream, await taken);
  });

  it('is connected half-way while something else listens there', async () => {
    const { caller, peer, taken } = await pair();
    const other = createServer().listen(port);
    others.push(other);
    await once(other, 'listening');
    const stream = await caller.connect(peer.session!.cvid, { fallback: 'late' });
    const { connection } = await caller.getConnection(stream.connectionId);
    expect(connection).toMatchObject({ attempts: [{ number: 1 }] });
    await isWhole(stream, await taken);
  });

  it('is dialled there while what it asked for goes through the server', async () => {
    const { caller, peer, taken } = await pair();
    const stream = await caller.connect(peer.session!.cvid);
    expect(stream.path).toBe('relayed');
    await isWhole(stream, await taken);
    const { connection } = await caller.getConnection(stream.connectionId);
    const connected = connection.attempts.at(-1)!.pairs.filter(({ outcome }) => outcome === 'connected');
    expect(connected.map(({ local }) => local?.port)).toEqual([port]);
  });

  it('is dialled there by those that connect to it', async () => {
    const { caller, peer } = await pair();
    let take: (stream: PeerStream) => void = () => {};
    const taken = new Promise<PeerStream>((resolve) => {
      take = resolve;
    });
    Object.assign(caller.handlers, { accept: () => true, accepted: take });
    const stream = await peer.connect(caller.session!.cvid);
    await movedToDirect(stream, await taken);
    const { connection } = await peer.getConnection(stream.connectionId);
    const reachable = connection!.peerCandidates.filter((one) => one.port === port).map(({ type }) => type);
    // Once as an own address, once as the server sees it.
    expect(new Set(reachable)).toEqual(new Set([1, 2]));
    await isWhole(stream, await taken);
  });

  it('is refused as any other', async () => {
    const { caller, peer } = await pair();
    delete peer.handlers.accept;
    await expect(caller.connect(peer.session!.cvid)).rejects.toMatchObject({ reason: 'PEER_REFUSED' });
  });
});

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ConnectionRole } from '../../gen/switchyard/v1/connection.js';
import type { Order } from '../../gen/switchyard/v1/session.js';
import { InstanceType, type PeerStream, Switchyard, SwitchyardError } from '../../src/client/index.js';
import { Channel } from '../../src/relay/channel.js';
import { type Running, run } from '../grpc/running.js';
import { BlindChannel } from './worlds/blind-channel.js';

const SECRET = 'nobody but the two ends may read this. '.repeat(2_000);

let at: Running;
let channel: BlindChannel;
let yard: Switchyard;

beforeEach(async () => {
  at = await run({ 'attempts-per-connection-max': '1' });
  channel = new BlindChannel(at.address);
  yard = new Switchyard({ channel });
});
afterEach(async () => {
  jest.restoreAllMocks();
  await yard.close();
  await at.stop();
});

/** Connects to a peer that says back what it hears. */
async function connected() {
  const handlers = { accept: () => true, accepted: (stream: NodeJS.ReadWriteStream) => void stream.pipe(stream) };
  const peer = yard.join({ uuid: randomUUID(), type: InstanceType.AGENT, handlers });
  const caller = yard.join({ uuid: randomUUID(), type: InstanceType.AGENT });
  await caller.attached();
  return caller.connect((await peer.attached()).cvid, { upgradeAfterMs: Number.POSITIVE_INFINITY });
}

/** Changes the order to relay of every end. */
function changeRelay(change: (connection: object) => object): (order: Order) => Order {
  return (order) => {
    if (order.kind?.$case !== 'connection' || order.kind.value.role !== ConnectionRole.RELAY) return order;
    return { ...order, kind: { $case: 'connection', value: change(order.kind.value) } } as Order;
  };
}

describe('a relayed connection', () => {
  it('fails with words about the connection, and none about a stream of the relay, when its peer leaves in the middle', async () => {
    const [peer, caller] = [1, 2].map(() => yard.join({ uuid: randomUUID(), type: InstanceType.AGENT }));
    const pour = (stream: PeerStream) => {
      stream.on('error', () => {}).on('drain', () => pour(stream));
      while (!stream.destroyed && stream.write(Buffer.alloc(65_536)));
    };
    Object.assign(peer.handlers, { accept: () => true, accepted: pour });
    await caller.attached();
    const { cvid } = await peer.attached();
    const stream = await caller.connect(cvid, { relayOnly: true });
    await once(stream, 'data');
    const failed = once(stream.resume(), 'error').catch((error: Error) => [error]);
    await peer.leave();
    const [error] = await failed;
    expect(error).not.toBeInstanceOf(SwitchyardError);
    expect(error.message).toMatch(/server has ended the connection|closed by session|was terminated/);
  });

  it('goes through the server in bytes that the server cannot read', async () => {
    const seen: Buffer[] = [];
    const write = Channel.prototype.write;
    jest.spyOn(Channel.prototype, 'write').mockImplementation(function (this: Channel, block) {
      seen.push(Buffer.from(block));
      return write.call(this, block);
    });
    const stream = await connected();
    expect([stream.path, stream.endToEnd]).toEqual(['relayed', true]);
    stream.end(SECRET);
    expect(await text(stream)).toBe(SECRET);
    const relayed = Buffer.concat(seen);
    expect(relayed.length).toBeGreaterThan(2 * SECRET.length);
    expect(relayed.includes('the two ends')).toBe(false);
  });

  it('can be read by the server, and says so, when the server orders the form of older clients', async () => {
    channel.change = changeRelay((connection) => ({ ...connection, relayVersion: 1 }));
    const stream = await connected();
    stream.end(SECRET);
    expect([await text(stream), stream.endToEnd]).toEqual([SECRET, false]);
  });

  it('fails when the peer shows another key than the one that came with the order', async () => {
    const other = Buffer.from(`302a300506032b6570032100${'07'.repeat(32)}`, 'hex');
    channel.change = changeRelay((connection) => ({ ...connection, peerPublicKey: other }));
    await expect(connected()).rejects.toThrow();
  });

  it('emits `close` at an end only when the other end has heard that all was taken', async () => {
    const stream = await connected();
    let echoed = 0;
    stream.on('data', (bytes: Buffer) => {
      echoed += bytes.length;
    });
    stream.end(SECRET);
    await once(stream, 'close');
    expect(echoed).toBe(SECRET.length);
  });
});

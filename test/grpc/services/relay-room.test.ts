import { Duplex } from 'node:stream';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { RelayRequest } from '../../../gen/switchyard/v1/stream_service.js';
import type { Backing } from '../../../src/grpc/backing.js';
import type { Caller } from '../../../src/grpc/caller.js';
import { type RelayCall, relay } from '../../../src/grpc/services/relay.js';
import type { SinkEnd } from '../../../src/relay/end.js';
import { World } from '../../relay/world.js';

const BLOCK = Buffer.alloc(1_024);

/** A call that opens a stream's source and sends blocks at once; what it is answered is dropped. */
function sendingCall(world: World, id: number, blocks: number): Duplex {
  const stream = new Duplex({
    ...{ objectMode: true, autoDestroy: false, read: () => {} },
    write: (_message, _encoding, done) => done(),
  });
  const call = Object.assign(stream, { cancelled: false, getPath: () => 'relay', getPeer: () => '192.0.2.1:7' });
  call.on('error', () => {});
  const backing = {
    relay: world.relay,
    replica: { state: world.state },
    gatekeeper: { hold: () => () => {} },
    clock: world.clock,
  } as unknown as Backing;
  relay(backing, call as unknown as RelayCall, world.sids[0]!, {} as Caller, () => {});
  call.push(RelayRequest.fromPartial({ open: { id } }));
  for (let n = 0; n < blocks; n++) call.push(RelayRequest.fromPartial({ block: BLOCK }));
  return call;
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

/** How many blocks a sink takes. */
function drain(sink: SinkEnd): number {
  let count = 0;
  while (sink.next() instanceof Uint8Array) count++;
  return count;
}

describe('a source of the Relay call', () => {
  let world: World;
  const withLimits = (limits: ConstructorParameters<typeof World>[0]) => {
    world = new World(limits);
    const { id, sids, branches } = world.bare(1);
    return { id, sink: world.open(sids[0]!, branches[0]!) as SinkEnd };
  };
  beforeEach(() => {
    world = new World();
  });

  it.each([
    ['the window of its stream', { windowBytesMax: 4 * BLOCK.length }],
    ['what all streams together may hold', { totalBytesMax: 4 * BLOCK.length }],
  ])('that opens again for each block holds no more than %s', async (_, limits) => {
    const { id } = withLimits(limits);
    for (let n = 0; n < 40; n++) {
      sendingCall(world, id, 1);
      await settled();
    }
    expect(world.relay.byteSize).toBe(4 * BLOCK.length);
  });

  it('that opens again for each block sends no more than its quota, and one block that waits follows', async () => {
    const { id, sink } = withLimits({});
    world.quotaOf = () => ({ holder: 'anna', bytesPerSecond: 4 * BLOCK.length });
    let count = 0;
    for (let n = 0; n < 40; n++) {
      sendingCall(world, id, 1);
      await settled();
      count += drain(sink);
    }
    expect(count).toBe(4);
    world.clock.advance(250);
    world.clock.turn();
    await settled();
    expect(drain(sink)).toBe(1);
  });

  it('is read on in order once there is room, to its last block', async () => {
    const { id, sink } = withLimits({ windowBlocksMax: 2 });
    const call = sendingCall(world, id, 9);
    call.push(null);
    let count = 0;
    for (let n = 0; n < 9; n++) {
      await settled();
      count += drain(sink);
    }
    world.clock.advance(20);
    world.clock.turn();
    expect([count, sink.next()]).toEqual([9, 'ended']);
  });

  it('owes one block at most, however many of its holder send at once', async () => {
    world.quotaOf = () => ({ holder: 'anna', bytesPerSecond: BLOCK.length });
    const streams = Array.from({ length: 20 }, () => world.bare(1));
    const calls = streams.map(({ id }) => sendingCall(world, id, 0));
    await settled();
    for (const call of calls) call.push(RelayRequest.fromPartial({ block: BLOCK }));
    await settled();
    expect(world.relay.bytesIn).toBe(BLOCK.length);
    world.clock.advance(1_000);
    world.clock.turn();
    await settled();
    expect(world.relay.bytesIn).toBe(2 * BLOCK.length);
  });
});

import { beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Connection, ConnectionState } from '../../src/core/model/connection.js';
import { Fault } from '../../src/core/model/fault.js';
import type { SinkEnd } from '../../src/relay/end.js';
import { block, read, World } from './world.js';

describe('the relay', () => {
  let world: World;
  beforeEach(() => {
    world = new World();
  });

  it('carries every block to every sink, in order', () => {
    const { source, sinks } = world.stream(3);
    for (let n = 0; n < 100; n++) expect(source.write(block(n))).toBeUndefined();
    source.finish();
    const expected = [...Array.from({ length: 100 }, (_, n) => n), 'ended'];
    for (const sink of sinks) expect(read(sink)).toEqual(expected);
    expect(world.relay.byteSize).toBe(0);
  });

  it('opens no end after it was closed, and says why', () => {
    const { id, sids, branches } = world.bare(1);
    const dropped = new Fault('NETWORK_NOT_FOUND', 'the network north was dropped');
    world.relay.close(dropped);
    expect(world.relay.open(world.sids[0]!, id)).toBe(dropped);
    expect(world.relay.open(sids[0]!, branches[0]!)).toBe(dropped);
    expect(world.relay.channelCount).toBe(0);
  });

  it('holds the source up for its slowest sink, and lets it go on when that one has read', () => {
    world = new World({ windowBlocksMax: 10 });
    const { source, sinks } = world.stream(2);
    for (let n = 0; n < 10; n++) source.write(block(n));
    expect(source.hasRoom()).toBe(false);
    expect(read(sinks[0])).toHaveLength(10);
    expect(source.hasRoom()).toBe(false);
    let woken = 0;
    source.onReady(() => woken++);
    expect(read(sinks[1], 1)).toEqual([0]);
    expect([source.hasRoom(), woken]).toEqual([true, 1]);
  });

  it('holds every source up when all windows together are full', () => {
    world = new World({ totalBytesMax: 4 });
    const [one, two] = [world.stream(1), world.stream(1)];
    one.source.write(block(1));
    one.source.write(block(2));
    expect(two.source.hasRoom()).toBe(false);
    let woken = 0;
    two.source.onReady(() => woken++);
    read(one.sinks[0]);
    world.clock.turn();
    expect([two.source.hasRoom(), woken]).toEqual([true, 1]);
  });

  it('keeps blocks for a sink that has not come yet', () => {
    const { source, branches, sinks } = world.stream(1);
    sinks[0].close();
    source.write(block(7));
    expect(read(world.open(world.sids[1], branches[0]) as SinkEnd)).toEqual([7]);
  });

  it('gives a sink that comes back what it did not confirm once more, where the stream asks for confirmation', () => {
    const { source, branches, sinks } = world.stream(1, { deliveryConfirmation: true });
    for (let n = 0; n < 5; n++) source.write(block(n));
    expect(read(sinks[0])).toEqual([0, 1, 2, 3, 4]);
    expect(sinks[0].confirm(2)).toBeUndefined();
    expect(source.takeConfirmed()).toBe(2);
    expect(source.takeConfirmed()).toBeUndefined();
    sinks[0].close();
    expect(read(world.open(world.sids[1], branches[0]) as SinkEnd)).toEqual([2, 3, 4]);
    expect(sinks[0].confirm(9)).toMatchObject({ reason: 'OUT_OF_ORDER' });
  });

  it('refuses a confirmation of what was not given', () => {
    const { source, sinks } = world.stream(1, { deliveryConfirmation: true });
    source.write(block(0));
    expect(sinks[0].confirm(1)).toMatchObject({ violations: [{ field: 'confirmed_blocks' }] });
  });

  it('delivers nothing after a stop, not even what it holds', () => {
    const { id, source, sinks } = world.stream(2);
    source.write(block(1));
    world.do({ kind: 'StopStream', sid: 0, id, reason: 1 });
    for (const sink of sinks) expect(read(sink)).toEqual(['STREAM_STOPPED']);
    expect(source.write(block(2))).toBeInstanceOf(Fault);
    expect([world.relay.byteSize, world.relay.channelCount]).toEqual([0, 0]);
  });

  it('goes on with the other branches when one is stopped, and is not held up by it any more', () => {
    world = new World({ windowBlocksMax: 2 });
    const { source, sinks, branches } = world.stream(2);
    source.write(block(1));
    source.write(block(2));
    expect(read(sinks[0])).toEqual([1, 2]);
    world.do({ kind: 'StopStream', sid: 0, id: branches[1], reason: 1 });
    expect(read(sinks[1])).toEqual(['STREAM_STOPPED']);
    expect(source.hasRoom()).toBe(true);
    source.write(block(3));
    expect(read(sinks[0])).toEqual([3]);
  });

  it('cuts a sink off that takes nothing for too long, and only that', () => {
    const { source, sinks } = world.stream(2);
    world.clock.advance(60_000);
    source.write(block(1));
    read(sinks[0]);
    world.clock.advance(29_000);
    expect(read(sinks[0])).toEqual([]);
    world.clock.advance(5_000);
    expect(read(sinks[1])).toEqual(['STREAM_STOPPED']);
    source.write(block(2));
    expect(read(sinks[0])).toEqual([2]);
  });

  describe('the sink of a relayed connection', () => {
    /** A connection whose bytes go over this stream. */
    const relayed = (streamId: number, branchId: number) => {
      const [caller, peer] = world.sids.map((sid) => ({ sid }));
      const relay = { fromCaller: { streamId, branchId }, fromPeer: { streamId: 0, branchId: 0 } };
      world.state.connections.put({ id: 1, caller, peer, relay, state: ConnectionState.RELAYED } as Connection);
    };

    it('may pause for hours while its call stands, and then gets everything', () => {
      const { id, source, sinks, branches } = world.stream(1);
      relayed(id, branches[0]);
      source.write(block(1));
      world.clock.advance(5 * 3_600_000);
      source.write(block(2));
      expect(read(sinks[0])).toEqual([1, 2]);
    });

    it('is cut off when its call is gone and it does not come back', () => {
      const { id, source, sinks, branches } = world.stream(1);
      relayed(id, branches[0]);
      source.write(block(1));
      sinks[0].close();
      world.clock.advance(34_000);
      expect(source.fault).toMatchObject({ reason: 'STREAM_STOPPED' });
    });

    it('is cut off while all streams together hold as much as they may', () => {
      world = new World({ totalBytesMax: 2 });
      const { id, source, sinks, branches } = world.stream(1);
      relayed(id, branches[0]);
      source.write(block(1));
      world.clock.advance(34_000);
      expect(read(sinks[0])).toEqual(['STREAM_STOPPED']);
    });
  });

  it('refuses a block that is larger than the stream allows', () => {
    const { source } = world.stream(1, { maxBlockBytes: 4 });
    expect(source.write(new Uint8Array(5))).toMatchObject({ reason: 'TOO_LARGE' });
    expect(source.write(new Uint8Array(4))).toBeUndefined();
  });

  it('does not open what is not the session’s, nor the stream that a session has from the start', () => {
    const { id, branches } = world.stream(1);
    const [one, two, three] = world.sids;
    for (const [sid, wanted] of [
      [two, id],
      [one, branches[0]],
      [three, branches[0]],
      [one, 99],
    ]) {
      expect(world.relay.open(sid, wanted)).toMatchObject({ reason: 'STREAM_NOT_FOUND' });
    }
    const { streamId } = world.state.sessions.get(one)!;
    expect(world.relay.open(one, streamId)).toMatchObject({ reason: 'OUT_OF_ORDER' });
  });

  it('begins the idle time of a stream anew with every block', () => {
    const { id, source } = world.stream(1);
    source.write(block(1));
    expect(world.used).toEqual([id]);
  });

  it('gives every sink the same sequence, however reads, breaks and writes interleave', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('write' as const) }),
      fc.record({ kind: fc.constant('read' as const), sink: fc.nat(2), count: fc.nat(5) }),
      fc.record({ kind: fc.constant('confirm' as const), sink: fc.nat(2) }),
      fc.record({ kind: fc.constant('break' as const), sink: fc.nat(2) }),
    );
    fc.assert(
      fc.property(fc.boolean(), fc.array(step, { maxLength: 200 }), (deliveryConfirmation, steps) => {
        const run = new World({ windowBlocksMax: 8 });
        const { source, sinks, branches } = run.stream(3, { deliveryConfirmation });
        const got: number[][] = [[], [], []];
        const confirmed = [0, 0, 0];
        let written = 0;
        for (const one of steps) {
          if (one.kind === 'write') {
            if (source.hasRoom()) source.write(block(written++));
            continue;
          }
          if (one.kind === 'read') got[one.sink].push(...(read(sinks[one.sink], one.count) as number[]));
          if (one.kind === 'confirm' && deliveryConfirmation) {
            confirmed[one.sink] = got[one.sink].length;
            expect(sinks[one.sink].confirm(confirmed[one.sink])).toBeUndefined();
          }
          if (one.kind === 'break') {
            if (deliveryConfirmation) got[one.sink].length = confirmed[one.sink];
            sinks[one.sink] = run.open(run.sids[one.sink + 1], branches[one.sink]) as SinkEnd;
          }
        }
        sinks.forEach((sink, at) => {
          got[at].push(...(read(sink) as number[]));
        });
        for (const sequence of got) expect(sequence).toEqual(Array.from({ length: written }, (_, n) => n));
      }),
    );
  });
});

import { describe, expect, it } from '@jest/globals';
import { Fault, REASONS, type Reason } from '../../../src/core/model/fault.js';
import { DEFAULT_STREAM_PARAMS } from '../../../src/core/model/stream.js';
import { FairTurns } from '../../../src/fair/fair-turns.js';
import { DEFAULT_TURN_LIMITS } from '../../../src/fair/limits.js';
import type { SinkEnd } from '../../../src/relay/end.js';
import { ByteWriter } from '../../../src/system/codec/bytes.js';
import { encodePacketHeader } from '../../../src/system/codec/packet.js';
import type { SystemBacking } from '../../../src/system/conversation/backing.js';
import { Flows } from '../../../src/system/conversation/flows.js';
import { Inbox, type InboxReader } from '../../../src/system/conversation/inbox.js';
import { Vigil } from '../../../src/system/conversation/vigil.js';
import { DEFAULT_SYSTEM_LIMITS } from '../../../src/system/limits.js';
import { World } from '../../relay/world.js';

const BLOCK = new Uint8Array(1_024);

/** A block as a packet. */
function packet(streamId: number, packetId?: number, compressed = false): Uint8Array {
  const writer = new ByteWriter();
  encodePacketHeader(writer, { streamId, event: false, compressed, noise: false, packetId });
  writer.bytes(BLOCK);
  return writer.finish().slice();
}

/** A connection of the session at this place, which brings packets to its inbox. */
function connect(world: World, at = 0, mayRefuse = false) {
  const codes: number[] = [];
  const closed: Reason[] = [];
  const sid = world.sids[at]!;
  let isPaused = false;
  const deadlines = { used: () => {} };
  const charged: number[] = [];
  const turns = new FairTurns({ clock: world.clock, limits: DEFAULT_TURN_LIMITS });
  const backing = {
    ...{ limits: DEFAULT_SYSTEM_LIMITS, clock: world.clock, relay: world.relay },
    turns: Object.assign(turns, {
      charge: (key: string, ms: number) => {
        charged.push(ms);
        FairTurns.prototype.charge.call(turns, key, ms);
      },
    }),
    replica: { state: world.state, deadlines },
  } as unknown as SystemBacking;
  const stir = () => void world.clock.soon(() => inbox.goOn());
  const flows = new Flows(backing, sid, stir);
  const inbox: Inbox = new Inbox({
    ...{ backing, conversation: { state: 'open', flows, sid }, hasRoom: () => true },
    vigil: new Vigil(world.clock, DEFAULT_SYSTEM_LIMITS),
    close: ({ reason }: Fault) => closed.push(reason),
    pipe: {
      remote: '192.0.2.1',
      pause: () => {
        isPaused = true;
      },
      resume: () => {
        isPaused = false;
      },
    },
    leaving: () => undefined,
    settled: () => {},
    answer: (_id: unknown, body: { readonly code: number }) => {
      if (!mayRefuse) expect(body).toEqual({ code: 0 });
      codes.push(body.code);
    },
    guard: (part: () => void) => part,
  } as unknown as InboxReader);
  return { flows, inbox, isPaused: () => isPaused, codes, closed, charged };
}

function drain(sink: SinkEnd): number {
  let count = 0;
  while (sink.next() instanceof Uint8Array) count++;
  return count;
}

describe('a source over system events', () => {
  it('whose client connects again for each block holds no more than the window, and nothing is lost', () => {
    const world = new World({ windowBytesMax: 4 * BLOCK.length });
    const { id, sids, branches } = world.bare(1);
    const sink = world.open(sids[0]!, branches[0]!) as SinkEnd;
    for (let n = 0; n < 40; n++) {
      const { flows, inbox } = connect(world);
      inbox.packet(packet(id));
      if (n < 39) flows.close();
    }
    expect(world.relay.byteSize).toBe(4 * BLOCK.length);
    expect(drain(sink)).toBe(4);
    world.clock.turn();
    expect(drain(sink)).toBe(1);
  });

  it('is read no further while its first block waits, and on in order after it', () => {
    const world = new World({ windowBlocksMax: 2 });
    const { id, sids, branches } = world.bare(1);
    const first = connect(world);
    for (let n = 0; n < 2; n++) first.inbox.packet(packet(id));
    first.flows.close();
    const { inbox, isPaused } = connect(world);
    for (let n = 0; n < 3; n++) inbox.packet(packet(id));
    expect([isPaused(), inbox.isIdle]).toEqual([true, false]);
    const sink = world.open(sids[0]!, branches[0]!) as SinkEnd;
    let count = 0;
    for (let n = 0; n < 5; n++) {
      count += drain(sink);
      world.clock.turn();
    }
    expect([count, isPaused(), inbox.isIdle]).toEqual([5, false, true]);
  });

  it('has its part of the quota of its identity beside another connection that sends as much', () => {
    const world = new World();
    const sends = [0, 1].map((at) => {
      world.do({
        ...{ kind: 'CreateStream', sid: world.sids[at]!, params: DEFAULT_STREAM_PARAMS },
        sinks: [world.sids[2]!],
      });
      const { id, sinks } = world.state.streams.of(world.sids[at]!).at(-1)!;
      const sink = world.open(world.sids[2]!, sinks[0]!.id) as SinkEnd;
      return { ...connect(world, at), id, sink, count: 0 };
    });
    world.quotaOf = () => ({ holder: 'anna', bytesPerSecond: 16 * BLOCK.length });
    for (let n = 0; n < 200; n++) {
      for (const one of sends) {
        while (!one.isPaused()) {
          one.inbox.packet(packet(one.id));
          one.count += drain(one.sink);
        }
      }
      world.clock.advance(50);
      for (const one of sends) one.count += drain(one.sink);
    }
    // 10 s of 16 blocks each, and the first second's.
    for (const { count } of sends) expect(count).toBeGreaterThan(70);
  });

  it('takes no block of the next month after one was refused, and closes no connection for those on their way', () => {
    const world = new World();
    const over = new Fault('NETWORK_LIMIT', 'used up', [], undefined, { month_ends: '2027-01-01T00:00:00Z' });
    let isOver = false;
    const month = { add: () => {}, refuse: () => (isOver ? over : undefined) };
    world.quotaOf = () => ({ holder: 'anna', bytesPerSecond: undefined, month });
    const { id, sids, branches } = world.bare(1);
    const sink = world.open(sids[0]!, branches[0]!) as SinkEnd;
    const { flows, inbox, codes, closed } = connect(world, 0, true);
    inbox.packet(packet(id, 1));
    isOver = true;
    const late = DEFAULT_SYSTEM_LIMITS.packetsPerSecondMax + 1;
    for (let n = 0; n < late; n++) {
      inbox.packet(packet(id, 2));
      world.clock.turn();
    }
    isOver = false;
    inbox.packet(packet(id, 3));
    [...flows.confirmed()];
    inbox.packet(packet(id, 3));
    expect([codes.length, new Set(codes.slice(1)), closed]).toEqual([late + 3, new Set([REASONS.NETWORK_LIMIT]), []]);
    expect(drain(sink)).toBe(1);
    flows.close();
    const again = connect(world);
    again.inbox.packet(packet(id, 1));
    expect([again.codes, drain(sink)]).toEqual([[0], 1]);
  });

  it('whose month is used up costs its address what a refusal takes, and no block is inflated after the first', () => {
    const world = new World();
    const over = new Fault('NETWORK_LIMIT', 'used up', [], undefined, { month_ends: '2027-01-01T00:00:00Z' });
    const refuse = () => {
      world.clock.advance(3);
      return over;
    };
    world.quotaOf = () => ({ holder: 'anna', bytesPerSecond: undefined, month: { add: () => {}, refuse } });
    const { id } = world.bare(1, { compression: 1 });
    const { inbox, codes, charged } = connect(world, 0, true);
    inbox.packet(packet(id, 1));
    world.clock.turn();
    // What is no zlib would be refused for that.
    inbox.packet(packet(id, 2, true));
    expect(codes).toEqual([REASONS.NETWORK_LIMIT, REASONS.NETWORK_LIMIT]);
    expect(charged).toEqual([3, 0.05]);
  });
});

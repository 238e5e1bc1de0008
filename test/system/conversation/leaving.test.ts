import { describe, expect, it } from '@jest/globals';
import { Fault } from '../../../src/core/model/fault.js';
import { ByteWriter } from '../../../src/system/codec/bytes.js';
import { encodePacketHeader } from '../../../src/system/codec/packet.js';
import { Inbox, type InboxReader } from '../../../src/system/conversation/inbox.js';
import { DEFAULT_SYSTEM_LIMITS } from '../../../src/system/limits.js';

const DRAINING = new Fault('DRAINING', 'the server is draining');

/** A block of a stream as a packet. */
function block(): Uint8Array {
  const writer = new ByteWriter();
  encodePacketHeader(writer, { streamId: 7, event: false, compressed: false, noise: false, packetId: 1 });
  writer.bytes(new Uint8Array(8));
  return writer.finish().slice();
}

/** What was done on a connection that is to close, and whether its address has its turn. */
function leaving() {
  const done: string[] = [];
  const turn = { isBehind: false, wake: () => {} };
  const turns = {
    keyOf: () => 'address',
    isBehind: () => turn.isBehind,
    mayGoOn: (_key: string, wake: () => void) => {
      turn.wake = wake;
      return false;
    },
  };
  const inbox = new Inbox({
    backing: { limits: DEFAULT_SYSTEM_LIMITS, turns, clock: { nowMs: () => 0 }, replica: { currency: undefined } },
    conversation: { state: 'open', sid: 1, flows: { hasRoom: () => true } },
    pipe: { remote: '192.0.2.1', pause: () => {}, resume: () => {} },
    // As many packets as may come in a second have come.
    vigil: { take: () => false },
    hasRoom: () => true,
    leaving: () => DRAINING,
    answer: () => done.push('refused'),
    close: () => done.push('closed'),
    settled: () => done.push('settled'),
    guard: (part: () => void) => part,
  } as unknown as InboxReader);
  return { inbox, done, turn };
}

describe('a connection that is to close once all is answered', () => {
  it('hears that all is, when what was sent ahead had waited for its address', () => {
    const { inbox, done, turn } = leaving();
    turn.isBehind = true;
    inbox.packet(block());
    expect([done, inbox.isIdle]).toEqual([[], false]);
    turn.isBehind = false;
    turn.wake();
    expect([done, inbox.isIdle]).toEqual([['refused', 'settled'], true]);
  });

  it('is not closed for the number of blocks that were on their way', () => {
    const { inbox, done } = leaving();
    inbox.packet(block());
    expect(done).toEqual(['refused']);
  });
});

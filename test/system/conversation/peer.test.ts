import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../../harness/manual-clock.js';
import { Holdings } from '../../../src/base/holdings.js';
import { SharedBytes } from '../../../src/base/shared-bytes.js';
import { FairTurns } from '../../../src/fair/fair-turns.js';
import { DEFAULT_TURN_LIMITS } from '../../../src/fair/limits.js';
import { type Host, SystemPeer } from '../../../src/system/conversation/peer.js';
import { DEFAULT_SYSTEM_LIMITS } from '../../../src/system/limits.js';
import type { Pipe } from '../../../src/transport/pipe.js';

const FRAMES = new Uint8Array(1_000);

function asIs(part: () => void): () => void {
  return part;
}

/** Peers whose transports take nothing, as far as what they share goes. */
function makePeers(count: number) {
  const unsent = new Holdings<SystemPeer>({ bytesMax: Number.POSITIVE_INFINITY, expel: () => {} });
  const clock = new ManualClock();
  const turns = new FairTurns({ clock, limits: DEFAULT_TURN_LIMITS });
  const backing = { clock, limits: DEFAULT_SYSTEM_LIMITS, turns };
  const partials = new Holdings<SystemPeer>({ bytesMax: Number.POSITIVE_INFINITY, expel: () => {} });
  const host = {
    backing,
    time: clock,
    partials,
    unsent,
    sharedUnsent: new SharedBytes(unsent),
    left: () => {},
    guard: asIs,
  };
  const pipe = { remote: '192.0.2.1', copiesFrames: false, bufferedBytes: 0, partialBytes: 0, write: () => {} };
  const peers = Array.from(
    { length: count },
    () => new SystemPeer(host as unknown as Host, pipe as Partial<Pipe> as unknown as Pipe),
  );
  return { unsent, peers };
}

describe('what connections of system events share and do not take', () => {
  it('counts for those that are left when the one that paid for it breaks', () => {
    const { unsent, peers } = makePeers(3);
    for (const peer of peers) peer.sendFrames(FRAMES);
    expect(unsent.of(peers[0])).toBe(FRAMES.length);
    for (const peer of peers) {
      expect(unsent.total).toBe(FRAMES.length);
      expect(unsent.of(peer)).toBe(FRAMES.length);
      peer.closed();
    }
    expect(unsent.total).toBe(0);
  });
});

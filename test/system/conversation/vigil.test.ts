import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../../harness/manual-clock.js';
import { Vigil } from '../../../src/system/conversation/vigil.js';
import { DEFAULT_SYSTEM_LIMITS } from '../../../src/system/limits.js';

const { handshakeMs, idleMs, packetMs } = DEFAULT_SYSTEM_LIMITS;

describe('A vigil', () => {
  const standing = (bufferedBytes: number) => ({ hasSession: true, isPaused: true, isHeld: false, bufferedBytes });
  const begin = () => {
    const clock = new ManualClock();
    const vigil = new Vigil(clock, DEFAULT_SYSTEM_LIMITS);
    return {
      look: (afterMs: number, bytes: number) => {
        clock.advance(afterMs);
        return vigil.passed(clock.nowMs(), standing(bytes));
      },
    };
  };

  it('ends when a client takes nothing of what waits for it, though the server does not read either', () => {
    const { look } = begin();
    expect(look(1_000, 0)).toBeUndefined();
    expect(look(1_000, 300_000)).toBeUndefined();
    expect(look(idleMs - 2_000, 300_500)).toBeUndefined();
    expect(look(2_000, 300_500)).toBe('stalled');
  });

  it('goes on while it takes some of it, however slowly', () => {
    const { look } = begin();
    for (let left = 300_000; left > 299_900; left--) expect(look(idleMs - 1, left)).toBeUndefined();
    expect(look(1_000, 0)).toBeUndefined();
    expect(look(idleMs + 1_000, 0)).toBeUndefined();
  });

  const LOOK_MS = 1_000;
  const watch = (hasSession = true) => {
    const clock = new ManualClock();
    const vigil = new Vigil(clock, DEFAULT_SYSTEM_LIMITS);
    /** What is found in so long, by a look each second. */
    const pass = (ms: number, isPaused: boolean, isHeld = isPaused) => {
      let found: string | undefined;
      for (let passedMs = 0; passedMs < ms; passedMs += LOOK_MS) {
        clock.advance(LOOK_MS);
        found ??= vigil.passed(clock.nowMs(), { hasSession, isPaused, isHeld, bufferedBytes: 0 });
      }
      return found;
    };
    return { vigil, pass };
  };

  it('does not count the time in which the server did not read as time that a packet took to arrive', () => {
    const { vigil, pass } = watch();
    vigil.partial(100);
    expect(pass(10_000, false)).toBeUndefined();
    expect(pass(2 * packetMs, true)).toBeUndefined();
    expect(pass(packetMs - 10_000 - LOOK_MS, false)).toBeUndefined();
    expect(pass(LOOK_MS, false)).toBe('slow');
  });

  it('does not count the time in which the client waited for the server, as while its session is opened, as time without one', () => {
    const { pass } = watch(false);
    expect(pass(2_000, false)).toBeUndefined();
    expect(pass(2 * handshakeMs, true)).toBeUndefined();
    expect(pass(handshakeMs - 2_000 - LOOK_MS, false)).toBeUndefined();
    expect(pass(LOOK_MS, false)).toBe('handshake');
  });

  it('counts the time in which a client without a session took nothing of its answers', () => {
    const { pass } = watch(false);
    expect(pass(handshakeMs, true, false)).toBe('handshake');
  });

  it('does not count the time in which the server did not read as silence of the client', () => {
    const { pass } = watch();
    expect(pass(10_000, false)).toBeUndefined();
    expect(pass(2 * idleMs, true)).toBeUndefined();
    expect(pass(idleMs - 10_000 - LOOK_MS, false)).toBeUndefined();
    expect(pass(LOOK_MS, false)).toBe('idle');
  });
});

import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../../harness/manual-clock.js';
import { Vigil } from '../../../src/system/conversation/vigil.js';
import { DEFAULT_SYSTEM_LIMITS } from '../../../src/system/limits.js';

const { idleMs } = DEFAULT_SYSTEM_LIMITS;

describe('A vigil', () => {
  const standing = (bufferedBytes: number) => ({ hasSession: true, isPaused: true, bufferedBytes });
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
});

import { describe, expect, it } from '@jest/globals';
import { systemClock, systemRandom } from '../../src/client/system.js';

describe('the system’s randomness', () => {
  it('hands out every byte once, whatever sizes are asked for', () => {
    const seen = new Set<string>();
    for (let n = 0; n < 2_000; n++) {
      const bytes = systemRandom.bytes(16 + (n % 33));
      expect(bytes).toHaveLength(16 + (n % 33));
      seen.add(Buffer.from(bytes.subarray(0, 16)).toString('hex'));
    }
    expect(seen.size).toBe(2_000);
    expect(systemRandom.bytes(10_000)).toHaveLength(10_000);
  });

  it('keeps what it handed out as it was', () => {
    const bytes = systemRandom.bytes(24);
    const copy = Buffer.from(bytes);
    for (let n = 0; n < 1_000; n++) systemRandom.bytes(24);
    expect(Buffer.from(bytes).equals(copy)).toBe(true);
    expect(copy.some((byte) => byte !== 0)).toBe(true);
  });
});

describe('the system’s clock', () => {
  it.each([2_147_483_648, 30 * 86_400_000, Number.MAX_SAFE_INTEGER])(
    'does not call at once after %i ms',
    async (ms) => {
      let calls = 0;
      const timer = systemClock.after(ms, () => calls++);
      await new Promise<void>((resolve) => void setTimeout(resolve, 20));
      timer.cancel();
      expect(calls).toBe(0);
    },
  );

  it('calls once after a delay that its timers know', async () => {
    let calls = 0;
    systemClock.after(1, () => calls++);
    await new Promise<void>((resolve) => void setTimeout(resolve, 30));
    expect(calls).toBe(1);
  });
});

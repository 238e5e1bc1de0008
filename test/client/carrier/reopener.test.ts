import { describe, expect, it } from '@jest/globals';
import { constantRandom, ManualClock, settle } from '../../../harness/manual-clock.js';
import { Reopener } from '../../../src/client/carrier/reopener.js';
import { StatusCode, SwitchyardError } from '../../../src/client/index.js';

/** Opens an end that the server refuses with this error; answers with how often it was asked for in a minute, and with what became of it. */
async function openRefused(error: SwitchyardError): Promise<{ tries: number; outcome: unknown }> {
  const clock = new ManualClock();
  const reopener = new Reopener({ clock, random: constantRandom(0.5) }, new AbortController().signal);
  let tries = 0;
  let outcome: unknown = 'waits';
  const open = async () => {
    tries++;
    throw error;
  };
  void reopener.open(open).catch((why: unknown) => {
    outcome = why;
  });
  for (let n = 0; n < 60; n++) {
    clock.advance(1_000);
    await settle();
  }
  return { tries, outcome };
}

describe('an end of a stream that cannot be opened', () => {
  it('is tried again while the server is away or has no room', async () => {
    for (const code of [StatusCode.UNAVAILABLE, StatusCode.RESOURCE_EXHAUSTED]) {
      const { tries, outcome } = await openRefused(new SwitchyardError(code, 'not now', { reason: 'NETWORK_LIMIT' }));
      expect(tries).toBeGreaterThan(3);
      expect(outcome).toBe('waits');
    }
  });

  it('fails at once when the quota of the month is used up', async () => {
    const metadata = { month_ends: '2027-01-01T00:00:00Z' };
    const error = new SwitchyardError(StatusCode.RESOURCE_EXHAUSTED, 'used up', { reason: 'NETWORK_LIMIT', metadata });
    expect(await openRefused(error)).toEqual({ tries: 1, outcome: error });
  });
});

import { afterEach, describe, expect, it } from '@jest/globals';
import { LinkType } from '../../../gen/switchyard/v1/link.js';
import { ManualClock } from '../../../harness/manual-clock.js';
import { gather } from '../../../src/client/direct/gather.js';
import type { Puncher } from '../../../src/client/direct/path.js';

/** An address that no route leads to for a socket that has not asked for broadcasts: sending there fails at once. */
const NOWHERE = { host: '255.255.255.255', port: 3_478 };
const open: Puncher[] = [];

afterEach(() => {
  for (const puncher of open.splice(0)) puncher.close();
});

describe('gathering', () => {
  it.each([
    ['TCP', LinkType.TRANSPORT_TCP],
    ['UDP', LinkType.TRANSPORT_UDP],
  ])(
    'over %s waits for no answer of a rendezvous that no way leads to',
    async (_, link) => {
      // Its time stands still: whatever waits for an answer waits for ever.
      const clock = new ManualClock();
      const gathered = await gather(link, [NOWHERE], { clock, port: undefined });
      open.push(gathered.puncher);
      expect(gathered.roundTripMs).toBeUndefined();
    },
    5_000,
  );
});

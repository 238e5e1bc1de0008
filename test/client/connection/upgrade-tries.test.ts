import { PassThrough } from 'node:stream';
import { describe, expect, it, jest } from '@jest/globals';
import { Connection, ConnectionRole } from '../../../gen/switchyard/v1/connection.js';
import { ManualClock } from '../../../harness/manual-clock.js';
import { CarriedDuplex } from '../../../src/client/carrier/carried-duplex.js';
import { Upgrade } from '../../../src/client/connection/upgrade.js';
import type { GatheredPaths } from '../../../src/client/direct/gather.js';
import { makeIdentity } from '../../../src/client/direct/identity.js';
import { LocalAddresses } from '../../../src/client/local-addresses.js';
import { systemRandom } from '../../../src/client/system.js';
import { MemoryCarrier } from '../carrier/memory-carrier.js';

const place = { host: '192.0.2.1', port: 1 };

/** What an end has gathered whose attempt finds a path at once. */
function gathered(): GatheredPaths {
  const path = { stream: new PassThrough(), local: place, remote: place, flush: async () => {}, roundTripMs: 1 };
  const attempt = async () => ({ path, pairs: [], tookMs: 1 });
  const puncher = {
    candidates: [],
    roundTripMs: 1,
    listensAt: () => false,
    measure: async () => 1,
    close() {},
    attempt,
  };
  return { puncher, candidates: [], roundTripMs: 1 };
}

describe('the tries of a relayed connection', () => {
  it('stop while the move to a path is still to be said, also when the answer to what they asked for is lost', async () => {
    const clock = new ManualClock();
    let lose = (_: Error) => {};
    const gather = jest.fn(async () => gathered());
    const upgrade = new Upgrade({
      identity: makeIdentity(),
      clock,
      random: systemRandom,
      addresses: new LocalAddresses(clock),
      fresh: () => undefined,
      gather,
      ask: () =>
        new Promise((_, reject) => {
          lose = reject;
        }),
    });
    // Nothing that is said on the relay arrives.
    const [relay] = MemoryCarrier.pair({ delay: () => new Promise(() => {}), framesMax: 1 });
    const duplex = new CarriedDuplex(relay);
    upgrade.carry(duplex);
    upgrade.begin(1_000);
    await clock.pass(1_250);
    expect(gather).toHaveBeenCalledTimes(1);
    await upgrade.punch(
      Connection.fromPartial({ role: ConnectionRole.PUNCH_CONTROLLING, attempt: 1, relayVersion: 2 }),
    );
    lose(new Error('the answer came too late'));
    await clock.pass(100_000);
    expect(gather).toHaveBeenCalledTimes(1);
    // What another order comes to does not end the move.
    await upgrade.punch(Connection.fromPartial({ role: ConnectionRole.PUNCH_CONTROLLED, attempt: 2, relayVersion: 2 }));
    await clock.pass(100_000);
    expect(gather).toHaveBeenCalledTimes(1);
    duplex.destroy();
    upgrade.end();
  });
});

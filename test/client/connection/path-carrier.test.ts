import { PassThrough } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../../harness/manual-clock.js';
import { CarriedDuplex } from '../../../src/client/carrier/carried-duplex.js';
import { SilentPathError } from '../../../src/client/carrier/lost-path.js';
import { carrierOfPath } from '../../../src/client/connection/path-carrier.js';
import { LocalAddresses } from '../../../src/client/local-addresses.js';

const HERE = { host: '10.0.0.1', port: 1 };

describe('a direct path whose peer is silent below it', () => {
  it('is dead, and keeps its stream for a connection that may go on elsewhere', () => {
    const clock = new ManualClock();
    const stream = new PassThrough();
    let silent = (_error: SilentPathError) => {};
    const whenSilent = (die: typeof silent) => {
      silent = die;
    };
    const path = { stream, local: HERE, remote: HERE, flush: async () => {}, roundTripMs: 1, whenSilent };
    const carrier = carrierOfPath(path, { relayVersion: 4 }, { clock, addresses: new LocalAddresses(clock, () => []) });
    const duplex = new CarriedDuplex(
      carrier,
      () => {},
      () => true,
    );
    silent(new SilentPathError('silent for 20 s'));
    expect([carrier.isOver, stream.destroyed, duplex.destroyed]).toEqual([true, false, false]);
    duplex.destroy();
  });
});

describe('a direct path from an address that this machine loses', () => {
  it.each([
    ['is dead at once for a connection that may return', 4, true],
    ['is left to TCP for one whose peer knows no way back', 3, false],
    ['is left to TCP for one that may not, or whose server is of 0.1.0', 0, false],
  ])('%s', async (_what, relayVersion, isOver) => {
    const clock = new ManualClock();
    let there = [HERE.host];
    const addresses = new LocalAddresses(clock, () => there);
    const stream = new PassThrough();
    const path = { stream, local: HERE, remote: HERE, flush: async () => {}, roundTripMs: 1 };
    const carrier = carrierOfPath(path, { relayVersion }, { clock, addresses });
    const duplex = new CarriedDuplex(
      carrier,
      () => {},
      () => true,
    );
    there = [];
    await clock.pass(1_000);
    expect([carrier.isOver, stream.destroyed, duplex.destroyed]).toEqual([isOver, false, false]);
    duplex.destroy();
    expect(stream.destroyed).toBe(true);
  });
});

import { describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { readConfig } from '../../src/config/config.js';
import { INITIAL_LIMITS } from '../../src/core/model/limits.js';
import { State } from '../../src/core/store/state.js';
import { MemoryDisk, MemoryJournal } from '../../src/journal/storage/memory.js';
import type { Engine } from '../../src/server/engine.js';
import { Networks } from '../../src/server/networks.js';

/** As much of an engine as is measured, created and dropped. */
function engineOf(name: string, number: number): Engine {
  const replica = { state: new State(INITIAL_LIMITS), attachments: { count: 0 }, snapshotAtMs: undefined, opened() {} };
  const engine = {
    network: { name, number },
    replica,
    feeds: { grpc: {}, system: {} },
    shares: {},
    relay: {},
    async close() {},
  };
  return engine as unknown as Engine;
}

describe('what is measured of networks', () => {
  it('is one list until a network is created or dropped, however often a scrape asks for it', async () => {
    const config = readConfig({
      flags: { data: ':memory:' },
      env: {},
      platform: 'linux',
      home: '/nowhere',
      readFile: () => '',
    });
    const networks = new Networks({
      config,
      dropped: async () => {},
      journals: new MemoryJournal(new MemoryDisk()).networks,
      start: async ({ name, number }) => engineOf(name, number),
      clock: { wallMs: () => 0 },
      log: pino({ level: 'silent' }),
    });
    const names = () => networks.measured().map(({ name }) => name);
    await networks.create('one', 0);
    const first = networks.measured();
    expect(networks.measured()).toBe(first);
    await networks.create('two', 0);
    expect(names()).toEqual(['one', 'two']);
    await networks.drop('one');
    expect(names()).toEqual(['two']);
    expect(networks.measured()).toBe(networks.measured());
  });
});

import { describe, expect, it } from '@jest/globals';
import { isFault } from '../../src/core/model/fault.js';
import { LinkType } from '../../src/core/model/link.js';
import { DEFAULT_STREAM_PARAMS } from '../../src/core/model/stream.js';
import { World } from './world.js';

/** What waits for somebody to act, how it begins, how long it has, and whether it waits still. */
const WAITS: [string, number, (world: World) => Promise<() => boolean>][] = [
  [
    'an order',
    10_000,
    async (world) => {
      const sid = await world.open(1, 86_400_000);
      world.replica.attachments.open(sid);
      await world.submit({ kind: 'RequestTermination', sid, reason: '', deadlineMs: 10_000 });
      return () => world.lives(sid);
    },
  ],
  [
    'a connection in the making',
    55_000,
    async (world) => {
      const [sid, peer] = [await world.open(1, 86_400_000), await world.open(2, 86_400_000)];
      for (const one of [sid, peer]) world.replica.attachments.open(one);
      const drawn = { nonce: '\u0007'.repeat(16), atMs: 0 };
      const gathered = { candidates: [], publicKey: '\u0001', roundTripMs: 1, relayVersion: 1 };
      const asked = { host: '', port: 0, deadlineMs: 600_000, relayed: 0, link: LinkType.TRANSPORT_UDP };
      const outcome = await world.submit({ kind: 'AskConnection', sid, peer, ...asked, ...drawn, ...gathered });
      if (isFault(outcome)) throw outcome;
      return () => [...world.replica.state.connections.all()].some(({ reason }) => reason === undefined);
    },
  ],
  [
    'the timeout of a stream',
    5_000,
    async (world) => {
      const [sid, peer] = [await world.open(1, 86_400_000), await world.open(2, 86_400_000)];
      const params = { ...DEFAULT_STREAM_PARAMS, timeoutMs: 5_000 };
      await world.submit({ kind: 'CreateStream', sid, params, sinks: [peer] });
      return () => world.replica.state.streams.of(sid).length > 0;
    },
  ],
];

describe.each(WAITS)('%s', (_, spanMs, begin) => {
  it('has all of its time', async () => {
    const world = await World.start();
    const waits = await begin(world);
    await world.advance(spanMs - 200);
    expect(waits()).toBe(true);
    await world.advance(400);
    expect(waits()).toBe(false);
  });

  it('is extended by the length of a pause of the process, and by no more', async () => {
    const world = await World.start();
    const waits = await begin(world);
    await world.advance(spanMs - 1_000);
    for (let n = 0; n < 3; n++) {
      world.clock.freeze(60_000);
      await world.advance(100);
      expect(waits()).toBe(true);
    }
    // What has passed since the last tick before a pause counts as a part of it.
    await world.advance(400);
    expect(waits()).toBe(true);
    await world.advance(2_000);
    expect(waits()).toBe(false);
  });

  it('has all of its time again after a restart, from when the doors are open', async () => {
    const world = await World.start();
    const waits = await begin(world);
    await world.advance(spanMs - 1_000);
    await world.settle(world.replica.close());
    await world.recover();
    world.clock.freeze(60_000);
    await world.advance(0);
    world.replica.opened();
    await world.advance(spanMs - 200);
    expect(waits()).toBe(true);
    await world.advance(400);
    expect(waits()).toBe(false);
  });
});

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ManualClock } from '../../harness/manual-clock.js';
import { readConfig } from '../../src/config/config.js';
import { systemFeedLimits } from '../../src/config/part-limits.js';
import type { Change } from '../../src/core/model/change.js';
import { Fault } from '../../src/core/model/fault.js';
import { DEFAULT_LIMITS } from '../../src/core/model/limits.js';
import { CloseReason, type Session } from '../../src/core/model/session.js';
import { State } from '../../src/core/store/state.js';
import { Feed } from '../../src/feed/feed.js';
import type { Subscription } from '../../src/feed/subscription.js';
import { SessionEvents } from '../../src/replica/session-events.js';
import { makeFeeds } from '../../src/server/feeds.js';
import { closedTopic } from '../../src/system/encode/closed-topic.js';
import { deltaTopic } from '../../src/system/encode/delta-topic.js';

const EPOCH = 'e';

/** The feeds of a server, and beside those of system events the same that hold all of their history themselves. */
class World {
  readonly clock = new ManualClock();
  readonly state = new State(DEFAULT_LIMITS);
  readonly feeds: ReturnType<typeof makeFeeds>;
  readonly controls: { readonly network: Feed; readonly closed: Feed };
  revision = 0;

  constructor() {
    const { state, clock } = this;
    const readFile = () => '';
    const config = readConfig({ flags: {}, env: {}, platform: 'linux', home: '/', readFile });
    const sessionEvents = new SessionEvents('p', { wallMs: () => 0, publish: () => {} });
    this.feeds = makeFeeds(config, { state, clock, sessionEvents, isAttached: () => false });
    const limits = systemFeedLimits(config);
    const network = new Feed(deltaTopic(state), state, limits, clock);
    this.controls = { network, closed: new Feed(closedTopic(), state, limits, clock) };
  }

  publish(changes: readonly Change[], epoch = this.state.epoch): void {
    const position = { epoch, revision: ++this.revision };
    const { grpc, system } = this.feeds;
    for (const feed of [grpc.network, grpc.closed, system.network, system.closed]) feed.publish(position, changes);
    for (const feed of Object.values(this.controls)) feed.publish(position, changes);
  }
}

/** All that a watch has to read now. */
function readAll(watch: Subscription | Fault): Buffer {
  if (watch instanceof Fault) throw new Error(watch.message);
  const read: Uint8Array[] = [];
  for (let message = watch.next(); message !== undefined; message = watch.next()) {
    if (message instanceof Fault) throw new Error(message.message);
    read.push(message);
  }
  return Buffer.concat(read);
}

function session(sid: number, name: string, labels: Record<string, string>): Session {
  const uuid = `00000000-0000-4000-8000-${String(sid).padStart(12, '0')}`;
  return { sid, uuid, ttlMs: 1, name, labels, tokenHash: '', openedAtMs: 0, openedRevision: 7, streamId: sid };
}

const sid = fc.integer({ min: 1, max: 0x7fffffff });
const label = fc.dictionary(fc.string({ minLength: 1, maxLength: 4 }), fc.string({ maxLength: 4 }), { maxKeys: 3 });
const sessions = fc.tuple(sid, fc.string({ maxLength: 8 }), label).map((about) => session(...about));
const link = fc.record({ a: sid, b: sid, link: fc.constantFrom(0, 1, 2) });
const change = fc.oneof(
  sessions.map((opened): Change => ({ kind: 'SessionOpened', session: opened })),
  link.map((added) => ({ kind: 'LinkAdded', link: added }) as Change),
  link.map((removed) => ({ kind: 'LinkRemoved', link: removed }) as Change),
);
const closed = fc
  .tuple(sessions, fc.constantFrom(CloseReason.SUPERSEDED, CloseReason.TERMINATED, CloseReason.EXPIRED))
  .map(([ended, reason]) => ({ kind: 'SessionClosed', session: ended, reason }) as Change);
/** A revision ends one session at most. */
const revision = fc
  .tuple(fc.array(change, { maxLength: 3 }), fc.option(closed, { nil: undefined }))
  .map(([changes, end]) => (end === undefined ? changes : [...changes, end]));

describe('the feeds of system events', () => {
  it('encode nothing and hold nothing while nobody watches them, and again once the last watch has gone', () => {
    const world = new World();
    const { system } = world.feeds;
    let encodings = 0;
    for (const { topic } of Object.values(system)) {
      const { encode } = topic;
      topic.encode = (...args) => {
        encodings++;
        return encode(...args);
      };
    }
    const end: Change = { kind: 'SessionClosed', session: session(9, '', {}), reason: CloseReason.EXPIRED };
    for (let n = 0; n < 100; n++) world.publish([end]);
    expect([encodings, system.network.log.byteSize, system.closed.log.byteSize]).toEqual([0, 0, 0]);
    const watches = Object.values(system).map((feed) => feed.subscribe({}) as Subscription);
    world.publish([end]);
    expect(encodings).toBe(2);
    expect(system.network.log.byteSize).toBeGreaterThan(0);
    for (const watch of watches) watch.close();
    world.publish([end]);
    expect([encodings, system.network.log.byteSize, system.closed.log.byteSize]).toEqual([2, 0, 0]);
  });

  it('give a watch that resumes anywhere the bytes that it would have had by watching all the time', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(revision, fc.boolean()), { minLength: 1, maxLength: 30 }),
        fc.array(fc.nat(30), { maxLength: 3 }),
        fc.constantFrom<readonly number[]>([], [7]),
        (revisions, resumed, sids) => {
          const world = new World();
          const present: Subscription[] = [];
          const { system } = world.feeds;
          for (const [changes, isWatched] of revisions) {
            if (!isWatched) for (const watch of present.splice(0)) watch.close();
            else if (present.length === 0) {
              for (const feed of Object.values(system)) present.push(feed.subscribe({}) as Subscription);
            }
            world.publish(changes);
          }
          for (const wish of [0, world.revision, ...resumed.filter((at) => at <= world.revision)]) {
            for (const name of ['network', 'closed'] as const) {
              const asked = { after: { epoch: world.state.epoch, revision: wish }, sids };
              const expected = readAll(world.controls[name].subscribe(asked));
              expect(readAll(system[name].subscribe(asked)).equals(expected)).toBe(true);
            }
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  it('give up the history of another epoch', () => {
    const world = new World();
    world.publish([]);
    world.publish([], EPOCH);
    expect(world.feeds.system.network.subscribe({ after: { epoch: EPOCH, revision: 0 } })).toBeInstanceOf(Fault);
    expect(world.feeds.system.network.subscribe({ after: { epoch: EPOCH, revision: 1 } })).not.toBeInstanceOf(Fault);
  });

  it('cut a long past into messages of a bounded size, and miss nothing of it', () => {
    const world = new World();
    const opened = (n: number): Change => ({ kind: 'SessionOpened', session: session(n + 1, 'x'.repeat(200), {}) });
    for (let n = 0; n < 2_000; n++) world.publish([opened(n)]);
    const after = { epoch: world.state.epoch, revision: 0 };
    const watch = world.feeds.system.network.subscribe({ after }) as Subscription;
    world.publish([opened(2_000)]);
    const sizes: number[] = [];
    const parts: Uint8Array[] = [];
    for (let message = watch.next(); message instanceof Uint8Array; message = watch.next()) {
      sizes.push(message.length);
      parts.push(message);
    }
    expect(Math.max(...sizes)).toBeLessThanOrEqual(65_536);
    expect(Buffer.concat(parts).equals(readAll(world.controls.network.subscribe({ after })))).toBe(true);
  });
});

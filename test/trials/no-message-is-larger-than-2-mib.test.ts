import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { WatchStreamsResponse } from '../../gen/switchyard/v1/stream_service.js';
import { ManualClock } from '../../harness/manual-clock.js';
import { apply } from '../../src/core/decide/apply.js';
import type { Change } from '../../src/core/model/change.js';
import type { Command } from '../../src/core/model/command.js';
import { Fault, isFault } from '../../src/core/model/fault.js';
import { DEFAULT_LIMITS, type Limits } from '../../src/core/model/limits.js';
import { LinkType } from '../../src/core/model/link.js';
import { CloseReason } from '../../src/core/model/session.js';
import { DEFAULT_STREAM_PARAMS } from '../../src/core/model/stream.js';
import { capture } from '../../src/core/store/snapshot.js';
import { State } from '../../src/core/store/state.js';
import { Feed } from '../../src/feed/feed.js';
import { DEFAULT_FEED_LIMITS, type FeedLimits } from '../../src/feed/limits.js';
import { closedTopic } from '../../src/grpc/encode/closed-topic.js';
import { connectionsTopic } from '../../src/grpc/encode/connections-topic.js';
import { networkTopic } from '../../src/grpc/encode/network-topic.js';
import { sessionsTopic } from '../../src/grpc/encode/sessions-topic.js';
import { streamsTopic } from '../../src/grpc/encode/streams-topic.js';
import { type SessionEvent, SessionEvents } from '../../src/replica/session-events.js';
import { closedTopic as systemClosedTopic } from '../../src/system/encode/closed-topic.js';
import { deltaTopic } from '../../src/system/encode/delta-topic.js';
import { IS_LONG } from '../long.js';

// etcd #19441: a watch that was behind was sent one message of 4.8 MB, which no default client takes, again and again.

const MESSAGE_BYTES_MAX = 2_097_152;
/** Some ms of work, with room for a slow machine and for what V8 collects meanwhile. */
const TURN_MS_MAX = 100;

/** Milliseconds that the process has worked: on a machine that is busy otherwise, time passes without any. */
function workedMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

const FULL_LABELS = Object.fromEntries(
  Array.from({ length: 16 }, (_, n) => [`${n}`.padStart(63, 'k'), 'ä'.repeat(127)]),
);

/** As many as one end may bring. */
const FULL_CANDIDATES = Array.from({ length: 16 }, (_, n) => ({
  ...{ host: `2001:0db8:1111:2222:3333:4444:5555:${1_000 + n}`, port: 50_000 + n },
  ...{ type: 1, priority: 2_000_000_000 },
}));

type AnyFeed = Feed | Feed<SessionEvent>;

/** A network with the feeds of all doors. */
class World {
  readonly clock = new ManualClock();
  readonly state: State;
  /** Those that have the positions of the network. */
  readonly feeds: readonly Feed[];
  /** That of WatchSessions, which has positions of its own. */
  readonly sessions: Feed<SessionEvent>;
  readonly events: SessionEvents;
  /** The longest that telling one revision to all feeds took. */
  longestMs = 0;
  private count = 0;

  constructor(limits: Partial<Limits> = {}, feed: Partial<FeedLimits> = {}) {
    this.state = new State({ ...DEFAULT_LIMITS, ...limits });
    apply(this.state, { kind: 'FoundNetwork', epoch: 'e', serverUuid: this.uuid(), atMs: 0 });
    const bounds = { ...DEFAULT_FEED_LIMITS, ...feed };
    const { state, clock } = this;
    const topics = [networkTopic(state), closedTopic, streamsTopic, deltaTopic(state), systemClosedTopic()];
    this.feeds = [...topics, connectionsTopic].map((topic) => {
      const messageBytesMax = topic === closedTopic ? 0 : bounds.messageBytesMax;
      return new Feed(topic, state, { ...bounds, messageBytesMax }, clock);
    });
    this.events = new SessionEvents('s', {
      wallMs: () => 0,
      publish: (position, events, atMs) => this.sessions.publish(position, events, atMs),
    });
    const { events } = this;
    const origin = { position: events.position, capture: () => ({ ...capture(state), position: events.position }) };
    const topic = sessionsTopic(state, () => true);
    this.sessions = new Feed(topic, state, bounds, clock, undefined, origin);
  }

  do(command: Command): readonly Change[] {
    const outcome = apply(this.state, command);
    const changes = isFault(outcome) ? [] : outcome.changes;
    const fromMs = workedMs();
    for (const feed of this.feeds) feed.publish(this.state.position, changes, this.clock.wallMs());
    this.events.publish(this.state.position, changes);
    this.longestMs = Math.max(this.longestMs, workedMs() - fromMs);
    return changes;
  }

  open(labels: Record<string, string> = {}): number {
    const uuid = this.uuid();
    const rest = { type: 2, flavor: 0, ttlMs: 1_000, name: 'ü'.repeat(64), tokenHash: '', atMs: 0 };
    this.do({ kind: 'OpenSession', uuid, labels, ...rest });
    return this.state.sessions.ofInstance(uuid)!.sid;
  }

  link(one: number, two: number): void {
    for (const [sid, peer] of [
      [one, two],
      [two, one],
    ]) {
      this.do({ kind: 'ReportLink', sid, peer, link: 1, established: true });
    }
  }

  stream(sid: number, sinks: readonly number[], labels: Record<string, string> = {}): void {
    this.do({ kind: 'CreateStream', sid, sinks, params: { ...DEFAULT_STREAM_PARAMS, labels } });
  }

  ask(sid: number, peer: number, isFull: boolean): void {
    const rest = { host: '198.51.100.1', port: 0, relayed: 0, deadlineMs: 10_000, nonce: 'n'.repeat(16) };
    const known = { publicKey: 'k'.repeat(91), roundTripMs: 1, relayVersion: 3, atMs: 1 };
    const candidates = isFull ? FULL_CANDIDATES : [];
    this.do({ kind: 'AskConnection', sid, peer, candidates, ...rest, ...known, link: LinkType.TRANSPORT_TCP });
  }

  close(sid: number): readonly Change[] {
    return this.do({ kind: 'CloseSession', sid, reason: CloseReason.EXPIRED });
  }

  private uuid(): string {
    return `00000000-0000-4000-8000-${String(++this.count).padStart(12, '0')}`;
  }
}

/** A watch that is read now and then, and measured. */
class Reader {
  largest = 0;
  longestMs = 0;
  readonly messages: Uint8Array[] = [];
  private isWoken = false;
  private readonly watch;

  constructor(
    readonly world: World,
    feed: AnyFeed,
    wish: Parameters<Feed['subscribe']>[0],
    private readonly keeps = false,
  ) {
    const watch = feed.subscribe(wish);
    if (watch instanceof Fault) throw new Error(watch.message);
    watch.onReady(() => {
      this.isWoken = true;
    });
    this.watch = watch;
  }

  /** Reads what there is, over as many turns as that takes. */
  read(): void {
    for (;;) {
      const fromMs = workedMs();
      const message = this.watch.next();
      this.longestMs = Math.max(this.longestMs, workedMs() - fromMs);
      if (message instanceof Fault) return;
      if (message === undefined) {
        this.isWoken = false;
        this.world.clock.turn();
        if (!this.isWoken) return;
        continue;
      }
      this.largest = Math.max(this.largest, message.length);
      if (this.keeps) this.messages.push(message);
    }
  }
}

const step = fc.record({
  what: fc.constantFrom('open', 'open', 'close', 'link', 'stream', 'ask', 'ask', 'read', 'wait'),
  one: fc.nat(30),
  two: fc.nat(30),
  isFull: fc.boolean(),
});

describe('a message of a watch', () => {
  it('is no larger than its bound, and is made in one short turn, whatever changed and whoever watches', () => {
    // A small bound, so that chance meets it: what is told must not depend on the number.
    const feed = { revisionBytesMax: 12_288, messageBytesMax: 8_192, historyBytesMax: 65_536, historyRevisionsMax: 64 };
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const world = new World({ sinksPerStreamMax: 64 }, feed);
        const sids: number[] = [];
        const pick = (n: number) => sids[n % Math.max(1, sids.length)];
        const readers = [...world.feeds, world.sessions].flatMap((each: AnyFeed) => [
          new Reader(world, each, {}),
          new Reader(world, each, { coalesce: true }),
          new Reader(world, each, { coalesce: true, sids: [258, 770, 1_282] }),
        ]);
        for (const { what, one, two, isFull } of steps) {
          if (what === 'open') sids.push(world.open(isFull ? FULL_LABELS : {}));
          else if (sids.length < 2) continue;
          else if (what === 'close') world.close(sids.splice(one % sids.length, 1)[0]);
          else if (what === 'link') world.link(pick(one), pick(two));
          else if (what === 'ask') world.ask(pick(one), pick(two), isFull);
          else if (what === 'stream') {
            const from = pick(one);
            const sinks = sids.filter((sid) => sid !== from).slice(0, 1 + two);
            world.stream(from, sinks, isFull ? FULL_LABELS : {});
          } else if (what === 'read') readers[one % readers.length].read();
          else world.clock.advance(11_000);
        }
        for (const reader of readers) {
          reader.read();
          // A snapshot's part may have one node or stream more than it was to have.
          expect(reader.largest).toBeLessThanOrEqual(131_072 + 12_288);
        }
        for (const each of world.feeds) expect(each.log.hasGapAfter(world.state.revision)).toBe(false);
        expect(world.sessions.log.hasGapAfter(world.events.position.revision)).toBe(false);
      }),
      { numRuns: IS_LONG ? 40 : 6 },
    );
  }, 120_000);

  it('is never larger than 2 MiB when a session ends that has 2,400 connections with all candidates', () => {
    const bounds = { connectionsPendingPerSessionMax: 4_096, connectionsPendingMax: 4_096, ordersPerSessionMax: 4_096 };
    const world = new World({ ...bounds, connectionsPerSessionMax: 4_096, connectionsFinishedMax: 4_096 });
    const [one, ...others] = Array.from({ length: 65 }, () => world.open());
    for (let n = 0; n < 2_400; n++) world.ask(one, others[n % 64], true);
    expect(world.state.connections.of(one)).toHaveLength(2_400);
    const feed = world.feeds[5];
    const readers = [{}, { sids: [one] }].map(
      (wish) => new Reader(world, feed, { after: world.state.position, ...wish }),
    );
    for (const reader of readers) reader.read();
    const changes = world.close(one);
    // In one message they would be larger.
    expect(connectionsTopic.encode(world.state.position, changes)!.length).toBeGreaterThan(MESSAGE_BYTES_MAX);
    for (const reader of readers) {
      reader.read();
      expect([reader.largest > 0, reader.largest <= MESSAGE_BYTES_MAX]).toEqual([true, true]);
    }
  }, 60_000);

  it('is small when the sink of 1,024 streams with full labels ends: streams that lost a branch are not sent whole', () => {
    const world = new World();
    const sinks = [1, 2, 3].map(() => world.open());
    const others = Array.from({ length: 64 }, () => world.open());
    for (let n = 0; n < 1_024; n++) world.stream(others[n % 64], [...sinks, others[(n + 1) % 64]], FULL_LABELS);
    const reader = new Reader(world, world.feeds[2], { after: world.state.position }, true);
    reader.read();
    const tookMs = sinks.map((sink) => {
      world.longestMs = 0;
      reader.longestMs = 0;
      world.close(sink);
      reader.read();
      return Math.max(world.longestMs, reader.longestMs);
    });
    const told = reader.messages.map((bytes) => WatchStreamsResponse.decode(bytes)).flatMap(({ changes }) => changes);
    expect(told.filter(({ kind }) => kind?.$case === 'branchesLost')).toHaveLength(3 * 1_024);
    expect(told.filter(({ kind }) => kind?.$case === 'put')).toEqual([]);
    expect(reader.largest).toBeLessThan(262_144);
    expect(Math.min(...tookMs)).toBeLessThan(TURN_MS_MAX);
  }, 60_000);

  it('is never larger than 2 MiB when a session with 5,000 branches in streams of 52 sinks ends', () => {
    const world = new World({ streamsPerSessionMax: 256 });
    const sink = world.open();
    const others = Array.from({ length: 64 }, () => world.open());
    for (let n = 0; n < 5_000; n++) {
      const from = others[n % 64];
      world.stream(from, [sink, ...others.filter((sid) => sid !== from).slice(0, 51)]);
    }
    const all = new Reader(world, world.feeds[2], { after: world.state.position });
    const own = new Reader(world, world.feeds[2], { after: world.state.position, sids: [others[0]] });
    for (const one of [all, own]) one.read();
    world.longestMs = 0;
    world.close(sink);
    for (const one of [all, own]) {
      one.read();
      // The parts of a snapshot, and nothing else.
      expect([one.largest > 65_536, one.largest < 262_144]).toEqual([true, true]);
    }
    expect(world.longestMs).toBeLessThan(TURN_MS_MAX);
  }, 120_000);

  it.each([
    ['80', 80, true],
    ['300', 300, false],
  ])(
    'is made in a short turn when a watcher missed %s nodes with full labels',
    (_name, count, isNet) => {
      // A log of sixteen entries, each in a segment of its own: by default one has 1 MiB, which takes longer to make than to fill.
      const world = new World({}, { historyRevisionsMax: 16, historyBytesMax: 262_144 });
      for (const feed of [world.feeds[0], world.feeds[3]]) {
        const reader = new Reader(world, feed, { after: world.state.position, coalesce: true });
        const tookMs = [1, 2, 3].map(() => {
          reader.read();
          world.clock.advance(20_000);
          reader.longestMs = 0;
          const sids = Array.from({ length: count }, () => world.open(FULL_LABELS));
          reader.read();
          for (const sid of sids) world.close(sid);
          return reader.longestMs;
        });
        // The net effect of all of them is one message; beyond its bound it is a snapshot in parts.
        expect(reader.largest > 262_144).toBe(isNet);
        expect(reader.largest).toBeLessThanOrEqual(MESSAGE_BYTES_MAX);
        expect(Math.min(...tookMs)).toBeLessThan(TURN_MS_MAX);
      }
    },
    60_000,
  );

  it('is made in short turns for a watch of one node in a large network', () => {
    const world = new World();
    const sids = Array.from({ length: 3_000 }, () => world.open(FULL_LABELS));
    for (const feed of [world.feeds[0], world.feeds[3]]) {
      const reader = new Reader(world, feed, { sids: [sids[2_999]] });
      reader.read();
      expect(reader.largest).toBeGreaterThan(4_000);
      expect(reader.longestMs).toBeLessThan(TURN_MS_MAX);
    }
  }, 60_000);
});

import type { Logger } from 'pino';
import type { Clock, Random } from '../base/clock.js';
import { Acceptances } from '../brokering/acceptances.js';
import type { Config } from '../config/config.js';
import { feedLimits, replicaLimits, shareLimits, systemFeedLimits } from '../config/part-limits.js';
import { draining } from '../core/model/draining.js';
import { INITIAL_LIMITS } from '../core/model/limits.js';
import type { HashKey } from '../core/store/halfsiphash.js';
import type { State } from '../core/store/state.js';
import { FairTurns } from '../fair/fair-turns.js';
import { DEFAULT_TURN_LIMITS } from '../fair/limits.js';
import { Feed } from '../feed/feed.js';
import { closedTopic } from '../grpc/encode/closed-topic.js';
import { networkTopic } from '../grpc/encode/network-topic.js';
import { streamsTopic } from '../grpc/encode/streams-topic.js';
import { FORMAT_VERSION } from '../journal/frame.js';
import { type Journal, JournalError } from '../journal/journal.js';
import { replayWhole } from '../journal/replaying.js';
import { DEFAULT_RELAY_LIMITS } from '../relay/limits.js';
import { Relay } from '../relay/relay.js';
import { Opening } from '../replica/opening.js';
import { recover } from '../replica/recover.js';
import { type Publisher, Replica } from '../replica/replica.js';
import { Shares } from '../shares/shares.js';
import { closedTopic as systemClosedTopic } from '../system/encode/closed-topic.js';
import { deltaTopic } from '../system/encode/delta-topic.js';
import type { EventReports } from './event-reports.js';
import type { Metrics } from './metrics.js';

/** What an engine is made of. */
export interface EngineParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly journal: Journal;
  readonly metrics: Metrics | undefined;
  /** Told who comes and goes. */
  readonly events: EventReports;
  /** Whether an address has no share of its own. */
  readonly isExempt: (address: string) => boolean;
  /** Told when the disk has no space left for the journal, and when it has again. */
  readonly writable: (isWritable: boolean) => void;
  /** Called when an invariant is broken or the journal can be written no more, after it was logged. */
  readonly fatal: (error: unknown) => void;
}

/** The feeds, in the bytes of each door. */
export type Feeds = ReturnType<typeof makeFeeds>;

/** Everything behind the doors, running: the network itself, and what has to be told of its changes. */
export interface Engine {
  readonly replica: Replica;
  readonly opening: Opening;
  /** What each caller may take of what all share. */
  readonly shares: Shares;
  /** Whose turn it is to be worked for, at all doors. */
  readonly turns: FairTurns;
  readonly feeds: Feeds;
  /** The data of streams. */
  readonly relay: Relay;
  /** Who waits for a peer to accept. */
  readonly acceptances: Acceptances;
  /** Tells one more of every change, after all others. */
  alsoTell(publisher: Publisher): void;
  /** Ends every watch, attachment and relay, after what is on its way to them. */
  drain(): void;
  /** Takes no more commands; resolves when those that were taken are durable. */
  close(): Promise<void>;
}

/**
 * Starts the engine. In this order, so that nothing is told before it is known: the journal is recovered into a state, the
 * feeds get their history by the same replay, and the replica takes over.
 */
export async function startEngine({
  config,
  clock,
  random,
  log,
  journal,
  metrics,
  events,
  isExempt,
  writable,
  fatal,
}: EngineParts): Promise<Engine> {
  const { limitsOfFormat1 } = config;
  if (journal.format < FORMAT_VERSION) await checkFormat1(journal, limitsOfFormat1, log);
  const recovery = await recover(journal, limitsOfFormat1, drawKey(random));
  const { state, passedOver } = recovery;
  if (passedOver !== undefined) {
    const message = 'a snapshot is damaged; the start goes on from the next one, which is whole. Look at the disk';
    log.error({ err: passedOver, from: state.revision }, message);
  }
  const feeds = makeFeeds(config, state, clock);
  const all = [...Object.values(feeds.grpc), ...Object.values(feeds.system)];
  const replayed = await recovery.replay((position, changes) => {
    for (const feed of all) feed.publish(position, changes);
  });
  log.info({ revision: state.revision, replayed, sessions: state.sessions.count }, 'recovered');
  const shares = new Shares({
    state,
    limits: shareLimits(config),
    key: drawKey(random),
    isExempt,
    refused: metrics && ((share) => metrics.shareRefused(share)),
  });
  const acceptances = new Acceptances(state);
  const used = (id: number) => replica.deadlines.used(id);
  const relay: Relay = new Relay(
    { state, used, submit: (command) => replica.enforce(command) },
    clock,
    DEFAULT_RELAY_LIMITS,
  );
  // The shares first, so that nobody asks of them what they have not counted. Then the relay: when a watcher hears that a stream has stopped, nothing more of it is delivered.
  const publishers: Publisher[] = [shares, relay, ...all, acceptances, events];
  const limits = replicaLimits(config);
  const replica: Replica = new Replica({
    state,
    journal,
    feeds: publishers,
    clock,
    random,
    limits,
    observed: metrics && ((command, outcome) => metrics.observed(command, outcome)),
    appended: metrics && ((tookMs, commands) => metrics.appendTook(tookMs, commands)),
    writable: (isWritable) => {
      metrics?.setWritable(isWritable);
      writable(isWritable);
    },
    warn: (message, error) => log.warn({ err: error }, message),
    fatal: (error) => {
      const isStorage = error instanceof JournalError;
      log.fatal({ err: error }, isStorage ? 'the journal can be written no more' : 'an invariant is broken');
      fatal(error);
    },
  });
  await replica.found(drawUuid(random));
  await replica.agreeOn(config.limits);
  return {
    replica,
    opening: new Opening(replica, clock, random, limits, shares, (session, origin) => events.opened(session, origin)),
    shares,
    turns: new FairTurns({
      clock,
      limits: DEFAULT_TURN_LIMITS,
      isExempt,
      refused: metrics && ((what) => metrics.turnRefused(what)),
    }),
    feeds,
    relay,
    acceptances,
    alsoTell: (publisher) => void publishers.push(publisher),
    drain: () => {
      for (const feed of all) feed.drain();
      relay.close(draining());
      replica.attachments.drain();
      acceptances.drain(draining());
    },
    close: () => replica.close(),
  };
}

/**
 * A journal of format 1 does not say by which limits its commands were decided: where a snapshot shows that they were not
 * those that were named, the start ends. The next append moves the journal on.
 */
async function checkFormat1(journal: Journal, limits = INITIAL_LIMITS, log: Logger): Promise<void> {
  log.warn(
    { format: journal.format },
    `the journal moves on to format ${FORMAT_VERSION}; builds of before refuse it then`,
  );
  await replayWhole(journal, limits);
  journal.moveOn(limits);
}

function makeFeeds(config: Config, state: State, clock: Clock) {
  const limits = feedLimits(config);
  const forSystem = systemFeedLimits(config);
  return {
    grpc: {
      network: new Feed(networkTopic(state), state, limits, clock),
      // Its messages hold one revision each: see the topic.
      closed: new Feed(closedTopic, state, { ...limits, messageBytesMax: 0 }, clock),
      streams: new Feed(streamsTopic, state, limits, clock),
    },
    system: {
      network: new Feed(deltaTopic(state), state, forSystem, clock),
      closed: new Feed(systemClosedTopic(), state, forSystem, clock),
    },
  };
}

/** What is hashed that callers choose is hashed by a secret. */
function drawKey(random: Random): HashKey {
  const drawn = Buffer.from(random.bytes(8));
  return [drawn.readInt32LE(0), drawn.readInt32LE(4)];
}

/** A UUID of version 4: RFC 9562, section 5.4. */
function drawUuid(random: Random): string {
  const bytes = Buffer.from(random.bytes(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

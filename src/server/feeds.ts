import type { Clock } from '../base/clock.js';
import type { Config } from '../config/options.js';
import { feedLimits, systemFeedLimits } from '../config/part-limits.js';
import { capture } from '../core/store/snapshot.js';
import type { State } from '../core/store/state.js';
import type { HistorySource } from '../feed/derived-log.js';
import { Feed } from '../feed/feed.js';
import type { HistoryBudget } from '../feed/history-budget.js';
import type { FeedLimits } from '../feed/limits.js';
import { SnapshotBudget } from '../feed/snapshot-budget.js';
import { closedTopic, readClosed } from '../grpc/encode/closed-topic.js';
import { connectionsTopic } from '../grpc/encode/connections-topic.js';
import { networkTopic, readRevision } from '../grpc/encode/network-topic.js';
import { sessionsTopic } from '../grpc/encode/sessions-topic.js';
import { streamsTopic } from '../grpc/encode/streams-topic.js';
import type { SessionEvents } from '../replica/session-events.js';
import { closedTopic as systemClosedTopic } from '../system/encode/closed-topic.js';
import { deltaTopic } from '../system/encode/delta-topic.js';

/** Bytes of history for what is told seldom, or is soon out of date. */
const SMALL_HISTORY_BYTES_MAX = 16 * 1_048_576;
/** Feeds of a network whose history is as long as it may be, and those of which it is small. */
const FEEDS = 5;
const SMALL_FEEDS = 2;

/** What the feeds are made of. */
export interface FeedsDeps {
  readonly state: State;
  readonly clock: Clock;
  readonly sessionEvents: SessionEvents;
  readonly isAttached: (sid: number) => boolean;
}

/** What bounds the feeds of all networks together. */
export interface FeedsInAll {
  readonly snapshots: SnapshotBudget;
  readonly history?: HistoryBudget | undefined;
}

/**
 * Bytes of the history of all feeds of all networks together: what those of one network may have. So a server of one network has what
 * it was told, and one of several no more.
 */
export function historyInAllMax(config: Config): number {
  const { historyBytesMax } = feedLimits(config);
  return FEEDS * historyBytesMax + SMALL_FEEDS * Math.min(historyBytesMax, SMALL_HISTORY_BYTES_MAX);
}

/** The feeds, in the bytes of each door. */
export type Feeds = ReturnType<typeof makeFeeds>;

/** Makes them. Those of gRPC are to be told of a revision before those of system events, whose history is made from theirs. */
export function makeFeeds(
  config: Config,
  deps: FeedsDeps,
  inAll: FeedsInAll = { snapshots: new SnapshotBudget(feedLimits(config).snapshotBytesMax) },
) {
  const { snapshots: budget, history: historyInAll } = inAll;
  const grpc = grpcFeeds({ ...feedLimits(config), historyInAll }, deps, budget);
  const limits = { ...systemFeedLimits(config), historyInAll };
  return { grpc, system: systemFeeds(limits, deps, { budget, ...grpc }) };
}

function grpcFeeds(limits: FeedLimits, { state, clock, sessionEvents, isAttached }: FeedsDeps, budget: SnapshotBudget) {
  const small = { ...limits, historyBytesMax: Math.min(limits.historyBytesMax, SMALL_HISTORY_BYTES_MAX) };
  return {
    network: new Feed(networkTopic(state), state, limits, clock, budget),
    // Its messages hold one revision each: see the topic.
    closed: new Feed(closedTopic, state, { ...limits, messageBytesMax: 0 }, clock, budget),
    streams: new Feed(streamsTopic, state, limits, clock, budget),
    connections: new Feed(connectionsTopic, state, small, clock, budget),
    sessions: new Feed(sessionsTopic(state, isAttached), state, small, clock, budget, {
      position: sessionEvents.position,
      capture: () => ({ ...capture(state), position: sessionEvents.position }),
    }),
  };
}

/** What the feeds of system events are made of, besides what all are. */
interface SystemFeedsDeps {
  readonly budget: SnapshotBudget;
  readonly network: Feed;
  readonly closed: Feed;
}

function systemFeeds(
  limits: FeedLimits,
  { state, clock }: Pick<FeedsDeps, 'state' | 'clock'>,
  { budget, network, closed }: SystemFeedsDeps,
) {
  const deltas = deltaTopic(state);
  const ends = systemClosedTopic();
  const derived = (topic: typeof deltas | typeof ends, source: Feed, translate: HistorySource['translate']) => {
    const { log, touches } = source;
    return new Feed(topic, state, limits, clock, budget, undefined, { log, touches, translate });
  };
  return {
    network: derived(deltas, network, (entry) => {
      const { position, delta } = readRevision(entry);
      return deltas.encodeRevision(position, delta);
    }),
    closed: derived(ends, closed, (entry) => {
      const end = readClosed(entry);
      return ends.encodeEnd(end.position, end);
    }),
  };
}

import type { Clock } from '../../../src/base/clock.js';
import { capture } from '../../../src/core/store/snapshot.js';
import type { State } from '../../../src/core/store/state.js';
import { Feed } from '../../../src/feed/feed.js';
import type { FeedLimits } from '../../../src/feed/limits.js';
import type { Topic } from '../../../src/feed/topic.js';
import { connectionsTopic } from '../../../src/grpc/encode/connections-topic.js';
import { sessionsTopic } from '../../../src/grpc/encode/sessions-topic.js';
import { closedTopic as systemClosedTopic } from '../../../src/system/encode/closed-topic.js';
import { deltaTopic } from '../../../src/system/encode/delta-topic.js';

/** The most that one message to a watcher of system events holds: some revisions, so that they are gathered now and then. */
const SYSTEM_MESSAGE_BYTES_MAX = 8_192;

/** What feeds tell of: what a mutation may tamper with. */
export interface FeedTopics {
  network: Topic;
  closed: Topic;
  streams: Topic;
}

/** What the feeds of a simulated server are made of. */
export interface FeedParts {
  readonly state: State;
  readonly topics: FeedTopics;
  readonly limits: FeedLimits;
  readonly clock: Clock;
}

/** The feeds of a simulated server: those of gRPC, those of system events, and those of both that tell of revisions. */
export function makeFeeds({ state, topics, limits, clock }: FeedParts) {
  const feeds = {
    network: new Feed(topics.network, state, limits, clock),
    closed: new Feed(topics.closed, state, { ...limits, messageBytesMax: 0 }, clock),
    streams: new Feed(topics.streams, state, limits, clock),
    connections: new Feed(connectionsTopic, state, limits, clock),
    // Of no watch that is simulated: attachments are not told.
    sessions: new Feed(
      sessionsTopic(state, () => false),
      state,
      limits,
      clock,
      undefined,
      {
        position: { epoch: 'simulated', revision: 0 },
        capture: () => capture(state),
      },
    ),
  };
  const forSystem = { ...limits, messageBytesMax: SYSTEM_MESSAGE_BYTES_MAX };
  const systemFeeds = {
    network: new Feed(deltaTopic(state), state, forSystem, clock),
    closed: new Feed(systemClosedTopic(), state, forSystem, clock),
  };
  const all = [feeds.network, feeds.closed, feeds.streams, feeds.connections, ...Object.values(systemFeeds)];
  return { feeds, systemFeeds, all };
}

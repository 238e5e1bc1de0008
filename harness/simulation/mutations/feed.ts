import { WatchNetworkDeltaResponse } from '../../../gen/switchyard/v1/network_service.js';
import type { Timer } from '../../../src/base/clock.js';
import type { Change } from '../../../src/core/model/change.js';
import type { Fault } from '../../../src/core/model/fault.js';
import type { Feed } from '../../../src/feed/feed.js';
import type { FeedLimits } from '../../../src/feed/limits.js';
import type { Topic } from '../../../src/feed/topic.js';
import { inside } from '../machine/inside.js';
import type { Mutation } from './mutation.js';

/** Something that does what it does by a timer. */
interface TimerInside {
  readonly timer: Timer;
}

/** A topic of which some methods are others, made from what they were. */
function topicWith(topic: Topic, changed: (topic: Topic) => Partial<Topic>): Topic {
  return { ...topic, ...changed(topic) };
}

function halves(changes: readonly Change[]): [readonly Change[], readonly Change[]] {
  const middle = Math.ceil(changes.length / 2);
  return [changes.slice(0, middle), changes.slice(middle)];
}

/** The next message of every subscription of a feed goes through `change`. */
function everyNext(feed: Feed, change: (next: () => ReturnType<NextOf>, feed: Feed) => ReturnType<NextOf>): void {
  const subscribe = feed.subscribe.bind(feed);
  feed.subscribe = (wish) => {
    const subscription = subscribe(wish);
    if ('next' in subscription) {
      const next = subscription.next.bind(subscription);
      subscription.next = () => change(next, feed);
    }
    return subscription;
  };
}

type NextOf = Exclude<ReturnType<Feed['subscribe']>, Fault>['next'];

/** Faults of what watchers are told. */
export const FEED_MUTATIONS: readonly Mutation[] = [
  {
    name: 'skip a revision for a late watcher',
    seed: 1,
    minutes: 3,
    finds: 'Resumable',
    server: ({ feeds: { network } }) => {
      const read = network.log.read.bind(network.log);
      network.log.read = (after, bytesMax) => {
        const isLate = network.position.revision - after > 3;
        return read(isLate ? after + 1 : after, bytesMax);
      };
    },
  },
  {
    name: 'repeat a revision on resume',
    seed: 4,
    minutes: 3,
    finds: 'Resumable',
    server: ({ feeds: { network } }) => {
      const subscribe = network.subscribe.bind(network);
      network.subscribe = ({ after, ...wish }) => {
        const isInside = after !== undefined && after.revision > network.log.floor;
        return subscribe({ ...wish, after: isInside ? { ...after, revision: after.revision - 1 } : after });
      };
    },
  },
  {
    name: 'split a revision in two',
    seed: 3,
    minutes: 3,
    finds: 'Unique',
    parts: ({ topics }) => {
      topics.network = topicWith(topics.network, ({ encode }) => ({
        encode: (position, changes) =>
          changes.length < 2
            ? encode(position, changes)
            : Buffer.concat(halves(changes).map((half) => encode(position, half)!)),
      }));
    },
  },
  {
    name: 'bookmark ahead of delivery',
    seed: 3,
    minutes: 3,
    finds: 'Ordered',
    server: ({ feeds: { network } }) => {
      let count = 0;
      everyNext(network, (next, { topic, position }) => {
        const message = next();
        const isDelta = message instanceof Uint8Array && ++count % 8 === 0;
        return isDelta ? topic.bookmark(position) : message;
      });
    },
  },
  {
    name: 'snapshot one revision before its time',
    seed: 1,
    minutes: 3,
    finds: 'Faithful',
    parts: ({ topics }) => {
      topics.network = topicWith(topics.network, ({ snapshot }) => {
        const { chunks, end } = snapshot!;
        const before = <Of extends { revision: number }>(position: Of): Of => ({
          ...position,
          revision: position.revision - 1,
        });
        return {
          snapshot: {
            chunks: (taken) => chunks({ ...taken, position: before(taken.position) }),
            end: (position) => end(before(position)),
          },
        };
      });
    },
  },
  {
    name: 'coalesce without the nodes that went',
    seed: 17,
    minutes: 3,
    finds: 'Faithful',
    parts: ({ topics }) => {
      topics.network = topicWith(topics.network, ({ net }) => ({
        net: (state, touches, bytesMax) => {
          const whole = net!(state, touches, bytesMax);
          if (whole === undefined) return undefined;
          const message = WatchNetworkDeltaResponse.decode(whole);
          for (const delta of message.deltas) delta.nodeRemoved = [];
          return WatchNetworkDeltaResponse.encode(message).finish();
        },
      }));
    },
  },
  {
    name: 'filter links by one end only',
    seed: 2,
    minutes: 3,
    finds: 'Faithful',
    parts: ({ topics }) => {
      topics.network = topicWith(topics.network, () => ({
        filter: (bytes, keeps) => {
          const message = WatchNetworkDeltaResponse.decode(bytes);
          for (const delta of message.deltas) {
            delta.nodeAdded = delta.nodeAdded.filter(({ cvid }) => keeps(cvid));
            delta.nodeRemoved = delta.nodeRemoved.filter(({ cvid }) => keeps(cvid));
            delta.linkAdded = delta.linkAdded.filter(({ cvid1 }) => keeps(cvid1));
            delta.linkRemoved = delta.linkRemoved.filter(({ cvid1 }) => keeps(cvid1));
          }
          return WatchNetworkDeltaResponse.encode(message).finish();
        },
      }));
    },
  },
  {
    name: 'say nothing on a quiet watch',
    seed: 2,
    minutes: 3,
    finds: 'Audible',
    server: ({ feeds: { network } }) => inside<TimerInside>(network, 'timer').timer.cancel(),
  },
  {
    name: 'put two ended sessions into one message',
    seed: 4,
    minutes: 3,
    finds: 'Reliable',
    server: ({ feeds: { closed } }) => {
      const own = inside<{ limits: FeedLimits }>(closed, 'limits');
      own.limits = { ...own.limits, messageBytesMax: 65_536 };
    },
  },
];

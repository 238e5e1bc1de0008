import { WatchNetworkDeltaResponse } from '../../gen/switchyard/v1/network_service.js';
import type { Applied } from '../../src/core/decide/apply.js';
import type { Change } from '../../src/core/model/change.js';
import type { Command } from '../../src/core/model/command.js';
import { Fault } from '../../src/core/model/fault.js';
import type { Float64Pages } from '../../src/core/store/pages.js';
import type { Row } from '../../src/core/store/snapshot.js';
import type { Feed } from '../../src/feed/feed.js';
import type { Topic } from '../../src/feed/topic.js';
import { decodeChunks, encodeChunks } from '../../src/journal/chunk.js';
import type { Journal, StoredRecord } from '../../src/journal/journal.js';
import type { Replica } from '../../src/replica/replica.js';
import { KEY_MUTATIONS } from './key-mutations.js';
import type { SimulatedServer, Tampering } from './server.js';
import { TICKET_MUTATIONS } from './ticket-mutations.js';

/** A fault that somebody could have made, put into the parts of a server from outside. */
export interface Mutation extends Tampering {
  readonly name: string;
  /** A seed that meets it, where the first few do not: the search begins there. */
  readonly seed?: number;
}

/** What the replica keeps to itself, and some mutations have to get at. */
interface ReplicaInside {
  batch(): Promise<void>;
  take(): { batch: { command: Command; resolve(outcome: Applied | Fault): void }[]; records: StoredRecord[] };
  applyAndPublish(command: Command): Applied | Fault;
}

/** What the leases keep to themselves. */
interface LeasesInside {
  readonly deadlines: Float64Pages;
  enlist(slot: number, sid: number): void;
  standStill(nowMs: number): void;
  expire(sid: number): void;
}

const inside = <Inside>(part: unknown): Inside => part as Inside;
const leasesOf = (server: SimulatedServer): LeasesInside => inside<LeasesInside>(server.replica.leases);

/** A journal of which some methods are others. */
function journalWith(journal: Journal, methods: Partial<Journal>): Journal {
  return new Proxy(journal, {
    get: (target, key) => {
      const value = Reflect.get(methods, key) ?? Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
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

const JOURNAL: Mutation[] = [
  {
    name: 'acknowledge before it is durable',
    journal: (journal) => {
      let before = Promise.resolve();
      return journalWith(journal, {
        append: (records) => {
          // A server that has not founded its network is not up, and tells nobody anything.
          if (records[0].revision === 1) return journal.append(records);
          before = before.then(() => journal.append(records)).catch(() => {});
          return Promise.resolve();
        },
      });
    },
  },
  {
    name: 'apply and publish before the append',
    server: ({ replica }) => {
      const own = inside<ReplicaInside & { parts: { journal: Journal } }>(replica);
      own.batch = async () => {
        const { batch, records } = own.take();
        const outcomes = batch.map(({ command }) => own.applyAndPublish(command));
        await own.parts.journal.append(records);
        batch.forEach(({ resolve }, at) => void resolve(outcomes[at]));
      };
    },
  },
  {
    name: 'keep what was made for callers that have given up',
    server: ({ replica }) => {
      replica.takeBack = () => {};
    },
  },
  {
    name: 'do a call twice',
    server: ({ replica }) => {
      const submit = replica.submit.bind(replica);
      replica.submit = (command) => {
        if (command.kind === 'CreateStream') void submit(command);
        return submit(command);
      };
    },
  },
  {
    name: 'recover without the last record',
    journal: (journal) =>
      journalWith(journal, {
        async *read(after) {
          const { last } = journal;
          for await (const records of journal.read(after)) {
            yield [...records].filter(({ revision }) => revision < Math.max(last, 2));
          }
        },
      }),
  },
];

/** The parts of a snapshot, without its limits. */
async function* withoutLimits(revision: number, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const rows: Row[] = [];
  for await (const part of decodeChunks({ revision, chunks: () => chunks })) rows.push(...part);
  yield* encodeChunks(
    revision,
    rows.filter(({ kind }) => kind !== 'limits'),
  );
}

const LIMITS: Mutation[] = [
  {
    name: 'decide a replay by the flags of today',
    parts: ({ state, core }) => {
      Object.defineProperty(state, 'limits', { get: () => core, set: () => {} });
    },
  },
  {
    name: 'leave the limits out of its snapshots',
    journal: (journal) =>
      journalWith(journal, {
        openSnapshot: (revision) => {
          const { chunks } = journal.openSnapshot(revision);
          return { revision, chunks: () => withoutLimits(revision, chunks()) };
        },
      }),
  },
];

const FEED: Mutation[] = [
  {
    name: 'skip a revision for a late watcher',
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
    server: ({ feeds: { network } }) => inside<{ timer: { cancel(): void } }>(network).timer.cancel(),
  },
  {
    name: 'put two ended sessions into one message',
    seed: 10,
    server: ({ feeds: { closed } }) =>
      void Object.assign(closed, { limits: { ...closed.limits, messageBytesMax: 65_536 } }),
  },
];

const SESSIONS: Mutation[] = [
  {
    name: 'forget to extend leases after a restart',
    server: (server) => {
      const { deadlines, enlist } = leasesOf(server);
      const { graph, sessions } = server.state;
      for (const { sid } of sessions.copy()) {
        deadlines.set(graph.slotOf(sid), 500);
        enlist.call(server.replica.leases, graph.slotOf(sid), sid);
      }
    },
  },
  {
    name: 'forget to extend leases after a pause',
    seed: 27,
    server: (server) => {
      leasesOf(server).standStill = () => {};
    },
  },
  {
    name: 'let nobody expire',
    server: (server) => {
      leasesOf(server).expire = () => {};
    },
  },
  {
    name: 'hand out a freed SID at once',
    parts: ({ state }) => {
      const { sids } = state;
      sids.peek = (pool) => {
        for (let base = 1; ; base++) if (!state.graph.has((base << 8) | pool)) return (base << 8) | pool;
      };
    },
  },
  {
    name: 'supersede without closing the old session',
    parts: ({ state }) => {
      state.sessions.ofInstance = () => undefined;
    },
  },
  {
    name: 'forget the oldest order on another attachment',
    server: ({ replica }) => {
      const { attachments, state } = replica as Replica;
      const open = attachments.open.bind(attachments);
      attachments.open = (sid) => {
        const of = state.orders.of;
        state.orders.of = (owner) => of.call(state.orders, owner).slice(1);
        const attachment = open(sid);
        state.orders.of = of;
        return attachment;
      };
    },
  },
  {
    name: 'never send a heartbeat',
    server: ({ replica }) => inside<{ timer: { cancel(): void } }>(replica.attachments).timer.cancel(),
  },
];

const SHARES: Mutation[] = [
  {
    name: 'let one address open as many sessions as it wants',
    server: ({ shares }) => {
      shares.open = (_origin, _newcomer, work) => work();
    },
  },
  {
    name: 'count sessions that have ended',
    server: ({ shares }) => {
      const publish = shares.publish.bind(shares);
      shares.publish = (position, changes) =>
        publish(
          position,
          changes.filter(({ kind }) => kind !== 'SessionClosed'),
        );
    },
  },
  {
    name: 'keep room for sessions that were refused',
    server: ({ shares, replica }) => {
      const open = shares.open.bind(shares);
      shares.open = (origin, newcomer, work) =>
        open(origin, newcomer, async () => {
          const outcome = await work();
          return outcome instanceof Fault && replica.state.sessions.count > 0 ? new Promise(() => {}) : outcome;
        });
    },
  },
];

/** Every deliberate fault, by name. Each must be found; that is what shows that faults of this kind would be. */
export const MUTATIONS: readonly Mutation[] = [
  ...JOURNAL,
  ...LIMITS,
  ...FEED,
  ...SESSIONS,
  ...SHARES,
  ...KEY_MUTATIONS,
  ...TICKET_MUTATIONS,
];

import type { Clock, Timer } from '../../../src/base/clock.js';
import type { Float64Pages } from '../../../src/core/store/packed/pages.js';
import type { Replica } from '../../../src/replica/replica.js';
import type { ServingTime } from '../../../src/replica/serving-time.js';
import { inside } from '../machine/inside.js';
import type { SimulatedServer } from '../machine/server.js';
import type { Mutation } from './mutation.js';

/** What the replica keeps to itself, and some mutations have to get at. */
interface ReplicaInside {
  readonly parts: { readonly clock: Clock };
  readonly time: ServingTime;
}

/** What the leases keep to themselves. */
interface LeasesInside {
  readonly deadlines: Float64Pages;
  enlist(slot: number, sid: number): void;
  expire(sid: number): void;
}

/** Something that does what it does by a timer. */
interface TimerInside {
  readonly timer: Timer;
}

const leasesOf = (server: SimulatedServer): LeasesInside =>
  inside<LeasesInside>(server.replica.leases, 'deadlines', 'enlist', 'expire');

/** Faults of sessions, their leases and their orders. */
export const SESSIONS_MUTATIONS: readonly Mutation[] = [
  {
    name: 'forget to extend leases after a restart',
    seed: 3,
    minutes: 3,
    finds: 'Leased',
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
    seed: 4,
    minutes: 3,
    finds: 'Leased',
    server: ({ replica }) => {
      const { time, parts } = inside<ReplicaInside>(replica, 'time', 'parts');
      const stoodMs = parts.clock.nowMs() - time.nowMs();
      time.nowMs = () => parts.clock.nowMs() - stoodMs;
      time.tick = time.nowMs;
    },
  },
  {
    name: 'let nobody expire',
    seed: 6,
    minutes: 3,
    finds: 'Ghostless',
    server: (server) => {
      leasesOf(server).expire = () => {};
    },
  },
  {
    name: 'hand out a freed SID at once',
    seed: 1,
    minutes: 3,
    finds: 'Rested',
    parts: ({ state }) => {
      const { sids } = state;
      sids.peek = (pool) => {
        for (let base = 1; ; base++) if (!state.graph.has((base << 8) | pool)) return (base << 8) | pool;
      };
    },
  },
  {
    name: 'supersede without closing the old session',
    seed: 1,
    minutes: 3,
    finds: 'Faithful',
    parts: ({ state }) => {
      state.sessions.ofInstance = () => undefined;
    },
  },
  {
    name: 'forget the oldest order on another attachment',
    seed: 7,
    minutes: 3,
    finds: 'Given',
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
    seed: 2,
    minutes: 3,
    finds: 'Audible',
    server: ({ replica }) => inside<TimerInside>(replica.attachments, 'timer').timer.cancel(),
  },
];

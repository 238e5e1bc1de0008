import fc from 'fast-check';
import type { Command } from '../../src/core/model/command.js';
import { DEFAULT_LIMITS, type Limits } from '../../src/core/model/limits.js';
import { LinkType } from '../../src/core/model/link.js';
import { CloseReason } from '../../src/core/model/session.js';
import { StopReason } from '../../src/core/model/stream.js';
import type { State } from '../../src/core/store/state.js';
import { creating, opening } from './network.js';

/** Bounds so low that random commands meet every one of them. */
export const LOW_LIMITS: Limits = {
  ...DEFAULT_LIMITS,
  sessionsMax: 6,
  sidBaseMax: 5,
  linksPerNodeMax: 5,
  linksMax: 12,
  reportsPerNodeMax: 3,
  reportsMax: 8,
  streamsPerSessionMax: 3,
  streamsMax: 8,
  sinksPerStreamMax: 3,
  branchesPerSinkMax: 4,
  branchesMax: 12,
  connectionsPendingPerSessionMax: 3,
  connectionsPendingMax: 6,
  connectionsPerSessionMax: 5,
  connectionsFinishedMax: 3,
  endedMax: 3,
};

/**
 * A command that does not know the network yet: it names sessions and streams by their place among those that live.
 *
 * So it stays meaningful when fast-check leaves out commands before it to find the shortest run that fails.
 */
export class Intent {
  constructor(
    private readonly said: string,
    readonly command: (state: State) => Command,
  ) {}

  /** How fast-check shows it. */
  [fc.toStringMethod](): string {
    return this.said;
  }
}

/** Describes how to choose some values, and what to ask for with them. */
export function intentOf<T>(kind: string, values: fc.Arbitrary<T>, command: (values: T, state: State) => Command) {
  return values.map((chosen) => new Intent(`${kind} ${JSON.stringify(chosen)}`, (state) => command(chosen, state)));
}

/** A place among those that live; seldom (-1, -2) something that is not there. */
export const place = fc.oneof(
  { arbitrary: fc.nat({ max: 30 }), weight: 20 },
  { arbitrary: fc.constantFrom(-1, -2), weight: 1 },
);

/** A session, or the server at -2, or a SID that never was at -1. */
export function sidAt(state: State, at: number): number {
  const live = sidsOf(state);
  if (at === -2) return state.serverSid;
  return at === -1 || live.length === 0 ? 0x7fffff02 : live[at % live.length];
}

function sidsOf(state: State): number[] {
  return [...state.sessions.copy()].map(({ sid }) => sid).sort((x, y) => x - y);
}

/** A stream and one of its ids (its own, or a branch's), or at -1 and -2 an id that never was. */
function streamAt(state: State, at: number): { id: number; ends: number[] } {
  const live = [...state.streams.all()].sort((x, y) => x.id - y.id);
  const named = live.flatMap(({ id, owner, sinks }) => {
    const ends = [owner, ...sinks.map((sink) => sink.sid)];
    return [id, ...sinks.map((sink) => sink.id)].map((one) => ({ id: one, ends }));
  });
  return at < 0 || named.length === 0 ? { id: 0x7ffffff8, ends: [] } : named[at % named.length];
}

/** Who asks: at 0 to 2 one of those whom it concerns, the first most often; at any other place whoever stands there. */
const asker = fc.oneof(
  { arbitrary: fc.constantFrom(0, 0, 1, 2), weight: 4 },
  { arbitrary: fc.nat({ max: 30 }), weight: 1 },
);

function askerAt(state: State, at: number, concerned: readonly number[]): number {
  return concerned[at] ?? sidAt(state, at);
}

const labels = fc.dictionary(fc.constantFrom('os', 'site', '__proto__'), fc.constantFrom('', 'a', 'é'), { maxKeys: 2 });

const opens = intentOf(
  'open',
  fc.record({
    instance: fc.nat({ max: 9 }),
    type: fc.constantFrom(2, 2, 2, 3),
    flavor: fc.constantFrom(0, 0, 0, 31),
    labels,
    ttlMs: fc.nat({ max: 9 }),
  }),
  ({ instance, ...fields }) => opening(instance, fields),
);

const closes = intentOf(
  'close',
  fc.tuple(place, fc.constantFrom(CloseReason.TERMINATED, CloseReason.EXPIRED, CloseReason.SERVER_LOST)),
  ([at, reason], state) => ({ kind: 'CloseSession', sid: sidAt(state, at), reason }),
);

const asksToEnd = intentOf('ask to end', place, (at, state) => {
  return { kind: 'RequestTermination', sid: sidAt(state, at), reason: 'enough', deadlineMs: 1_000 };
});

const answers = intentOf('answer', fc.tuple(asker, fc.constantFrom(true, true, false)), ([at, known], state) => {
  const sid = askerAt(
    state,
    at,
    [...state.orders.all()].map((order) => order.sid).sort((x, y) => x - y),
  );
  const orderId = (known && state.orders.of(sid)[0]?.id) || 'o0';
  return { kind: 'AnswerOrder', sid, orderId, code: undefined, description: '', data: new Uint8Array() };
});

const linkTypes = fc.constantFrom(LinkType.CONTROL_TCP, LinkType.TRANSPORT_TCP, LinkType.TRANSPORT_UDP);

const reports = intentOf(
  'report',
  fc.record({ from: place, to: place, link: linkTypes, established: fc.constantFrom(true, true, true, false) }),
  ({ from, to, link, established }, state) => {
    // A server reports no links: its doors have no session to do it with.
    const sid = sidAt(state, Math.max(from, -1));
    return { kind: 'ReportLink', sid, peer: sidAt(state, to), link, established };
  },
);

/** The other end's word about a link that one end has reported; when none has, a report that is refused. */
const confirms = intentOf('confirm', fc.nat({ max: 30 }), (at, state) => {
  const waiting = [...state.reports.all()].sort((x, y) => x.sid - y.sid || x.peer - y.peer || x.link - y.link);
  const { sid, peer, link } = waiting[at % waiting.length] ?? { sid: 0, peer: 0, link: LinkType.TRANSPORT_TCP };
  return { kind: 'ReportLink', sid: peer, peer: sid, link, established: true };
});

const creates = intentOf(
  'create',
  fc.record({ from: place, sinks: fc.array(place, { maxLength: 4 }), name: fc.constantFrom('', 'a stream') }),
  ({ from, sinks, name }, state) => {
    const sid = sidAt(state, from);
    const others = [...new Set(sinks.map((at) => sidAt(state, at)))].filter((sink) => sink !== sid);
    // Four sinks stand as they were chosen: too many, or with mistakes in them.
    return creating(sid, sinks.length === 4 ? sinks.map((at) => sidAt(state, at)) : others, { name });
  },
);

const updates = intentOf(
  'update',
  fc.record({
    asked: asker,
    at: place,
    params: fc.record({ name: fc.constantFrom('', 'x'), labels }, { requiredKeys: [] }),
  }),
  ({ asked, at, params }, state) => {
    const { id, ends } = streamAt(state, at);
    return { kind: 'UpdateStreamParams', sid: askerAt(state, asked, ends), id, params };
  },
);

const terminates = intentOf('terminate', fc.tuple(asker, place), ([asked, at], state) => {
  const { id, ends } = streamAt(state, at);
  return { kind: 'TerminateStream', sid: askerAt(state, asked, ends), id };
});

const stops = intentOf('stop', fc.tuple(asker, place, fc.constantFrom(true, false, false)), (chosen, state) => {
  const [asked, at, byServer] = chosen;
  const { id, ends } = streamAt(state, at);
  const sid = byServer ? 0 : askerAt(state, asked, ends);
  return { kind: 'StopStream', sid, id, reason: StopReason.STOPPED };
});

/** One random thing that somebody asks for: more comes than goes, so that there is a network. */
export const networkIntent: fc.Arbitrary<Intent> = fc.oneof(
  { arbitrary: opens, weight: 8 },
  { arbitrary: closes, weight: 2 },
  { arbitrary: asksToEnd, weight: 1 },
  { arbitrary: answers, weight: 1 },
  { arbitrary: reports, weight: 6 },
  { arbitrary: confirms, weight: 6 },
  { arbitrary: creates, weight: 6 },
  { arbitrary: updates, weight: 2 },
  { arbitrary: terminates, weight: 1 },
  { arbitrary: stops, weight: 2 },
);

/** Random things that people ask for, one after the other: without brokered connections, which the model does not know. */
export const intents: fc.Arbitrary<Intent[]> = fc.array(networkIntent, { maxLength: 120, size: 'max' });

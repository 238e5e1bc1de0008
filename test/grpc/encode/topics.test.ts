import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type NetworkDelta, WatchKind } from '../../../gen/switchyard/v1/network.js';
import { WatchEndpointClosedResponse, WatchNetworkDeltaResponse } from '../../../gen/switchyard/v1/network_service.js';
import { type SessionChange, WatchSessionsResponse } from '../../../gen/switchyard/v1/session_service.js';
import { type StreamChange, WatchStreamsResponse } from '../../../gen/switchyard/v1/stream_service.js';
import { type Change, stoppedIds } from '../../../src/core/model/change.js';
import { CloseReason } from '../../../src/core/model/session.js';
import { DEFAULT_STREAM_PARAMS, StopReason } from '../../../src/core/model/stream.js';
import { capture } from '../../../src/core/store/snapshot.js';
import type { State } from '../../../src/core/store/state.js';
import type { Touch } from '../../../src/feed/touches.js';
import { closedTopic } from '../../../src/grpc/encode/closed-topic.js';
import { sessionMessage, streamMessage } from '../../../src/grpc/encode/message.js';
import { networkTopic } from '../../../src/grpc/encode/network-topic.js';
import { sessionsTopic } from '../../../src/grpc/encode/sessions-topic.js';
import { streamsTopic } from '../../../src/grpc/encode/streams-topic.js';
import type { SessionEvent } from '../../../src/replica/session-events.js';
import { History, INSTANCES, step } from './topic-history.js';

/** What a reader of the network holds: it applies deltas in the order that network.proto says. */
class Picture {
  readonly nodes = new Map<number, string>();
  readonly links = new Set<string>();

  read({ kind, deltas }: WatchNetworkDeltaResponse): void {
    if (kind === WatchKind.RESET) this.nodes.clear();
    for (const delta of deltas) this.apply(delta);
  }

  private apply({ linkRemoved, nodeRemoved, nodeAdded, linkAdded }: NetworkDelta): void {
    for (const { cvid1, cvid2, link } of linkRemoved) {
      for (const type of link === undefined ? [0, 1, 2] : [link]) this.links.delete(keyOf(cvid1, cvid2, type));
    }
    for (const { cvid } of nodeRemoved) this.nodes.delete(cvid);
    for (const { cvid, instanceUuid } of nodeAdded) this.nodes.set(cvid, instanceUuid);
    for (const { cvid1, cvid2, link } of linkAdded) this.links.add(keyOf(cvid1, cvid2, link));
  }

  toString(): string {
    return JSON.stringify([[...this.nodes].sort(), [...this.links].sort()]);
  }
}

const keyOf = (a: number, b: number, link: number) => `${Math.min(a, b)}-${Math.max(a, b)}/${link}`;
const everything = () => true;

function truth(state: State, keeps: (sid: number) => boolean = everything): string {
  const picture = new Picture();
  for (const sid of state.graph.sidsAfter(0)) {
    if (keeps(sid)) picture.nodes.set(sid, state.sessions.get(sid)?.uuid ?? state.serverUuid);
    for (const { a, b, link } of state.graph.linksOf(sid))
      if (keeps(a) || keeps(b)) picture.links.add(keyOf(a, b, link));
  }
  return picture.toString();
}

const decodeNetwork = (bytes: Uint8Array) => WatchNetworkDeltaResponse.decode(bytes);

/** What WatchStreams says of a change, by the generated code. */
function streamChanges(change: Change, epoch: string): StreamChange[] {
  if (change.kind === 'StreamPut') {
    return [{ kind: { $case: 'put', value: streamMessage(change.stream, epoch) }, cvids: [] }];
  }
  if (change.kind !== 'StreamStopped') return [];
  const { before, after, reason, by } = change;
  const everybody = [...new Set([before.owner, ...before.sinks.map(({ sid }) => sid)])].sort((x, y) => x - y);
  const ids = stoppedIds(change);
  const stops = ids.map((id): StreamChange => {
    const sink = after === undefined ? before.sinks.find((one) => one.id === id) : undefined;
    const cvids = sink === undefined ? everybody : [before.owner, sink.sid].sort((x, y) => x - y);
    return { kind: { $case: 'stopped', value: { id, reason, by } }, cvids };
  });
  if (after === undefined) return stops;
  const position = { epoch, revision: BigInt(after.revision) };
  const value = { id: before.id, sinkIds: ids, position };
  return [...stops, { kind: { $case: 'branchesLost', value }, cvids: everybody }];
}

describe('the network topic', () => {
  const histories = fc.tuple(fc.array(step, { maxLength: 60 }), fc.nat(100));

  it('leads a reader of all deltas, in one message or in many, to what the state holds', () => {
    fc.assert(
      fc.property(histories, ([steps]) => {
        const { state, revisions } = new History(steps);
        const topic = networkTopic(state);
        const encoded = revisions.map((changes, at) => topic.encode({ epoch: 'e', revision: at + 1 }, changes)!);
        const [oneByOne, atOnce] = [new Picture(), new Picture()];
        for (const bytes of encoded) oneByOne.read(decodeNetwork(bytes));
        const all = decodeNetwork(Buffer.concat(encoded));
        atOnce.read(all);
        expect(all.deltas).toHaveLength(revisions.length);
        expect(all.position).toEqual({ epoch: 'e', revision: BigInt(revisions.length) });
        expect(String(oneByOne)).toBe(truth(state));
        expect(String(atOnce)).toBe(truth(state));
      }),
    );
  });

  it('gives the bytes that the generated encoder gives', () => {
    const sid = fc.integer({ min: 1, max: 2 ** 31 - 1 });
    const text = fc.oneof(fc.string({ maxLength: 8 }), fc.string({ unit: 'grapheme', maxLength: 200 }));
    const labels = fc.array(fc.tuple(fc.constantFrom('os', 'site', 'ä', ''), text), { maxLength: 3 });
    const session = fc.record({ sid, uuid: fc.uuid(), name: text, labels: labels.map(Object.fromEntries) });
    const link = fc.record({ a: sid, b: sid, link: fc.constantFrom(0, 1, 2) });
    const change = fc.oneof(
      session.map((opened) => ({ kind: 'SessionOpened', session: opened }) as unknown as Change),
      sid.map((closed) => ({ kind: 'SessionClosed', session: { sid: closed } }) as unknown as Change),
      link.map((added) => ({ kind: 'LinkAdded', link: added }) as Change),
      link.map((removed) => ({ kind: 'LinkRemoved', link: removed }) as Change),
    );
    const topic = networkTopic(new History([]).state);
    const revision = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 8 }), revision, (changes, at) => {
        const bytes = topic.encode({ epoch: 'epoch', revision: at }, changes)!;
        const again = WatchNetworkDeltaResponse.encode(decodeNetwork(bytes)).finish();
        expect(Buffer.from(bytes)).toEqual(Buffer.from(again));
      }),
    );
  });

  it('leads a reader of a snapshot there too', () => {
    fc.assert(
      fc.property(histories, ([steps]) => {
        const { state } = new History(steps);
        const chunks = networkTopic(state).snapshot!.chunks(capture(state));
        const picture = new Picture();
        for (let next = chunks.next(); !next.done; next = chunks.next()) {
          const message = decodeNetwork(next.value);
          expect(message.position).toEqual({ epoch: 'e', revision: BigInt(state.revision) });
          picture.read(message);
        }
        expect(String(picture)).toBe(truth(state));
      }),
    );
  });

  it('leads a reader who missed any part there by its net effect', () => {
    fc.assert(
      fc.property(histories, ([steps, cut]) => {
        const { state, revisions } = new History(steps);
        const topic = networkTopic(state);
        const from = cut % revisions.length;
        const picture = new Picture();
        revisions.slice(0, from + 1).forEach((changes, at) => {
          picture.read(decodeNetwork(topic.encode({ epoch: 'e', revision: at + 1 }, changes)!));
        });
        const missed: Touch[] = revisions.slice(from + 1).flatMap((changes) => topic.touches(changes));
        const net = decodeNetwork(topic.net!(state, missed, 2_097_152)!);
        expect(net.deltas).toHaveLength(1);
        picture.read(net);
        expect(String(picture)).toBe(truth(state));
      }),
    );
  });

  it('leads a reader who named its nodes to their part of it, and tells every touch of them', () => {
    fc.assert(
      fc.property(histories, ([steps, odd]) => {
        const { state, revisions } = new History(steps);
        const topic = networkTopic(state);
        const keeps = (sid: number) => ((sid >> 8) + odd) % 2 === 0;
        const picture = new Picture();
        revisions.forEach((changes, at) => {
          const kept = topic.filter(topic.encode({ epoch: 'e', revision: at + 1 }, changes)!, keeps);
          const touched = topic.touches(changes).some(({ a, b }) => keeps(a) || (b !== 0 && keeps(b)));
          expect(kept !== undefined).toBe(touched);
          if (kept !== undefined) picture.read(decodeNetwork(kept));
        });
        expect(String(picture)).toBe(truth(state, keeps));
      }),
    );
  });
});

/** Numbers of messages that are varints: SIDs and ids. */
const number31 = fc.integer({ min: 1, max: 2 ** 31 - 1 });
const anyText = fc.oneof(fc.string({ maxLength: 8 }), fc.string({ unit: 'grapheme', maxLength: 200 }));
const anyLabels = fc.array(fc.tuple(fc.constantFrom('os', 'site', 'ä', ''), anyText), { maxLength: 3 });
const anySession = fc.record({
  sid: number31,
  uuid: fc.uuid(),
  name: anyText,
  labels: anyLabels.map((entries) => Object.fromEntries(entries)),
  ttlMs: fc.integer({ min: 1, max: 1e12 }),
  tokenHash: fc.constant(''),
  openedAtMs: fc.integer({ min: 0, max: 4e12 }),
  openedRevision: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  streamId: fc.constant(0),
});
const anyPosition = fc.record({ epoch: anyText, revision: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }) });
const positionOf = ({ epoch, revision }: { epoch: string; revision: number }) => ({
  epoch,
  revision: BigInt(revision),
});

describe('the topic of closed endpoints', () => {
  it('gives the bytes that the generated encoder gives for an end', () => {
    fc.assert(
      fc.property(anyPosition, anySession, fc.integer({ min: 1, max: 5 }), (position, session, reason) => {
        const closed = { kind: 'SessionClosed', session, reason: reason as CloseReason } as const;
        const { sid: cvid, uuid: instanceUuid, name } = session;
        const at = positionOf(position);
        const endpointClosed = { cvid, reason, position: at, instanceUuid, name };
        const message = { endpointClosed, position: at, kind: WatchKind.DELTA };
        const expected = WatchEndpointClosedResponse.encode(WatchEndpointClosedResponse.create(message)).finish();
        expect(Buffer.from(closedTopic.encode(position, [closed])!)).toEqual(Buffer.from(expected));
      }),
    );
  });

  it('tells every end of a session once, and nothing else', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { revisions } = new History(steps);
        revisions.forEach((changes, at) => {
          const bytes = closedTopic.encode({ epoch: 'e', revision: at + 1 }, changes);
          const closed = changes.filter((change) => change.kind === 'SessionClosed').map(({ session }) => session.sid);
          expect(closed.length).toBeLessThanOrEqual(1);
          const told = bytes === undefined ? [] : [WatchEndpointClosedResponse.decode(bytes).endpointClosed!.cvid];
          expect(told).toEqual(closed);
          expect(closedTopic.touches(changes)).toEqual(closed.map((a) => ({ a, b: 0 })));
          for (const sid of closed) {
            expect(closedTopic.filter(bytes!, (one) => one === sid)).toBe(bytes);
            expect(closedTopic.filter(bytes!, (one) => one !== sid)).toBeUndefined();
          }
        });
      }),
    );
  });
});

describe('the topic of sessions', () => {
  it('gives the bytes that the generated encoder gives for each event', () => {
    const { state } = new History([]);
    const topic = sessionsTopic(state, () => true);
    const event = fc.oneof(
      anySession.map((session) => ({ kind: 'SessionOpened', session }) as const),
      anySession.map((session) => ({ kind: 'SessionClosed', session, reason: CloseReason.EXPIRED }) as const),
      number31.map((sid) => ({ kind: 'SessionAttached', sid }) as const),
      number31.map((sid) => ({ kind: 'SessionDetached', sid }) as const),
    );
    fc.assert(
      fc.property(anyPosition, fc.array(event, { maxLength: 4 }), (position, events) => {
        const changes = events.map((one) => sessionChange(one, state));
        const message = { position: positionOf(position), kind: WatchKind.DELTA, changes };
        const expected = WatchSessionsResponse.encode(WatchSessionsResponse.create(message)).finish();
        expect(Buffer.from(topic.encode(position, events)!)).toEqual(Buffer.from(expected));
      }),
    );
  });
});

/** What WatchSessions says of an event, by the generated code. */
function sessionChange(event: SessionEvent, state: State): SessionChange {
  switch (event.kind) {
    case 'SessionOpened':
      return { kind: { $case: 'opened', value: sessionMessage(event.session, state.epoch, false) } };
    case 'SessionClosed': {
      const { sid: cvid, uuid: instanceUuid, name } = event.session;
      const value = { cvid, reason: event.reason, position: positionOf(state.position), instanceUuid, name };
      return { kind: { $case: 'closed', value } };
    }
    case 'SessionAttached':
      return { kind: { $case: 'attached', value: { cvid: event.sid } } };
    case 'SessionDetached':
      return { kind: { $case: 'detached', value: { cvid: event.sid } } };
  }
}

describe('the topic of streams', () => {
  it('gives the bytes that the generated encoder gives for each change', () => {
    const sinks = fc.uniqueArray(fc.record({ sid: number31, id: number31 }), {
      maxLength: 3,
      selector: ({ id }) => id,
    });
    const params = fc.record({
      name: anyText,
      timeoutMs: fc.constantFrom(0, 1, 999, 1_000, 86_400_500),
      maxBlockBytes: fc.constantFrom(0, 1_024, 65_536),
      compression: fc.constantFrom(0, 1),
      deliveryConfirmation: fc.boolean(),
      labels: anyLabels.map((entries) => Object.fromEntries(entries)),
    });
    const stream = fc.record({ id: number31, owner: number31, sinks, params, revision: number31 });
    const reason = fc.constantFrom(...Object.values(StopReason));
    const change = fc.oneof(
      stream.map((put): Change => ({ kind: 'StreamPut', stream: put })),
      fc
        .record({ before: stream, left: fc.integer({ min: 0, max: 2 }), reason, by: fc.nat(2 ** 31 - 1) })
        .map(({ before, left, ...rest }): Change => {
          const after = left === 0 ? undefined : { ...before, sinks: before.sinks.slice(0, left) };
          return { kind: 'StreamStopped', before, after, ...rest };
        }),
    );
    fc.assert(
      fc.property(anyPosition, fc.array(change, { minLength: 1, maxLength: 4 }), (position, changes) => {
        const told = changes.flatMap((one) => streamChanges(one, position.epoch));
        const message = { position: positionOf(position), kind: WatchKind.DELTA, changes: told };
        const expected = WatchStreamsResponse.encode(WatchStreamsResponse.create(message)).finish();
        expect(Buffer.from(streamsTopic.encode(position, changes)!)).toEqual(Buffer.from(expected));
      }),
    );
  });

  it('touches each end once, however many streams of it change', () => {
    const put = (owner: number, ...sids: number[]): Change => {
      const sinks = sids.map((sid) => ({ sid, id: 8 * sid }));
      return { kind: 'StreamPut', stream: { id: 8, owner, sinks, params: DEFAULT_STREAM_PARAMS, revision: 1 } };
    };
    expect(streamsTopic.touches([put(2), put(2)])).toEqual([{ a: 2, b: 0 }]);
    expect(streamsTopic.touches([put(2, 3), put(3, 2, 4)])).toEqual([2, 3, 4].map((a) => ({ a, b: 0 })));
  });

  it('shows each session its own streams, from their coming to their end', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: INSTANCES }), (steps, base) => {
        const { state, revisions } = new History(steps);
        const sid = (base << 8) | 2;
        const seen = new Map<number, number>();
        revisions.forEach((changes, at) => {
          const bytes = streamsTopic.encode({ epoch: 'e', revision: at + 1 }, changes);
          const kept = bytes && streamsTopic.filter(bytes, (one) => one === sid);
          const touched = streamsTopic.touches(changes).some(({ a }) => a === sid);
          expect(kept !== undefined).toBe(touched);
          for (const { kind } of kept === undefined ? [] : WatchStreamsResponse.decode(kept).changes) {
            if (kind?.$case === 'put')
              for (const { id } of [kind.value, ...kind.value.sinks]) seen.set(id, kind.value.id);
            if (kind?.$case === 'stopped') seen.delete(kind.value.id);
          }
        });
        const session = state.sessions.get(sid);
        const initial = session === undefined ? [] : [state.streams.get(session.streamId)!];
        const held = [...initial, ...state.streams.of(sid)].flatMap(({ id, sinks }) => [
          id,
          ...sinks.map((one) => one.id),
        ]);
        expect([...seen.keys()].sort()).toEqual(held.sort());
      }),
    );
  });
});

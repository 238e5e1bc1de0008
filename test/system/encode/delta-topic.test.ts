import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Change } from '../../../src/core/model/change.js';
import { DEFAULT_LIMITS } from '../../../src/core/model/limits.js';
import type { Session } from '../../../src/core/model/session.js';
import { State } from '../../../src/core/store/state.js';
import { decodeEvent, type EventBody } from '../../../src/system/codec/event.js';
import { decodePacket, type Packet } from '../../../src/system/codec/packet.js';
import { deltaTopic, WatchKind } from '../../../src/system/encode/delta-topic.js';
import { packetsOf } from '../../../src/transport/pipe.js';

const position = { epoch: 'e', revision: 7 };

function deltasOf(frames: Uint8Array): EventBody<'NetworkDelta'>[] {
  return [...packetsOf(frames)].map((packet) => {
    const event = decodeEvent((decodePacket(packet) as Packet).body, 'client');
    if (!('type' in event) || event.type !== 'NetworkDelta') throw new Error('not a NetworkDelta');
    return event.body;
  });
}

function session(sid: number, labels: Record<string, string>): Session {
  const uuid = `00000000-0000-4000-8000-${String(sid).padStart(12, '0')}`;
  const openedAtMs = 0;
  const about = { ttlMs: 1, name: `n${sid}`, labels, tokenHash: '', openedAtMs, openedRevision: 7, streamId: sid };
  return { sid, uuid, ...about };
}

describe('NetworkDelta as bytes', () => {
  const topic = deltaTopic(new State(DEFAULT_LIMITS));

  it('puts a revision that does not fit one packet into several, and only the last has no more', () => {
    const links: Change[] = Array.from({ length: 20_000 }, (_, n) => {
      return { kind: 'LinkRemoved', link: { a: 1, b: n + 2, link: 1 } };
    });
    const frames = topic.encode(position, links)!;
    const deltas = deltasOf(frames);
    expect(deltas.length).toBeGreaterThan(5);
    expect(deltas.map(({ more }) => more === true)).toEqual([...deltas.slice(1).map(() => true), false]);
    expect(new Set(deltas.map((delta) => JSON.stringify(delta.position))).size).toBe(1);
    const all = deltas.flatMap(({ linkRemoved = [] }) => linkRemoved.map(({ cvid2 }) => cvid2));
    expect(all).toEqual(links.map((_, n) => n + 2));
    for (const packet of packetsOf(frames)) expect(packet.length).toBeLessThanOrEqual(65_536);
  });

  it('leaves a revision that did not touch the graph as an empty delta', () => {
    expect(deltasOf(topic.encode(position, [])!)).toMatchObject([{ kind: WatchKind.DELTA, position }]);
  });

  it('keeps of a revision in pieces what touches the named nodes, and ends it', () => {
    const links: Change[] = Array.from({ length: 20_000 }, (_, n) => {
      return { kind: 'LinkAdded', link: { a: 1, b: n + 2, link: 0 } };
    });
    const frames = topic.encode(position, links)!;
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 2, max: 20_001 }), { minLength: 1, maxLength: 5 }), (wanted) => {
        const deltas = deltasOf(topic.filter(frames, (sid) => wanted.includes(sid))!);
        const kept = deltas.flatMap(({ linkAdded = [] }) => linkAdded.map(({ cvid2 }) => cvid2));
        expect(kept).toEqual([...wanted].sort((x, y) => x - y));
        expect(deltas.map(({ more }) => more === true)).toEqual([...deltas.slice(1).map(() => true), false]);
      }),
      { numRuns: 20 },
    );
    expect(topic.filter(frames, (sid) => sid === 99_999)).toBeUndefined();
  });

  it('leaves out labels that no cell holds, in the order of their keys', () => {
    const labels = Object.fromEntries(Array.from({ length: 64 }, (_, n) => [`k${n + 10}`, 'x'.repeat(4_096)]));
    const [delta] = deltasOf(topic.encode(position, [{ kind: 'SessionOpened', session: session(8, labels) }])!);
    const keys = delta.nodeAdded![0].labels!.map(({ key }) => key);
    expect(keys).toEqual(Object.keys(labels).slice(0, keys.length));
    expect(keys.length).toBeGreaterThan(5);
    expect(keys.length).toBeLessThan(64);
  });
});

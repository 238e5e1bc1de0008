import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { GraphModel } from '../../console/src/model/graph.js';
import { History } from '../../console/src/model/history.js';
import type { NetworkDelta } from '../../console/src/wire/messages.js';

const nodeOf = (cvid: number) => ({ cvid, parent: 1, instanceUuid: `u${cvid}`, name: `n${cvid}`, labels: new Map() });
const NOTHING: NetworkDelta = { nodeAdded: [], nodeRemoved: [], linkAdded: [], linkRemoved: [] };

/** A graph as text, without its slots. */
function textOf({ nodes, links }: GraphModel): string {
  const ends = links.map(({ a, b, types }) => [...[a.sid, b.sid].sort((x, y) => x - y), types].join(' '));
  return JSON.stringify([[...nodes.keys()].sort((x, y) => x - y), ends.sort()]);
}

/** What may happen: a node comes or goes, a link of one type comes or goes. */
const STEP = fc.record({
  kind: fc.constantFrom('nodeAdded', 'nodeRemoved', 'linkAdded', 'linkRemoved'),
  one: fc.integer({ min: 2, max: 7 }),
  other: fc.integer({ min: 2, max: 7 }),
});

function deltaOf({ kind, one, other }: { kind: string; one: number; other: number }): NetworkDelta {
  if (kind === 'nodeAdded') return { ...NOTHING, nodeAdded: [nodeOf(one)] };
  if (kind === 'nodeRemoved') return { ...NOTHING, nodeRemoved: [{ cvid: one }] };
  if (one === other) return NOTHING;
  return { ...NOTHING, [kind]: [{ cvid1: one, cvid2: other, link: 1 }] };
}

describe("the page's memory of the graph", () => {
  it('makes it as it was at each moment', () => {
    fc.assert(
      fc.property(fc.array(STEP, { maxLength: 60 }), (steps) => {
        const model = new GraphModel();
        const history = new History(0);
        const was = [textOf(model)];
        for (const [index, step] of steps.entries()) {
          history.add(model.apply(deltaOf(step)), { atMs: index + 1, revision: index + 1 }, () => undefined);
          was.push(textOf(model));
        }
        for (const [atMs, text] of was.entries()) {
          expect(textOf(history.at(atMs, model, () => undefined).model)).toBe(text);
        }
        expect(textOf(model)).toBe(was.at(-1));
      }),
      { numRuns: 100 },
    );
  });

  it('has the places of those who have left, and the revision of the moment', () => {
    const model = new GraphModel();
    const history = new History(0);
    const placeOf = ({ sid }: { sid: number }) => [sid, 10 * sid] as const;
    history.add(model.apply({ ...NOTHING, nodeAdded: [nodeOf(2), nodeOf(3)] }), { atMs: 1, revision: 8 }, placeOf);
    history.add(model.apply({ ...NOTHING, nodeRemoved: [{ cvid: 2 }] }), { atMs: 5, revision: 9 }, placeOf);
    const { revision, model: past, x, y } = history.at(4, model, placeOf);
    const placesOf = [2, 3].map((sid) => past.nodes.get(sid)!.slot).map((slot) => [x[slot], y[slot]]);
    expect([revision, placesOf]).toEqual([
      8,
      [
        [2, 20],
        [3, 30],
      ],
    ]);
  });

  it('forgets the oldest beyond 10,000 nodes and links, and says how far it reaches', () => {
    const model = new GraphModel();
    const history = new History(0);
    for (let at = 1; at <= 10_002; at++) {
      history.add(
        model.apply({ ...NOTHING, nodeAdded: [nodeOf(at + 1)] }),
        { atMs: at, revision: at },
        () => undefined,
      );
    }
    expect(history.reachMs).toBe(2);
    expect(history.at(2, model, () => undefined).model.nodes.size).toBe(2);
    expect(history.at(0, model, () => undefined).model.nodes.size).toBe(2);
  });
});

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ChangeLog } from '../../console/src/model/changes.js';
import { GraphModel } from '../../console/src/model/graph.js';
import type { NetworkDelta } from '../../console/src/wire/messages.js';

const NONE: NetworkDelta = { nodeAdded: [], nodeRemoved: [], linkAdded: [], linkRemoved: [] };
const TCP = 1;
const UDP = 2;

function added(cvid: number, name = `n${cvid}`) {
  return { cvid, parent: 257, instanceUuid: `uuid-${name}`, name, labels: new Map<string, string>() };
}

function linked(cvid1: number, cvid2: number, link = TCP) {
  return { cvid1, cvid2, link };
}

/** A model of three nodes in a row. */
function row(): GraphModel {
  const model = new GraphModel();
  model.apply({ ...NONE, nodeAdded: [added(1), added(2), added(3)], linkAdded: [linked(1, 2), linked(2, 3, UDP)] });
  return model;
}

/** What is in a model, to be compared. */
function contents(model: GraphModel) {
  const links = model.links.map(({ a, b, types }) => `${Math.min(a.sid, b.sid)}-${Math.max(a.sid, b.sid)}:${types}`);
  return { nodes: [...model.nodes.values()].map(({ sid, uuid }) => `${sid} ${uuid}`).sort(), links: links.sort() };
}

/** That all the ways in which a model knows the same thing agree. */
function expectSound(model: GraphModel): void {
  for (const node of model.nodes.values()) {
    expect(model.slots[node.slot]).toBe(node);
    for (const [peer, link] of node.links) expect(model.nodes.get(peer)?.links.get(node.sid)).toBe(link);
  }
  expect(model.slots.filter((node) => node !== undefined)).toHaveLength(model.nodes.size);
  model.links.forEach((link, at) => {
    expect(link.at).toBe(at);
  });
  const ends = [...model.nodes.values()].reduce((sum, { links }) => sum + links.size, 0);
  expect(ends).toBe(2 * model.links.length);
}

const delta = fc.record({
  nodeAdded: fc.array(
    fc.tuple(fc.nat(9), fc.constantFrom('a', 'b')).map(([sid, name]) => added(sid, name)),
    { maxLength: 3 },
  ),
  nodeRemoved: fc.array(
    fc.nat(9).map((cvid) => ({ cvid })),
    { maxLength: 2 },
  ),
  linkAdded: fc.array(fc.tuple(fc.nat(9), fc.nat(9), fc.nat(2)), { maxLength: 4 }).map(linksOf),
  linkRemoved: fc.array(fc.tuple(fc.nat(9), fc.nat(9), fc.nat(2)), { maxLength: 2 }).map(linksOf),
});

function linksOf(drawn: [number, number, number][]) {
  return drawn.filter(([one, other]) => one !== other).map(([one, other, type]) => linked(one, other, type));
}

describe('the graph of the page', () => {
  it('keeps a link while one of its types stands, and leaves the link to the server out', () => {
    const model = row();
    model.apply({ ...NONE, linkAdded: [linked(2, 1, UDP), linked(1, 3, 0)] });
    expect(model.between(1, 2)?.types).toBe((1 << TCP) | (1 << UDP));
    expect(model.links).toHaveLength(2);
    expect(model.apply({ ...NONE, linkRemoved: [linked(1, 2, TCP)] }).unlinked).toEqual([]);
    expect(model.apply({ ...NONE, linkRemoved: [linked(1, 2, UDP)] }).unlinked).toHaveLength(1);
    expect(model.between(1, 2)).toBeUndefined();
  });

  it('takes the links of a node away with it, and gives its slot to the next', () => {
    const model = row();
    const { slot } = model.nodes.get(2)!;
    const { removed, unlinked } = model.apply({ ...NONE, nodeRemoved: [{ cvid: 2 }] });
    expect([removed.length, unlinked.length, model.links.length]).toEqual([1, 2, 0]);
    model.apply({ ...NONE, nodeAdded: [added(4)] });
    expect(model.nodes.get(4)?.slot).toBe(slot);
  });

  it('stays sound under any deltas, and becomes any other model by their difference alone', () => {
    fc.assert(
      fc.property(fc.array(delta, { maxLength: 12 }), fc.array(delta, { maxLength: 12 }), (ones, others) => {
        const [one, other] = [ones, others].map((deltas) => {
          const model = new GraphModel();
          for (const change of deltas) model.apply(change);
          expectSound(model);
          return model;
        });
        one.become(other);
        expectSound(one);
        expect(contents(one)).toEqual(contents(other));
        const again = one.become(other);
        expect(Object.values(again).flat()).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});

describe('the list of changes', () => {
  it('has one line for a node that came with its links, and not one for each link', () => {
    const [model, log] = [row(), new ChangeLog()];
    const change = model.apply({ ...NONE, nodeAdded: [added(4)], linkAdded: [linked(4, 1), linked(4, 2)] });
    log.add(change, 9, 1_000, () => '');
    expect(log.lines).toMatchObject([{ kind: 'came', node: { sid: 4 }, links: 2, revision: 9 }]);
  });

  it('says why a node left, also when that is heard later', () => {
    const [model, log] = [row(), new ChangeLog()];
    log.add(model.apply({ ...NONE, nodeRemoved: [{ cvid: 3 }] }), 9, 1_000, () => '');
    log.explain(3, 'expired');
    expect(log.lines).toMatchObject([{ kind: 'left', links: 1, reason: 'expired' }]);
  });

  it('counts changes by the second, and forgets them after ten minutes', () => {
    const [model, log] = [row(), new ChangeLog()];
    log.add(model.apply({ ...NONE, linkRemoved: [linked(1, 2)] }), 9, 5_000, () => '');
    expect(log.rates(7_000, 4)).toEqual([0, 1, 0, 0]);
    expect(log.rates(604_000).reduce((sum, rate) => sum + rate)).toBe(1);
    expect(log.rates(606_000).reduce((sum, rate) => sum + rate)).toBe(0);
  });
});

import { describe, expect, it } from '@jest/globals';
import { GroupPlacement } from '../../console/src/layout/group-placement.js';
import { GraphModel } from '../../console/src/model/graph.js';
import { chooseGroupBy, Grouping, labelKeys } from '../../console/src/model/groups.js';

const SERVER = { cvid: 1, parent: 0, instanceUuid: 'server', name: '', labels: new Map() };

/** A graph of the server and instances with the labels that are given, and links between their SIDs. */
function graphOf(
  labels: readonly Record<string, string>[],
  links: readonly (readonly [number, number])[] = [],
): GraphModel {
  const model = new GraphModel();
  model.apply({
    nodeAdded: [SERVER, ...labels.map((one, at) => nodeOf(at + 2, one))],
    nodeRemoved: [],
    linkAdded: links.map(([cvid1, cvid2]) => ({ cvid1, cvid2, link: 1 })),
    linkRemoved: [],
  });
  return model;
}

function nodeOf(cvid: number, labels: Record<string, string>) {
  const facts = { parent: 1, instanceUuid: `uuid-${String(cvid).padStart(6, '0')}`, name: `n${cvid}` };
  return { cvid, ...facts, labels: new Map(Object.entries(labels)) };
}

const sites = (count: number, sizes: number) =>
  Array.from({ length: count * sizes }, (_, at) => ({ site: `s${at % count}` }));

function settle(placement: GroupPlacement): void {
  for (let steps = 0; placement.step(); steps++) if (steps > 1_000) throw new Error('it does not rest');
}

/** Discs by number. */
function discsOf({ discs }: GroupPlacement): Map<number, { x: number; y: number; radius: number }> {
  const found = new Map<number, { x: number; y: number; radius: number }>();
  for (let at = 0; at < discs.length; at += 4) {
    found.set(discs[at], { x: discs[at + 1], y: discs[at + 2], radius: discs[at + 3] });
  }
  return found;
}

function overlaps(placement: GroupPlacement): number {
  const all = [...discsOf(placement).values()];
  return all.flatMap((a, at) => all.slice(at + 1).filter((b) => Math.hypot(a.x - b.x, a.y - b.y) < a.radius + b.radius))
    .length;
}

describe('the choice of groups', () => {
  it('groups nothing below 3,000 instances, and by site from there on where at least half of them have one', () => {
    expect(chooseGroupBy('', graphOf(sites(10, 299)), false)).toBeUndefined();
    expect(chooseGroupBy('', graphOf(sites(10, 300)), false)).toEqual({ kind: 'label', key: 'site' });
    const half = graphOf([...sites(10, 140), ...Array.from({ length: 1_600 }, () => ({}))]);
    expect(chooseGroupBy('', half, false)).toEqual({ kind: 'linked' });
  });

  it('stays grouped down to 2,400 instances, so that one more or less does not turn the picture over', () => {
    const model = graphOf(sites(10, 250));
    expect(chooseGroupBy('', model, true)).toBeDefined();
    expect(chooseGroupBy('', model, false)).toBeUndefined();
    expect(chooseGroupBy('', graphOf(sites(10, 239)), true)).toBeUndefined();
  });

  it('does what the address says, however many there are', () => {
    const model = graphOf(sites(2, 2));
    expect(chooseGroupBy('rack', model, false)).toEqual({ kind: 'label', key: 'rack' });
    expect(chooseGroupBy(':linked', model, false)).toEqual({ kind: 'linked' });
    expect(chooseGroupBy(':none', graphOf(sites(10, 400)), true)).toBeUndefined();
    expect(labelKeys(graphOf([{ site: 'a' }, { rack: 'b', site: 'c' }]))).toEqual(['site', 'rack']);
  });
});

describe('groups of a graph', () => {
  it('are those of a label, the largest first, with the query that asks for them and bundles of links between them', () => {
    const model = graphOf(
      [{ site: 'a' }, { site: 'b' }, { site: 'b' }, {}],
      [
        [2, 3],
        [2, 4],
        [3, 4],
      ],
    );
    const { groups, bundles, of } = new Grouping({ kind: 'label', key: 'site' }).read(model);
    expect(groups.map(({ name, size, query }) => [name, size, query])).toEqual([
      ['b', 2, 'site=b'],
      ['a', 1, 'site=a'],
      ['no site', 1, ''],
    ]);
    const [b, a] = groups;
    expect(bundles).toEqual([{ a: Math.min(a.id, b.id), b: Math.max(a.id, b.id), links: 2 }]);
    expect([...of]).toEqual([-1, a.id, b.id, b.id, groups[2].id]);
  });

  it('are parts that are linked with each other, named by the member with most links', () => {
    const model = graphOf(
      [{}, {}, {}, {}, {}, {}],
      [
        [2, 3],
        [2, 4],
        [5, 6],
      ],
    );
    const { groups, bundles } = new Grouping({ kind: 'linked' }).read(model);
    expect(groups.map(({ name, size, query }) => [name, size, query])).toEqual([
      ['around n2', 3, ''],
      ['around n5', 2, ''],
      ['no links', 1, 'links=0'],
    ]);
    expect(bundles).toEqual([]);
  });

  it('keep their number while they have a member, whatever comes and goes', () => {
    const grouping = new Grouping({ kind: 'label', key: 'site' });
    const model = graphOf([{ site: 'a' }, { site: 'b' }]);
    const before = new Map(grouping.read(model).groups.map(({ name, id }) => [name, id]));
    const added = ['c', 'c', 'c', 'b'].map((site, at) => nodeOf(at + 10, { site }));
    model.apply({ nodeAdded: added, nodeRemoved: [{ cvid: 2 }], linkAdded: [], linkRemoved: [] });
    const after = new Map(grouping.read(model).groups.map(({ name, id }) => [name, id]));
    expect(after.get('b')).toBe(before.get('b'));
    expect([...after.keys()].sort()).toEqual(['b', 'c']);
  });

  it('are 300 at most: the smallest are one group that is called others, and no instance is left out', () => {
    const labels = Array.from({ length: 900 }, (_, at) => ({ site: `s${at % 400}` }));
    const { groups, of } = new Grouping({ kind: 'label', key: 'site' }).read(graphOf(labels));
    expect(groups).toHaveLength(300);
    expect(groups.at(-1)?.name).toBe('others');
    expect(groups.reduce((sum, { size }) => sum + size, 0)).toBe(900);
    expect(of.filter((id) => id >= 0)).toHaveLength(900);
  });
});

describe('the layout of groups', () => {
  const none = new Int32Array();

  it('gives each group a disc of its own, with its members on it and no two on one place', () => {
    const placement = new GroupPlacement();
    const groups = Int32Array.from({ length: 2_000 }, (_, slot) => (slot % 7 === 0 ? 0 : slot % 23));
    placement.change({ groups, links: none });
    settle(placement);
    expect(overlaps(placement)).toBe(0);
    const discs = discsOf(placement);
    const places = new Set<string>();
    groups.forEach((group, slot) => {
      const disc = discs.get(group)!;
      const [x, y] = [placement.x[slot], placement.y[slot]];
      expect(Math.hypot(x - disc.x, y - disc.y)).toBeLessThan(disc.radius);
      places.add(`${x.toFixed(1)} ${y.toFixed(1)}`);
    });
    expect(places.size).toBe(2_000);
  });

  it('moves nobody who was there when members come and go and the disc has room', () => {
    const placement = new GroupPlacement();
    const groups = Int32Array.from({ length: 60 }, (_, slot) => slot % 3);
    placement.change({ groups, links: none });
    settle(placement);
    const before = [...placement.x.slice(0, 60)];
    const more = Int32Array.from([...groups, 0, 1, 2, 2]);
    more[5] = -1;
    placement.change({ groups: more, links: none });
    settle(placement);
    expect([...placement.x.slice(0, 60)].filter((x, slot) => slot !== 5 && x !== before[slot])).toEqual([]);
    expect(placement.x[5]).toBeNaN();
    expect(placement.x[63]).not.toBeNaN();
    expect(overlaps(placement)).toBe(0);
  });

  it('puts a new group beside the others without moving them', () => {
    const placement = new GroupPlacement();
    const groups = Int32Array.from({ length: 90 }, (_, slot) => slot % 9);
    placement.change({ groups, links: none });
    settle(placement);
    const before = discsOf(placement);
    placement.change({ groups: Int32Array.from([...groups, 9, 9]), links: Int32Array.of(0, 90) });
    settle(placement);
    const after = discsOf(placement);
    for (const [id, disc] of before) expect(after.get(id)).toEqual(disc);
    expect(after.get(9)).toBeDefined();
    expect(overlaps(placement)).toBe(0);
  });

  it('makes room for a disc that has grown, and forgets one that is empty', () => {
    const placement = new GroupPlacement();
    const groups = Int32Array.from({ length: 500 }, (_, slot) => (slot < 90 ? slot % 9 : slot === 90 ? 9 : -1));
    placement.change({ groups, links: none });
    settle(placement);
    const grown = groups.map((group, slot) => (slot > 90 ? 4 : slot === 90 ? -1 : group));
    placement.change({ groups: grown, links: none });
    settle(placement);
    expect(overlaps(placement)).toBe(0);
    expect(discsOf(placement).has(9)).toBe(false);
  });

  it('lays out 20,000 nodes in 300 groups within 6 s of work on a busy machine', () => {
    const placement = new GroupPlacement();
    const groups = Int32Array.from({ length: 20_000 }, (_, slot) => slot % 300);
    const links = Int32Array.from({ length: 80_000 }, (_, at) => (at * 7_919) % 20_000);
    const began = process.cpuUsage();
    placement.change({ groups, links });
    settle(placement);
    const { user, system } = process.cpuUsage(began);
    expect(overlaps(placement)).toBe(0);
    expect((user + system) / 1e6).toBeLessThan(6);
  });
});

import { describe, expect, it } from '@jest/globals';
import { Camera } from '../../console/src/draw/camera.js';
import { Renderer } from '../../console/src/draw/renderer.js';
import type { Palette, Scene } from '../../console/src/draw/scene.js';
import { GraphModel } from '../../console/src/model/graph.js';
import { History } from '../../console/src/model/history.js';
import { RecordingPen } from './pen.js';

const kinds = { server: '#000001', agent: '#000002', client: '#000003', installer: '#000004', other: '#000005' };
const palette: Palette = {
  ...{ ground: '#ffffff', text: '#000006', halo: '#ffffff', accent: '#000007', tcp: '#000008', udp: '#000009' },
  kinds,
};
const TCP = 1;
const UDP = 2;
/** The kinds by the last three bits of a SID. */
const AGENT = 2;
const CLIENT = 3;
/** Places of the nodes of a small graph: no two on one line with a third. */
const PLACES = [0, 10, 40, 90, 160] as const;

function nodeOf(cvid: number) {
  return { cvid, parent: 1, instanceUuid: `u${cvid}`, name: `n${cvid}`, labels: new Map<string, string>() };
}

function sidOf(at: number, kind = AGENT): number {
  return 8 * (at + 1) + kind;
}

/** Agents in a row of links, one to the next. */
function chain(length: number, link = TCP): GraphModel {
  const model = new GraphModel();
  const sids = Array.from({ length }, (_, at) => sidOf(at));
  const linkAdded = sids.slice(1).map((cvid2, at) => ({ cvid1: sids[at], cvid2, link }));
  model.apply({ nodeAdded: sids.map(nodeOf), nodeRemoved: [], linkAdded, linkRemoved: [] });
  return model;
}

function sceneOf(model: GraphModel, parts: Partial<Scene> = {}): Scene {
  const camera = new Camera();
  [camera.x, camera.y, camera.width, camera.height] = [80, 80, 1_280, 720];
  const x = Float32Array.from(PLACES);
  const y = Float32Array.from(PLACES, (place) => place / 2);
  const rest = { matches: undefined, selected: undefined, hovered: undefined, path: [], groups: undefined };
  return { model, x, y, camera, scale: 1, palette, ...rest, isAttached: () => true, isStale: false, ...parts };
}

function draw(scene: Scene): RecordingPen {
  const pen = new RecordingPen();
  new Renderer(pen).draw(scene, 0);
  return pen;
}

/** Nodes on a grid of 100, so many units apart, of which the camera sees all or only some. */
function grid(model: GraphModel, step: number, parts: Partial<Scene> = {}): Scene {
  const x = Float32Array.from(model.slots, (_, slot) => (slot % 100) * step);
  const y = Float32Array.from(model.slots, (_, slot) => Math.floor(slot / 100) * step);
  const scene = sceneOf(model, { x, y, ...parts });
  scene.camera.fit(x, y);
  return scene;
}

describe('the names in a picture', () => {
  it('are there in each picture of a timeline that is dragged, which has a graph of its own', () => {
    const model = chain(5);
    const history = new History(0);
    const placeOf = ({ slot }: { slot: number }) => [PLACES[slot], PLACES[slot] / 2] as const;
    const comeAndGo = { nodeAdded: [nodeOf(sidOf(5))], nodeRemoved: [], linkAdded: [], linkRemoved: [] };
    history.add(model.apply(comeAndGo), { atMs: 1_000, revision: 2 }, placeOf);
    const pen = new RecordingPen();
    const renderer = new Renderer(pen);
    const textsAt = (past: { model: GraphModel; x: Float32Array; y: Float32Array } | undefined, nowMs: number) => {
      pen.texts.length = 0;
      renderer.draw(sceneOf(past?.model ?? model, past && { x: past.x, y: past.y }), nowMs);
      return pen.texts.length;
    };
    const now = textsAt(undefined, 0);
    expect(now).toBeGreaterThan(0);
    const dragged = Array.from({ length: 40 }, (_, at) => textsAt(history.at(990 - at, model, placeOf), 50 * (at + 1)));
    expect(dragged).toEqual(dragged.map(() => now));
    // And at once when it is let go.
    expect(textsAt(undefined, 2_010)).toBe(now);
  });

  it('are ranked at most once a second while one graph changes', () => {
    const model = chain(5);
    const pen = new RecordingPen();
    const renderer = new Renderer(pen);
    const wide = { x: Float32Array.from({ length: 6 }, (_, at) => 100 * at - 200), y: new Float32Array(6) };
    renderer.draw(sceneOf(model, wide), 0);
    model.apply({ nodeAdded: [nodeOf(sidOf(5))], nodeRemoved: [], linkAdded: [], linkRemoved: [] });
    const isNamed = (nowMs: number) => {
      pen.texts.length = 0;
      renderer.draw(sceneOf(model, wide), nowMs);
      return pen.texts.includes(`n${sidOf(5)}`);
    };
    expect([isNamed(500), isNamed(1_100)]).toEqual([false, true]);
  });

  it('are there with the first nodes, and ask for another picture as long as they are those of an older graph', () => {
    const model = new GraphModel();
    const pen = new RecordingPen();
    const renderer = new Renderer(pen);
    const wide = { x: Float32Array.from({ length: 4 }, (_, at) => 300 * at - 400), y: new Float32Array(4) };
    const come = (...ats: number[]) => {
      const nodeAdded = ats.map((at) => nodeOf(sidOf(at)));
      model.apply({ nodeAdded, nodeRemoved: [], linkAdded: [], linkRemoved: [] });
    };
    const drawAt = (nowMs: number) => {
      pen.texts.length = 0;
      const againMs = renderer.draw(sceneOf(model, wide), nowMs);
      return { names: new Set(pen.texts).size, againMs };
    };
    expect(drawAt(0)).toEqual({ names: 0, againMs: 0 });
    come(0, 1);
    expect(drawAt(100)).toEqual({ names: 2, againMs: 0 });
    come(2);
    const { names, againMs } = drawAt(500);
    expect(names).toBe(2);
    expect(againMs).toBeGreaterThan(600);
    expect(againMs).toBeLessThan(601);
    // Nothing has changed since.
    expect(drawAt(500 + againMs)).toEqual({ names: 3, againMs: 0 });
    expect(drawAt(5_000)).toEqual({ names: 3, againMs: 0 });
  });
});

describe('lines of a picture', () => {
  it('join the ends of links and no others, while a newcomer has no place in the arrays', () => {
    const model = chain(5);
    const all = draw(sceneOf(model)).lines;
    expect(all).toEqual([0, 1, 2, 3].map((at) => [at, at + 1].flatMap((slot) => [PLACES[slot], PLACES[slot] / 2])));
    // Its slot lies beyond the arrays until the layout has answered; the link to it is drawn from either end.
    const fresh = [sidOf(5), sidOf(6)];
    const linkAdded = [
      { cvid1: fresh[0], cvid2: sidOf(1), link: TCP },
      { cvid1: sidOf(2), cvid2: fresh[0], link: TCP },
      { cvid1: fresh[1], cvid2: sidOf(4), link: UDP },
      { cvid1: fresh[0], cvid2: fresh[1], link: TCP },
    ];
    model.apply({ nodeAdded: fresh.map(nodeOf), nodeRemoved: [], linkAdded, linkRemoved: [] });
    for (const matches of [undefined, new Uint8Array(7).fill(1), new Uint8Array(7)]) {
      expect(draw(sceneOf(model, { matches })).lines).toEqual(all);
    }
  });

  it('of a path that was asked for end where one of its nodes has no place, and do not skip it', () => {
    const model = chain(5);
    model.apply({ nodeAdded: [nodeOf(sidOf(5))], nodeRemoved: [], linkAdded: [], linkRemoved: [] });
    const linesOf = (path: readonly number[]) => {
      const scene = sceneOf(model, { path });
      return draw(scene)
        .painted('stroke')
        .filter(({ style }) => style === palette.accent)
        .flatMap(({ lines }) => lines);
    };
    const line = (...slots: number[]) => slots.flatMap((slot) => [PLACES[slot], PLACES[slot] / 2]);
    expect(linesOf([0, 1, 2].map((at) => sidOf(at)))).toEqual([line(0, 1), line(1, 2)]);
    // One beyond the arrays, and one that has gone.
    for (const lost of [sidOf(5), sidOf(99)]) {
      expect(linesOf([sidOf(0), sidOf(1), lost, sidOf(2), sidOf(3)])).toEqual([line(0, 1), line(2, 3)]);
      expect(linesOf([lost, sidOf(2), sidOf(3)])).toEqual([line(2, 3)]);
    }
  });

  it('of a selection go to those of its neighbours that have a place', () => {
    const model = chain(5);
    model.apply({
      ...{ nodeAdded: [nodeOf(sidOf(5))], nodeRemoved: [], linkRemoved: [] },
      linkAdded: [{ cvid1: sidOf(0), cvid2: sidOf(5), link: TCP }],
    });
    const marksOf = (at: number) => {
      const pen = draw(sceneOf(model, { selected: model.nodes.get(sidOf(at)) }));
      const marks = pen.painted('stroke').filter(({ style }) => style === palette.accent);
      return marks.map(({ lines, discs }) => [lines.length, discs.length]);
    };
    expect(marksOf(0)).toEqual([
      [1, 0],
      [0, 1],
    ]);
    expect(marksOf(5)).toEqual([]);
  });
});

describe('a picture that sees some of a large graph', () => {
  const model = chain(8_000, UDP);
  const isAttached = (sid: number) => sid % 16 !== AGENT;

  it('has discs, a ring for each node that is not attached, and dashes, however large the graph is', () => {
    const scene = grid(model, 100, { isAttached });
    expect(draw(scene).of('arc')).toBe(0);
    scene.camera.show(1_000, 1_000);
    const pen = draw(scene);
    // The ground alone.
    expect(pen.painted('rect')).toHaveLength(1);
    const discs = pen.painted('fill').flatMap((paint) => paint.discs);
    const rings = pen.painted('stroke').flatMap((paint) => paint.discs);
    const seen = model.slots.filter((node) => {
      const { left, right, top, bottom } = scene.camera.view(8);
      const [x, y] = [scene.x[node?.slot ?? -1], scene.y[node?.slot ?? -1]];
      return x >= left && x <= right && y >= top && y <= bottom;
    });
    expect(discs.length + rings.length).toBe(seen.length);
    expect(rings).toHaveLength(seen.filter((node) => node !== undefined && !isAttached(node.sid)).length);
    expect(rings.length).toBeGreaterThan(10);
    const [links] = pen.painted('stroke').filter(({ style, lines }) => style === palette.udp && lines.length > 0);
    expect(links.dash).toHaveLength(2);
    // As visible as in a graph that has no others.
    expect(links.alpha).toBe(0.6);
  });
});

describe('squares that overlap', () => {
  const model = chain(8_000);
  // All of them within some pixels.
  const squaresOf = (parts: Partial<Scene>) => {
    const rects = draw(grid(model, 0.5, parts)).painted('rect');
    return rects.slice(1).map(({ style, alpha }) => `${style} ${alpha}`);
  };
  const mixOf = (part: number) => `color-mix(in srgb, ${kinds.agent} ${part}%, ${palette.ground}) 1`;

  it('are as dim as one of them where a query does not ask for them, or the picture is old', () => {
    expect(new Set(squaresOf({}))).toEqual(new Set([`${kinds.agent} 1`]));
    const matches = new Uint8Array(8_000);
    expect(new Set(squaresOf({ matches }))).toEqual(new Set([mixOf(25)]));
    expect(new Set(squaresOf({ isStale: true }))).toEqual(new Set([mixOf(45)]));
    expect(new Set(squaresOf({ matches, isStale: true }))).toEqual(new Set([mixOf(11.25)]));
  });

  it('lie below those that are asked for, of whichever kind', () => {
    const mixed = new GraphModel();
    const nodeAdded = Array.from({ length: 8_000 }, (_, at) => nodeOf(sidOf(at, at % 2 === 0 ? AGENT : CLIENT)));
    mixed.apply({ nodeAdded, nodeRemoved: [], linkAdded: [], linkRemoved: [] });
    for (const asked of [0, 1]) {
      const matches = Uint8Array.from(mixed.slots, (_, slot) => (slot % 2 === asked ? 1 : 0));
      const rects = draw(grid(mixed, 0.5, { matches }))
        .painted('rect')
        .slice(1);
      const isDim = rects.map(({ style }) => `${style}`.startsWith('color-mix'));
      expect(isDim).toEqual([...Array(4_000).fill(true), ...Array(4_000).fill(false)]);
    }
  });
});

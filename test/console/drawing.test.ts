import { describe, expect, it } from '@jest/globals';
import { Camera } from '../../console/src/draw/camera.js';
import { nearestNode } from '../../console/src/draw/nearest.js';
import { Renderer } from '../../console/src/draw/renderer.js';
import type { Palette, Scene } from '../../console/src/draw/scene.js';
import { GroupPlacement } from '../../console/src/layout/group-placement.js';
import { GraphModel } from '../../console/src/model/graph.js';
import { Grouping } from '../../console/src/model/groups.js';
import { RecordingPen } from './pen.js';

const NODES = 20_000;
const LINKS = 35_000;
/** Nodes stand in rows of so many, so many units apart. */
const COLUMNS = 200;
const STEP = 20;
/** Fills and strokes of the picture that do not grow with the graph: two types of links, five kinds of nodes, asked for or not. */
const PAINTS_MAX = 20;

const kinds = { server: '#1', agent: '#2', client: '#3', installer: '#4', other: '#5' };
const palette: Palette = { ground: '#0', text: '#6', halo: '#0', accent: '#7', tcp: '#8', udp: '#9', kinds };

/** A mesh of 20 sites, in which each node is linked with some behind it. */
function mesh(): GraphModel {
  const model = new GraphModel();
  const labels = Array.from({ length: 20 }, (_, at) => new Map([['site', `s${at}`]]));
  const nodeAdded = Array.from({ length: NODES }, (_, at) => {
    return {
      cvid: 8 * (at + 1) + 2,
      parent: 1,
      instanceUuid: `uuid-${at}`,
      name: `node-${at}`,
      labels: labels[at % 20],
    };
  });
  const linkAdded = Array.from({ length: LINKS }, (_, at) => {
    const [one, other] = [at % NODES, (at * 7 + 13) % NODES];
    return { cvid1: 8 * (one + 1) + 2, cvid2: 8 * (other + 1) + 2, link: 1 + (at % 2) };
  });
  model.apply({ nodeAdded, nodeRemoved: [], linkAdded, linkRemoved: [] });
  return model;
}

/** The whole mesh in rows, as a camera of 1,280 × 720 pixels sees it. */
function sceneOf(model: GraphModel, parts: Partial<Scene> = {}): Scene {
  const x = Float32Array.from(model.slots, (_, slot) => (slot % COLUMNS) * STEP);
  const y = Float32Array.from(model.slots, (_, slot) => Math.floor(slot / COLUMNS) * STEP);
  const camera = new Camera();
  [camera.width, camera.height] = [1_280, 720];
  camera.fit(x, y);
  const rest = { matches: undefined, selected: undefined, hovered: undefined, path: [], groups: undefined };
  return { model, x, y, camera, scale: 1, palette, ...rest, isAttached: () => true, isStale: false, ...parts };
}

function draw(scene: Scene): RecordingPen {
  const pen = new RecordingPen();
  new Renderer(pen).draw(scene, 0);
  return pen;
}

/** Fills and strokes of paths. */
function paintsOf(pen: RecordingPen): number {
  return pen.of('fill') + pen.of('stroke');
}

describe('a picture of 20,000 nodes and 35,000 links', () => {
  const model = mesh();

  it('takes one rectangle for each node, one line for each link, and a bounded number of strokes and styles', () => {
    const pen = draw(sceneOf(model));
    // And one for the ground.
    expect(pen.of('fillRect')).toBe(NODES + 1);
    expect(pen.of('lineTo')).toBe(model.links.length);
    expect(pen.of('arc')).toBe(0);
    expect(paintsOf(pen)).toBeLessThanOrEqual(PAINTS_MAX);
    // Two for each name.
    expect(pen.of('style') - 2 * pen.texts.length).toBeLessThanOrEqual(PAINTS_MAX);
    expect(pen.texts.length).toBeLessThanOrEqual(24);
  });

  it('has each square around its node in the colour of its kind, and each line between the ends of its link', () => {
    const scene = sceneOf(model);
    const { x, y } = scene;
    const pen = draw(scene);
    const [ground, ...squares] = pen.painted('rect');
    expect([ground.style, ground.rect]).toEqual([palette.ground, [0, 0, 1_280, 720]]);
    const middles = squares.map(({ rect: [left, top, width, height] }) => [left + width / 2, top + height / 2]);
    const wanted = model.slots.map((_, slot) => [x[slot], y[slot]]);
    expect(middles.map(([one, other]) => [Math.round(one), Math.round(other)])).toEqual(wanted);
    expect(new Set(squares.map(({ style, alpha }) => `${style} ${alpha}`))).toEqual(new Set([`${kinds.agent} 1`]));
    for (const [type, colour] of [
      [1, palette.tcp],
      [2, palette.udp],
    ] as const) {
      const links = model.links.filter(({ types }) => (types & 4) === (type === 2 ? 4 : 0));
      const lines = links.map(({ a, b }) => [x[a.slot], y[a.slot], x[b.slot], y[b.slot]]);
      const strokes = pen.painted('stroke').filter(({ style }) => style === colour);
      expect(strokes.map(({ alpha }) => alpha)).toEqual([0.16]);
      expect(strokes[0].lines).toEqual(lines);
    }
  });

  it('takes no more where half of it is asked for', () => {
    const matches = Uint8Array.from(model.slots, (_, slot) => slot % 2);
    const pen = draw(sceneOf(model, { matches }));
    expect(pen.of('fillRect')).toBe(NODES + 1);
    expect(pen.of('lineTo')).toBe(model.links.length);
    expect(paintsOf(pen)).toBeLessThanOrEqual(PAINTS_MAX);
    expect(pen.texts.length).toBeLessThanOrEqual(90);
  });

  it('takes a line for each two groups in place of those of their links, where nodes are grouped', () => {
    const grouped = new Grouping({ kind: 'label', key: 'site' }).read(model);
    const placement = new GroupPlacement();
    const links = Int32Array.from(model.links.flatMap(({ a, b }) => [a.slot, b.slot]));
    placement.change({ groups: grouped.of.slice(), links });
    while (placement.step());
    const discs = new Map<number, { x: number; y: number; radius: number }>();
    for (let at = 0; at < placement.discs.length; at += 4) {
      const [id, x, y, radius] = placement.discs.slice(at, at + 4);
      discs.set(id, { x, y, radius });
    }
    const { x, y } = placement;
    const scene = sceneOf(model, { x, y, groups: { grouped, discs } });
    scene.camera.fit(x, y);
    const pen = draw(scene);
    expect(grouped.groups).toHaveLength(20);
    expect(pen.of('lineTo')).toBe(grouped.bundles.length);
    expect(grouped.bundles.length).toBeLessThanOrEqual((20 * 19) / 2);
    expect(pen.of('fillRect')).toBe(NODES + 1);
  });

  it('leaves out what the camera does not see, and names 90 of what it sees at most', () => {
    const scene = sceneOf(model);
    scene.camera.show(1_000, 1_000);
    const pen = draw(scene);
    // 64 × 36 of them lie in the picture, and some reach into it: few enough to be discs.
    expect(pen.of('fillRect')).toBe(1);
    expect(pen.of('arc')).toBeGreaterThan(64 * 36);
    expect(pen.of('arc')).toBeLessThan(68 * 40);
    expect(pen.of('lineTo')).toBeLessThan(model.links.length);
    expect(pen.texts.length).toBeGreaterThan(20);
    expect(pen.texts.length).toBeLessThanOrEqual(90);
  });

  it('keeps a link that crosses the picture between two nodes beyond its edges', () => {
    const pair = new GraphModel();
    const node = (cvid: number) => ({ cvid, parent: 1, instanceUuid: `${cvid}`, name: '', labels: new Map() });
    const linkAdded = [{ cvid1: 10, cvid2: 18, link: 1 }];
    pair.apply({ nodeAdded: [node(10), node(18)], nodeRemoved: [], linkAdded, linkRemoved: [] });
    const scene = sceneOf(pair, { x: Float32Array.of(-9_000, 9_000), y: Float32Array.of(-9_000, 9_000) });
    [scene.camera.x, scene.camera.y, scene.camera.zoom] = [0, 0, 1];
    const pen = draw(scene);
    expect([pen.of('lineTo'), pen.of('arc')]).toEqual([1, 0]);
  });

  it('finds the node under a pointer, also when its neighbours overlap it, and none far from all', () => {
    const scene = sceneOf(model);
    const at = (slot: number) => scene.camera.toScreen(scene.x[slot], scene.y[slot]);
    for (const slot of [0, 777, NODES - 1]) {
      const [x, y] = at(slot);
      expect(nearestNode(model, scene, scene.camera, { x, y, withinPixels: 12 })?.slot).toBe(slot);
    }
    const [x, y] = at(0);
    expect(nearestNode(model, scene, scene.camera, { x: x - 60, y: y - 60, withinPixels: 12 })).toBeUndefined();
  });
});

describe('a graph that is taken over whole', () => {
  it('is the same as one that became it, also with nodes that have gone and come', () => {
    const node = (cvid: number) => ({
      cvid,
      parent: 1,
      instanceUuid: `${cvid}`,
      name: `n${cvid}`,
      labels: new Map([['k', 'v']]),
    });
    const come = { nodeAdded: [10, 18, 26].map(node), nodeRemoved: [], linkRemoved: [] };
    const linkAdded = [{ cvid1: 10, cvid2: 26, link: 1 }];
    const whole = () => {
      const model = new GraphModel();
      model.apply({ ...come, linkAdded });
      model.apply({ nodeAdded: [], nodeRemoved: [{ cvid: 18 }], linkAdded: [], linkRemoved: [] });
      return model;
    };
    const [adopted, become] = [new GraphModel(), new GraphModel()];
    const change = adopted.adopt(whole());
    become.become(whole());
    const facts = ({ nodes, links, labelCounts }: GraphModel) => {
      return [[...nodes.keys()], links.map(({ a, b, types }) => [a.sid, b.sid, types]), [...labelCounts]];
    };
    expect(facts(adopted)).toEqual(facts(become));
    expect([change.added.length, change.linked.length]).toEqual([2, 1]);
    // The place of the one that has gone is given to the next one.
    const [newcomer] = adopted.apply({ nodeAdded: [node(34)], nodeRemoved: [], linkAdded: [], linkRemoved: [] }).added;
    expect(newcomer.slot).toBe(1);
    expect(adopted.labelCounts.get('k')).toBe(3);
  });
});

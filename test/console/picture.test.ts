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
/** The kind by the last three bits of a SID. */
const AGENT = 2;
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
});

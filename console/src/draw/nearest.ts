import type { GraphModel, GraphNode } from '../model/graph.js';
import type { Camera } from './camera.js';
import { scaleOf, sizeOf } from './scene.js';

/** Where nodes are drawn, by slot. */
interface Places {
  readonly x: Float32Array;
  readonly y: Float32Array;
}

/** A point of the screen, and how far from it a node's edge may be. */
interface Point {
  readonly x: number;
  readonly y: number;
  readonly withinPixels: number;
}

/** The node under a point of the screen, or the nearest one; undefined where none is near. */
export function nearestNode({ slots }: GraphModel, places: Places, camera: Camera, at: Point): GraphNode | undefined {
  const { zoom } = camera;
  const [wx, wy] = camera.toWorld(at.x, at.y);
  const scale = scaleOf(zoom);
  let found: GraphNode | undefined;
  let least = at.withinPixels / zoom;
  for (const node of slots) {
    if (node === undefined) continue;
    const dx = (places.x[node.slot] ?? Number.NaN) - wx;
    const dy = (places.y[node.slot] ?? Number.NaN) - wy;
    // NaN for a node without a place, which is then never the nearer one.
    const distance = Math.sqrt(dx * dx + dy * dy) - sizeOf(node) * scale;
    if (distance < least) [found, least] = [node, distance];
  }
  return found;
}

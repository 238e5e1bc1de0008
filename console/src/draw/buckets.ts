import type { GraphNode } from '../model/graph.js';
import { type InstanceKind, kindOf, TYPES } from '../model/instance.js';
import { type Scene, scaleOf, sizeOf } from './scene.js';

/** The largest {@link sizeOf}, by which a node reaches into the picture from beyond its edge. */
const SIZE_MAX = 11;

/** Nodes of one look. Of the lists the first `length` count. */
export interface Bucket {
  readonly kind: InstanceKind;
  /** Whether the query asks for them. */
  readonly isAsked: boolean;
  readonly nodes: (GraphNode | undefined)[];
  readonly radii: number[];
  length: number;
}

/** The nodes that the camera sees, sorted by how they look. The lists are used again for each frame. */
export class Buckets {
  /** Those that are asked for are the last, so that no other lies above them. */
  readonly all: readonly Bucket[] = [false, true].flatMap((isAsked) => TYPES.map((kind) => bucketOf(kind, isAsked)));

  /** Sorts those of a scene. Answers with how many they are. */
  sort({ model, x, y, camera, matches }: Scene): number {
    for (const bucket of this.all) bucket.length = 0;
    const scale = scaleOf(camera.zoom);
    const { left, top, right, bottom } = camera.view(SIZE_MAX * scale);
    for (const node of model.slots) {
      if (node === undefined || node.parent === 0) continue;
      const px = x[node.slot] ?? Number.NaN;
      const py = y[node.slot] ?? Number.NaN;
      // False for NaN, too: a node without a place is not drawn.
      if (!(px >= left && px <= right && py >= top && py <= bottom)) continue;
      const isAsked = matches === undefined || matches[node.slot] === 1;
      put(this.#of(kindOf(node.sid), isAsked), node, sizeOf(node) * scale);
    }
    // Those of a larger picture before are not kept alive.
    for (const { nodes, radii, length } of this.all)
      if (nodes.length > 2 * length) nodes.length = radii.length = length;
    return this.all.reduce((sum, { length }) => sum + length, 0);
  }

  #of(kind: InstanceKind, isAsked: boolean): Bucket | undefined {
    return this.all[TYPES.indexOf(kind) + (isAsked ? TYPES.length : 0)];
  }
}

function bucketOf(kind: InstanceKind, isAsked: boolean): Bucket {
  return { kind, isAsked, nodes: [], radii: [], length: 0 };
}

function put(bucket: Bucket | undefined, node: GraphNode, radius: number): void {
  if (bucket === undefined) return;
  const at = bucket.length++;
  bucket.nodes[at] = node;
  bucket.radii[at] = radius;
}

import type { GraphLink } from '../model/graph.js';
import type { Scene } from './scene.js';

const UDP_BIT = 1 << 2;

/** Links of one look. Of the list the first `length` count. */
export interface LinkBucket {
  readonly isUdp: boolean;
  /** Whether the query asks for both ends. */
  readonly isAsked: boolean;
  readonly links: (GraphLink | undefined)[];
  length: number;
}

/** The links of which the camera may see something, sorted by how they look. The lists are used again for each frame. */
export class LinkBuckets {
  /** Those that are asked for are the last, so that they lie above the others. */
  readonly all: readonly LinkBucket[] = [false, true].flatMap((isAsked) =>
    [false, true].map((isUdp) => ({ isUdp, isAsked, links: [], length: 0 })),
  );

  /** Sorts those of a scene. Answers with how many they are. */
  sort({ model, x, y, camera, matches }: Scene): number {
    for (const bucket of this.all) bucket.length = 0;
    const { left, top, right, bottom } = camera.view(0);
    for (const link of model.links) {
      const [a, b] = [link.a.slot, link.b.slot];
      // A slot beyond the arrays is that of a newcomer, which has no place yet.
      const [fromX, fromY] = [x[a] ?? Number.NaN, y[a] ?? Number.NaN];
      const [toX, toY] = [x[b] ?? Number.NaN, y[b] ?? Number.NaN];
      // False for NaN, too: a link with an end without a place is not drawn.
      if (!(Math.max(fromX, toX) >= left && Math.min(fromX, toX) <= right)) continue;
      if (!(Math.max(fromY, toY) >= top && Math.min(fromY, toY) <= bottom)) continue;
      const isAsked = matches === undefined || (matches[a] === 1 && matches[b] === 1);
      put(this.all[(isAsked ? 2 : 0) + ((link.types & UDP_BIT) === 0 ? 0 : 1)], link);
    }
    // Those of a larger picture before are not kept alive.
    for (const { links, length } of this.all) if (links.length > 2 * length) links.length = length;
    return this.all.reduce((sum, { length }) => sum + length, 0);
  }
}

function put(bucket: LinkBucket | undefined, link: GraphLink): void {
  if (bucket !== undefined) bucket.links[bucket.length++] = link;
}

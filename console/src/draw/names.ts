import type { GraphModel, GraphNode } from '../model/graph.js';
import { nameOf } from '../text.js';
import type { Pen } from './pen.js';
import { NEAR_ZOOM, radiusOf, type Scene } from './scene.js';

/** Names at once: more is a carpet. */
const LABELS_MAX = 90;
/** Of those with most links: what has a name when seen from afar. */
const FAR_MAX = 24;
/** Pixels of the cells of which each holds one name. */
const CELL = { width: 70, height: 14 } as const;
/** Pixels beyond the left edge at which a name still reaches into the picture. */
const REACH = 60;
const FONT = '12px system-ui, "DejaVu Sans", sans-serif';
/** How often nodes are ranked anew while the graph changes: sorting 20,000 of them takes 15 ms. */
const RANK_MS = { least: 1_000, perNode: 0.1 } as const;

/** The names of the nodes that matter most of those that are seen. */
export class Names {
  /** Nodes by how many links they have; made anew when the graph has changed, and at once for another graph. */
  #ranked: readonly GraphNode[] = [];
  #rankedModel: GraphModel | undefined;
  #rankedVersion = -1;
  #rankedMs = Number.NEGATIVE_INFINITY;
  /** Cells that have a name. */
  readonly #taken = new Set<number>();

  /** Answers with how long the ranking that was used stays one of an older graph; 0: it is of this one. */
  draw(pen: Pen, scene: Scene, nowMs: number): number {
    const { model, selected, hovered, camera, matches } = scene;
    const oldForMs = this.#rank(scene, nowMs);
    this.#taken.clear();
    pen.font = FONT;
    pen.textBaseline = 'middle';
    pen.lineJoin = 'round';
    pen.lineWidth = 3.5;
    for (const node of new Set([selected, hovered])) if (node !== undefined) this.#write(pen, scene, node, true);
    const isNear = camera.zoom > NEAR_ZOOM || matches !== undefined;
    const end = isNear ? this.#ranked.length : Math.min(FAR_MAX, this.#ranked.length);
    for (let at = 0; at < end && this.#taken.size < LABELS_MAX; at++) {
      const node = this.#ranked[at];
      // One that has gone since, or that has its name already.
      if (node === undefined || model.slots[node.slot] !== node || node === selected || node === hovered) continue;
      if (matches?.[node.slot] !== 0) this.#write(pen, scene, node, false);
    }
    return oldForMs;
  }

  #write(pen: Pen, scene: Scene, node: GraphNode, isMarked: boolean): void {
    const { x, y, camera, palette } = scene;
    const px = ((x[node.slot] ?? Number.NaN) - camera.x) * camera.zoom + camera.width / 2;
    const py = ((y[node.slot] ?? Number.NaN) - camera.y) * camera.zoom + camera.height / 2;
    if (!(px > -REACH && py > 0 && px < camera.width && py < camera.height)) return;
    const columns = Math.ceil(camera.width / CELL.width) + 2;
    const cell = Math.floor(py / CELL.height) * columns + Math.floor(px / CELL.width);
    if (!isMarked && this.#isNearTaken(cell, columns)) return;
    this.#taken.add(cell);
    const edge = radiusOf(node, camera.zoom) * camera.zoom + 4;
    const name = nameOf(node);
    pen.strokeStyle = palette.halo;
    pen.strokeText(name, px + edge, py);
    pen.fillStyle = isMarked ? palette.accent : palette.text;
    pen.fillText(name, px + edge, py);
  }

  #isNearTaken(cell: number, columns: number): boolean {
    for (let row = cell - columns; row <= cell + columns; row += columns) {
      if (this.#taken.has(row - 1) || this.#taken.has(row) || this.#taken.has(row + 1)) return true;
    }
    return false;
  }

  #rank({ model }: Scene, nowMs: number): number {
    // A picture of the past has a graph of its own, whose nodes are others even where the version is the same.
    const isSame = model === this.#rankedModel;
    if (isSame && model.version === this.#rankedVersion) return 0;
    const leftMs = this.#rankedMs + RANK_MS.least + model.nodes.size * RANK_MS.perNode - nowMs;
    // Where there was nothing to sort, the first nodes do not wait for it.
    if (isSame && leftMs > 0 && this.#ranked.length > 0) return leftMs;
    const ranked = [...model.nodes.values()].filter(({ parent }) => parent !== 0);
    this.#ranked = ranked.sort((one, other) => other.links.size - one.links.size || one.sid - other.sid);
    this.#rankedModel = model;
    this.#rankedVersion = model.version;
    this.#rankedMs = nowMs;
    return 0;
  }
}

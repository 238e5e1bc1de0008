import type { GraphLink, GraphNode } from '../model/graph.js';
import { type Bucket, Buckets } from './buckets.js';
import { drawDiscs, drawGroupNames } from './groups.js';
import { Names } from './names.js';
import type { Pen } from './pen.js';
import { NEAR_ZOOM, radiusOf, type Scene } from './scene.js';

/** How much of it is seen of what was not asked for. */
const DIM = 0.25;
const STALE = 0.45;
const UDP_BIT = 1 << 2;
/** Beyond so many, nodes are squares and links are not dashed: nobody sees the difference, and it costs a frame. */
const FINE_MAX = 6_000;
/**
 * Pixels of a link. Up to one pixel a line is a hairline, which a machine without a GPU draws many times as fast: 3,400 of them 58
 * times a second, and 9 times where they have 1.4.
 */
const HAIRLINE = 0.98;
const TURN = 2 * Math.PI;

/** Draws the graph on a canvas: links, nodes, then names, each kind in one go. */
export class Renderer {
  readonly #context: Pen;
  readonly #names = new Names();
  readonly #buckets = new Buckets();

  constructor(context: Pen) {
    this.#context = context;
  }

  draw(scene: Scene, nowMs: number): void {
    const { camera, palette, isStale, scale } = scene;
    const context = this.#context;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.fillStyle = palette.ground;
    context.fillRect(0, 0, camera.width, camera.height);
    context.setTransform(
      ...([camera.zoom * scale, 0, 0, camera.zoom * scale] as const),
      (camera.width / 2 - camera.x * camera.zoom) * scale,
      (camera.height / 2 - camera.y * camera.zoom) * scale,
    );
    const fade = isStale ? STALE : 1;
    if (scene.groups !== undefined) drawDiscs(context, scene, scene.groups);
    this.#links(scene, fade);
    this.#nodes(scene, fade);
    this.#path(scene);
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.globalAlpha = fade;
    this.#marks(scene);
    if (scene.groups !== undefined) drawGroupNames(context, scene, scene.groups);
    if (scene.groups === undefined || camera.zoom > NEAR_ZOOM) this.#names.draw(context, scene, nowMs);
    context.globalAlpha = 1;
  }

  #links(scene: Scene, fade: number): void {
    const { model, matches, palette, camera, groups } = scene;
    // From afar a bundle between two groups stands for their links, unless some are asked for.
    const isFar = groups !== undefined && camera.zoom <= NEAR_ZOOM;
    if (isFar && matches === undefined) return;
    const isFine = model.links.length < FINE_MAX;
    this.#context.lineWidth = HAIRLINE / camera.zoom;
    // Few links are seen one by one; a hundred thousand are a cloud.
    const alpha = Math.max(0.16, Math.min(0.6, 900 / (model.links.length + 1)));
    for (const isUdp of [false, true]) {
      const dash = isUdp && isFine ? [4 / camera.zoom, 3 / camera.zoom] : [];
      this.#context.setLineDash(dash);
      this.#context.strokeStyle = isUdp ? palette.udp : palette.tcp;
      const isOfType = ({ types }: GraphLink) => ((types & UDP_BIT) !== 0) === isUdp;
      if (matches === undefined) this.#strokeLinks(scene, isOfType, alpha * fade);
      else {
        const isAsked = ({ a, b }: GraphLink) => matches[a.slot] === 1 && matches[b.slot] === 1;
        if (!isFar) this.#strokeLinks(scene, (link) => isOfType(link) && !isAsked(link), alpha * fade * DIM);
        this.#strokeLinks(scene, (link) => isOfType(link) && isAsked(link), Math.min(1, alpha * fade * 1.5));
      }
    }
    this.#context.setLineDash([]);
  }

  /** Those of which something may be seen. */
  #strokeLinks({ model, x, y, camera }: Scene, is: (link: GraphLink) => boolean, alpha: number): void {
    const context = this.#context;
    const { left, top, right, bottom } = camera.view(0);
    context.globalAlpha = alpha;
    context.beginPath();
    for (const link of model.links) {
      if (!is(link)) continue;
      const [a, b] = [link.a.slot, link.b.slot];
      const [fromX, fromY, toX, toY] = [x[a]!, y[a]!, x[b]!, y[b]!];
      if (Number.isNaN(fromX) || Number.isNaN(toX)) continue;
      if (Math.max(fromX, toX) < left || Math.min(fromX, toX) > right) continue;
      if (Math.max(fromY, toY) < top || Math.min(fromY, toY) > bottom) continue;
      context.moveTo(fromX, fromY);
      context.lineTo(toX, toY);
    }
    context.stroke();
  }

  #nodes(scene: Scene, fade: number): void {
    const context = this.#context;
    this.#buckets.sort(scene);
    const isFine = scene.model.nodes.size < FINE_MAX;
    for (const bucket of this.#buckets.all) {
      if (bucket.length === 0) continue;
      context.fillStyle = scene.palette.kinds[bucket.kind];
      context.strokeStyle = scene.palette.kinds[bucket.kind];
      context.globalAlpha = bucket.isAsked ? fade : fade * DIM;
      if (isFine) this.#fillDiscs(scene, bucket);
      else this.#fillSquares(scene, bucket);
    }
  }

  /** Each of its own: a path of thousands is drawn several times as slowly. */
  #fillSquares({ x, y }: Scene, { nodes, radii, length }: Bucket): void {
    const context = this.#context;
    for (let at = 0; at < length; at++) {
      const { slot } = nodes[at]!;
      const radius = radii[at]!;
      context.fillRect(x[slot]! - radius, y[slot]! - radius, 2 * radius, 2 * radius);
    }
  }

  /** Discs; of those without an attachment a ring. */
  #fillDiscs({ x, y, camera, isAttached }: Scene, { nodes, radii, length }: Bucket): void {
    const context = this.#context;
    const rings: number[] = [];
    context.beginPath();
    for (let at = 0; at < length; at++) {
      const { slot, sid } = nodes[at]!;
      if (isAttached(sid) === false) rings.push(at);
      else {
        context.moveTo(x[slot]! + radii[at]!, y[slot]!);
        context.arc(x[slot]!, y[slot]!, radii[at]!, 0, TURN);
      }
    }
    context.fill();
    if (rings.length === 0) return;
    context.lineWidth = 1.5 / camera.zoom;
    context.beginPath();
    for (const at of rings) {
      const { slot } = nodes[at]!;
      const radius = radii[at]! - 0.75 / camera.zoom;
      context.moveTo(x[slot]! + radius, y[slot]!);
      context.arc(x[slot]!, y[slot]!, radius, 0, TURN);
    }
    context.stroke();
  }

  #path({ model, path, x, y, palette, camera }: Scene): void {
    if (path.length < 2) return;
    const context = this.#context;
    context.globalAlpha = 1;
    context.strokeStyle = palette.accent;
    context.lineWidth = 3 / camera.zoom;
    context.beginPath();
    path.forEach((sid, at) => {
      const node = model.nodes.get(sid);
      if (node === undefined || Number.isNaN(x[node.slot])) return;
      if (at === 0) context.moveTo(x[node.slot]!, y[node.slot]!);
      else context.lineTo(x[node.slot]!, y[node.slot]!);
    });
    context.stroke();
  }

  /** The selection with its links, and what is under the pointer. */
  #marks({ selected, hovered, x, y, camera, palette }: Scene): void {
    const context = this.#context;
    const at = ({ slot }: GraphNode) => camera.toScreen(x[slot]!, y[slot]!);
    for (const node of new Set([selected, hovered])) {
      if (node === undefined || Number.isNaN(x[node.slot])) continue;
      const [px, py] = at(node);
      context.strokeStyle = palette.accent;
      context.lineWidth = 1.5;
      context.beginPath();
      for (const { a, b } of node.links.values()) {
        const [ox, oy] = at(a === node ? b : a);
        context.moveTo(px, py);
        context.lineTo(ox, oy);
      }
      context.stroke();
      context.lineWidth = node === selected ? 3 : 2;
      context.beginPath();
      context.arc(px, py, radiusOf(node, camera.zoom) * camera.zoom + 4, 0, TURN);
      context.stroke();
    }
  }
}

import type { GraphNode } from '../model/graph.js';
import { type Bucket, Buckets } from './buckets.js';
import { drawDiscs, drawGroupNames } from './groups.js';
import { type LinkBucket, LinkBuckets } from './link-buckets.js';
import { Names } from './names.js';
import type { Pen } from './pen.js';
import { NEAR_ZOOM, radiusOf, type Scene } from './scene.js';

/** How much of it is seen of what was not asked for. */
const DIM = 0.25;
const STALE = 0.45;
/** Where more than this are seen, nodes are squares and links are not dashed: nobody sees the difference, and it costs a frame. */
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
  readonly #linkBuckets = new LinkBuckets();

  constructor(context: Pen) {
    this.#context = context;
  }

  /** Answers in how many milliseconds it is to be drawn again though nothing changes, as its names are of an older graph; 0: never. */
  draw(scene: Scene, nowMs: number): number {
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
    const hasNames = scene.groups === undefined || camera.zoom > NEAR_ZOOM;
    const againMs = hasNames ? this.#names.draw(context, scene, nowMs) : 0;
    context.globalAlpha = 1;
    return againMs;
  }

  #links(scene: Scene, fade: number): void {
    const { matches, palette, camera, groups } = scene;
    // From afar a bundle between two groups stands for their links, unless some are asked for.
    const isFar = groups !== undefined && camera.zoom <= NEAR_ZOOM;
    if (isFar && matches === undefined) return;
    const context = this.#context;
    const seen = this.#linkBuckets.sort(scene);
    context.lineWidth = HAIRLINE / camera.zoom;
    // Few links are seen one by one; a hundred thousand are a cloud.
    const alpha = fade * Math.max(0.16, Math.min(0.6, 900 / (seen + 1)));
    for (const bucket of this.#linkBuckets.all) {
      if (bucket.length === 0 || (isFar && !bucket.isAsked)) continue;
      context.setLineDash(bucket.isUdp && seen < FINE_MAX ? [4 / camera.zoom, 3 / camera.zoom] : []);
      context.strokeStyle = bucket.isUdp ? palette.udp : palette.tcp;
      if (!bucket.isAsked) context.globalAlpha = alpha * DIM;
      else context.globalAlpha = matches === undefined ? alpha : Math.min(1, alpha * 1.5);
      this.#strokeLinks(scene, bucket);
    }
    context.setLineDash([]);
  }

  #strokeLinks({ x, y }: Scene, { links, length }: LinkBucket): void {
    const context = this.#context;
    context.beginPath();
    for (let at = 0; at < length; at++) {
      const [a, b] = [links[at]!.a.slot, links[at]!.b.slot];
      context.moveTo(x[a]!, y[a]!);
      context.lineTo(x[b]!, y[b]!);
    }
    context.stroke();
  }

  #nodes(scene: Scene, fade: number): void {
    const isFine = this.#buckets.sort(scene) < FINE_MAX;
    for (const bucket of this.#buckets.all) {
      if (bucket.length === 0) continue;
      const colour = scene.palette.kinds[bucket.kind];
      const alpha = bucket.isAsked ? fade : fade * DIM;
      if (isFine) this.#drawDiscs(scene, bucket, colour, alpha);
      else this.#fillSquares(scene, bucket, alpha === 1 ? colour : mixed(colour, alpha, scene.palette.ground));
    }
  }

  /** Each of its own, as a path of thousands is drawn several times as slowly; so they are opaque, or those that overlap would add up. */
  #fillSquares({ x, y }: Scene, { nodes, radii, length }: Bucket, colour: string): void {
    const context = this.#context;
    context.globalAlpha = 1;
    context.fillStyle = colour;
    for (let at = 0; at < length; at++) {
      const { slot } = nodes[at]!;
      const radius = radii[at]!;
      context.fillRect(x[slot]! - radius, y[slot]! - radius, 2 * radius, 2 * radius);
    }
  }

  /** Discs; of those without an attachment a ring. */
  #drawDiscs(scene: Scene, { nodes, radii, length }: Bucket, colour: string, alpha: number): void {
    const { x, y, camera, isAttached } = scene;
    const context = this.#context;
    context.globalAlpha = alpha;
    context.fillStyle = colour;
    context.strokeStyle = colour;
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
    let isBroken = true;
    for (const sid of path) {
      const node = model.nodes.get(sid);
      const isLost = node === undefined || !hasPlace(x, node);
      if (!isLost && isBroken) context.moveTo(x[node.slot]!, y[node.slot]!);
      else if (!isLost) context.lineTo(x[node.slot]!, y[node.slot]!);
      isBroken = isLost;
    }
    context.stroke();
  }

  /** The selection with its links, and what is under the pointer. */
  #marks({ selected, hovered, x, y, camera, palette }: Scene): void {
    const context = this.#context;
    const at = ({ slot }: GraphNode) => camera.toScreen(x[slot]!, y[slot]!);
    for (const node of new Set([selected, hovered])) {
      if (node === undefined || !hasPlace(x, node)) continue;
      const [px, py] = at(node);
      context.strokeStyle = palette.accent;
      context.lineWidth = 1.5;
      context.beginPath();
      for (const { a, b } of node.links.values()) {
        const other = a === node ? b : a;
        if (!hasPlace(x, other)) continue;
        const [ox, oy] = at(other);
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

/** False for a newcomer, too, whose slot lies beyond the array until the layout has answered. */
function hasPlace(x: Float32Array, { slot }: GraphNode): boolean {
  return !Number.isNaN(x[slot] ?? Number.NaN);
}

/** What a colour looks like on the ground when it is drawn with `alpha`. */
function mixed(colour: string, alpha: number, ground: string): string {
  return `color-mix(in srgb, ${colour} ${100 * alpha}%, ${ground})`;
}

import type { Disc } from '../layout/layout.js';
import type { GraphLink, GraphModel, GraphNode } from '../model/graph.js';
import type { Grouped } from '../model/groups.js';
import { type InstanceKind, kindOf, TYPES } from '../model/instance.js';
import { nameOf } from '../text.js';
import type { Camera } from './camera.js';
import { drawDiscs, drawGroupNames } from './groups.js';

/** The colours of a theme, as the style sheet has them. */
export interface Palette {
  readonly ground: string;
  readonly text: string;
  readonly halo: string;
  readonly accent: string;
  readonly tcp: string;
  readonly udp: string;
  readonly kinds: Readonly<Record<InstanceKind, string>>;
}

/** Groups with the discs that their members stand on, by the groups' numbers. */
export interface DrawnGroups {
  readonly grouped: Grouped;
  readonly discs: ReadonlyMap<number, Disc>;
}

/** What is drawn. */
export interface Scene {
  readonly model: GraphModel;
  readonly x: Float32Array;
  readonly y: Float32Array;
  readonly camera: Camera;
  readonly palette: Palette;
  /** 1 for each slot that the query asks for; undefined when it asks for all. */
  readonly matches: Uint8Array | undefined;
  readonly selected: GraphNode | undefined;
  readonly hovered: GraphNode | undefined;
  /** Links of a path that was asked for, by both of their SIDs. */
  readonly path: readonly number[];
  readonly isAttached: (sid: number) => boolean | undefined;
  /** The groups and where they are drawn; undefined where nothing is grouped. */
  readonly groups: DrawnGroups | undefined;
  /** The whole picture is old: nobody knows whether it is still so. */
  readonly isStale: boolean;
}

/** How much of it is seen of what was not asked for. */
const DIM = 0.25;
const STALE = 0.45;
const UDP_BIT = 1 << 2;
/** Beyond so many, nodes are squares and links are not dashed: nobody sees the difference, and it costs a frame. */
const FINE_MAX = 6_000;
/** Names at once: more is a carpet. */
const LABELS_MAX = 90;
/** Pixels of the cells of which each holds one name. */
const LABEL_CELL = { width: 70, height: 14 } as const;
const FONT = '12px system-ui, "DejaVu Sans", sans-serif';
/**
 * Pixels of a link. Up to one pixel a line is a hairline, which a machine without a GPU draws many times as fast: 3,400 of them 58
 * times a second, and 9 times where they have 1.4.
 */
const HAIRLINE = 0.98;
const TURN = 2 * Math.PI;
/** Nearer than this a group's links and its members' names are seen one by one. */
const NEAR_ZOOM = 0.5;

/** Draws the graph on a canvas: links, nodes, then names, each kind in one go. */
export class Renderer {
  readonly #context: CanvasRenderingContext2D;
  /** Nodes by how many links they have, for names; made anew when the graph has changed. */
  #ranked: GraphNode[] = [];
  #rankedVersion = -1;
  #rankedMs = 0;

  constructor(context: CanvasRenderingContext2D) {
    this.#context = context;
  }

  draw(scene: Scene): void {
    const { camera, palette, isStale } = scene;
    const context = this.#context;
    const scale = devicePixelRatio;
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
    if (scene.groups === undefined || camera.zoom > NEAR_ZOOM) this.#names(scene);
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

  #strokeLinks({ model, x, y }: Scene, is: (link: GraphLink) => boolean, alpha: number): void {
    const context = this.#context;
    context.globalAlpha = alpha;
    context.beginPath();
    for (const link of model.links) {
      if (!is(link)) continue;
      const [a, b] = [link.a.slot, link.b.slot];
      const fromX = x[a]!;
      const toX = x[b]!;
      if (Number.isNaN(fromX) || Number.isNaN(toX)) continue;
      context.moveTo(fromX, y[a]!);
      context.lineTo(toX, y[b]!);
    }
    context.stroke();
  }

  #nodes(scene: Scene, fade: number): void {
    const { model, matches, palette } = scene;
    const byKind = Object.fromEntries(TYPES.map((kind) => [kind, [] as GraphNode[]])) as Record<
      InstanceKind,
      GraphNode[]
    >;
    for (const node of model.nodes.values()) if (node.parent !== 0) byKind[kindOf(node.sid)].push(node);
    for (const kind of TYPES) {
      this.#context.fillStyle = palette.kinds[kind];
      this.#context.strokeStyle = palette.kinds[kind];
      if (matches === undefined) this.#fillNodes(scene, byKind[kind], fade);
      else {
        this.#fillNodes(
          scene,
          byKind[kind].filter(({ slot }) => matches[slot] === 0),
          fade * DIM,
        );
        this.#fillNodes(
          scene,
          byKind[kind].filter(({ slot }) => matches[slot] === 1),
          fade,
        );
      }
    }
  }

  /** Discs; of those without an attachment a ring. */
  #fillNodes({ x, y, camera, isAttached }: Scene, nodes: readonly GraphNode[], alpha: number): void {
    const context = this.#context;
    context.globalAlpha = alpha;
    const isFine = nodes.length < FINE_MAX;
    const rings: GraphNode[] = [];
    context.beginPath();
    for (const node of nodes) {
      const px = x[node.slot]!;
      const py = y[node.slot]!;
      if (Number.isNaN(px)) continue;
      const radius = radiusOf(node, camera.zoom);
      if (!isFine) context.rect(px - radius, py - radius, 2 * radius, 2 * radius);
      else if (isAttached(node.sid) === false) rings.push(node);
      else {
        context.moveTo(px + radius, py);
        context.arc(px, py, radius, 0, TURN);
      }
    }
    context.fill();
    if (rings.length === 0) return;
    context.lineWidth = 1.5 / camera.zoom;
    context.beginPath();
    for (const node of rings) {
      const [px, py] = [x[node.slot]!, y[node.slot]!];
      const radius = radiusOf(node, camera.zoom) - 0.75 / camera.zoom;
      context.moveTo(px + radius, py);
      context.arc(px, py, radius, 0, TURN);
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

  #names(scene: Scene): void {
    const { selected, hovered, camera, x, y, palette, matches } = scene;
    const context = this.#context;
    context.font = FONT;
    context.textBaseline = 'middle';
    context.lineJoin = 'round';
    context.lineWidth = 3.5;
    const taken = new Set<number>();
    const columns = Math.ceil(camera.width / LABEL_CELL.width) + 2;
    let left = LABELS_MAX;
    for (const node of this.#candidates(scene)) {
      if (left === 0) break;
      const isMarked = node === selected || node === hovered;
      if (!isMarked && matches?.[node.slot] === 0) continue;
      const [px, py] = camera.toScreen(x[node.slot]!, y[node.slot]!);
      if (!(px > -60 && py > 0 && px < camera.width && py < camera.height)) continue;
      const cell = Math.floor(py / LABEL_CELL.height) * columns + Math.floor(px / LABEL_CELL.width);
      const around = [cell - columns, cell, cell + columns].flatMap((row) => [row - 1, row, row + 1]);
      if (!isMarked && around.some((one) => taken.has(one))) continue;
      taken.add(cell);
      left--;
      const edge = radiusOf(node, camera.zoom) * camera.zoom + 4;
      context.strokeStyle = palette.halo;
      context.strokeText(nameOf(node), px + edge, py);
      context.fillStyle = isMarked ? palette.accent : palette.text;
      context.fillText(nameOf(node), px + edge, py);
    }
  }

  /** Those whose names are worth the most, first. From afar only gateways have names. */
  #candidates({ model, selected, hovered, camera, matches }: Scene): GraphNode[] {
    const nowMs = performance.now();
    if (this.#rankedVersion !== model.version && nowMs - this.#rankedMs > 1_000) {
      this.#ranked = [...model.nodes.values()].filter(({ parent }) => parent !== 0);
      this.#ranked.sort((one, other) => other.links.size - one.links.size || one.sid - other.sid);
      this.#rankedVersion = model.version;
      this.#rankedMs = nowMs;
    }
    const marked = [selected, hovered].filter((node) => node !== undefined);
    const isNear = camera.zoom > 0.5 || matches !== undefined;
    const others = isNear ? this.#ranked : this.#ranked.slice(0, 24);
    return [...marked, ...others.filter(({ slot, sid }) => model.slots[slot]?.sid === sid)];
  }
}

/** In units of the picture: by the links, and growing less than the picture does, so that it is seen from afar. */
export function radiusOf({ links }: GraphNode, zoom: number): number {
  const pixels = (3.6 + Math.min(7, Math.sqrt(links.size) * 1.1)) * Math.min(1.7, Math.max(0.4, Math.sqrt(zoom)));
  return pixels / zoom;
}

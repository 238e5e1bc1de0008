import type { Disc } from '../layout/disc.js';
import type { Group } from '../model/groups.js';
import { count, printable } from '../text.js';
import type { Pen } from './pen.js';
import type { DrawnGroups, Scene } from './scene.js';

const TURN = 2 * Math.PI;
/** A disc smaller than this on the screen has no name; the list beside the graph has all. */
const NAMED_PIXELS = 14;

/** The discs of groups, and the bundles of links between them: as thick as there are many. In units of the picture. */
export function drawDiscs(context: Pen, { palette, camera, isStale }: Scene, { grouped, discs }: DrawnGroups): void {
  const fade = isStale ? 0.45 : 1;
  context.strokeStyle = palette.tcp;
  context.globalAlpha = 0.4 * fade;
  for (const { a, b, links } of grouped.bundles) {
    const [from, to] = [discs.get(a), discs.get(b)];
    if (from === undefined || to === undefined) continue;
    context.lineWidth = (0.6 + Math.log2(1 + links)) / camera.zoom;
    const [[fromX, fromY], [toX, toY]] = [edgeOf(from, to), edgeOf(to, from)];
    context.beginPath();
    context.moveTo(fromX, fromY);
    context.lineTo(toX, toY);
    context.stroke();
  }
  context.globalAlpha = 0.55 * fade;
  context.lineWidth = 1 / camera.zoom;
  context.beginPath();
  for (const { x, y, radius } of discs.values()) {
    context.moveTo(x + radius, y);
    context.arc(x, y, radius, 0, TURN);
  }
  context.stroke();
}

/** The name and size of each group above its disc. In pixels. */
export function drawGroupNames(context: Pen, { camera, palette }: Scene, { grouped, discs }: DrawnGroups): void {
  context.font = '600 12px system-ui, "DejaVu Sans", sans-serif';
  context.textAlign = 'center';
  context.textBaseline = 'bottom';
  context.lineJoin = 'round';
  context.lineWidth = 3.5;
  for (const group of grouped.groups) {
    const disc = discs.get(group.id);
    if (disc === undefined || disc.radius * camera.zoom < NAMED_PIXELS) continue;
    const [x, y] = camera.toScreen(disc.x, disc.y - disc.radius);
    context.strokeStyle = palette.halo;
    context.strokeText(wordOf(group), x, y - 2);
    context.fillStyle = palette.text;
    context.fillText(wordOf(group), x, y - 2);
  }
  context.textAlign = 'start';
}

function wordOf({ name, size }: Group): string {
  return `${printable(name)} · ${count(size)}`;
}

/** Where the line from a disc's middle to another's leaves it. */
function edgeOf({ x, y, radius }: Disc, to: Disc): readonly [number, number] {
  const [dx, dy] = [to.x - x, to.y - y];
  const part = radius / (Math.hypot(dx, dy) || 1);
  return [x + dx * part, y + dy * part];
}

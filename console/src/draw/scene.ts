import type { Disc } from '../layout/disc.js';
import type { GraphModel, GraphNode } from '../model/graph.js';
import type { Grouped } from '../model/groups.js';
import type { InstanceKind } from '../model/instance.js';
import type { Camera } from './camera.js';

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
  /** Pixels of the screen for each of the page's. */
  readonly scale: number;
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

/** Nearer than this a group's links and its members' names are seen one by one. */
export const NEAR_ZOOM = 0.5;

/** In units of the picture: by the links, and growing less than the picture does, so that it is seen from afar. */
export function radiusOf(node: GraphNode, zoom: number): number {
  return sizeOf(node) * scaleOf(zoom);
}

/** By its links alone. */
export function sizeOf({ links }: GraphNode): number {
  return 3.6 + Math.min(7, Math.sqrt(links.size) * 1.1);
}

/** Units of the picture for each of {@link sizeOf}. */
export function scaleOf(zoom: number): number {
  return Math.min(1.7, Math.max(0.4, Math.sqrt(zoom))) / zoom;
}

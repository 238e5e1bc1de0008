import { effect } from '@preact/signals';
import { Camera } from '../draw/camera.js';
import { nearestNode } from '../draw/nearest.js';
import { Pacer } from '../draw/pacer.js';
import { Renderer } from '../draw/renderer.js';
import type { DrawnGroups, Palette } from '../draw/scene.js';
import type { Disc } from '../layout/disc.js';
import type { Layout } from '../layout/layout.js';
import type { GraphModel, GraphNode } from '../model/graph.js';
import { TYPES } from '../model/instance.js';
import { go, route } from '../route.js';
import { isAttached, layout, listVersion, lookAt, model, past, path, picture, query, sessions } from '../state.js';
import { nameOf } from '../text.js';
import { theme } from '../theme.js';

/** How near to a node a pointer has to be, in pixels. */
const NEAR_PIXELS = 12;
const PAN_PIXELS = 60;
const ZOOM_STEP = 1.25;
/** How long the address waits for a camera that moves. */
const ADDRESS_MS = 300;

/** How keys move the camera or the selection. */
export type Movement = 'fit' | 'in' | 'out' | 'left' | 'right' | 'up' | 'down' | 'next' | 'previous';

/** The canvas with its camera: draws when something has changed, and never otherwise. */
export class Stage {
  readonly #camera = new Camera();
  readonly #host: HTMLElement;
  readonly #canvas: HTMLCanvasElement;
  readonly #renderer: Renderer;
  readonly #stops: (() => void)[] = [];
  #palette: Palette;
  #matches: Uint8Array | undefined;
  #matchesOf: readonly unknown[] = [undefined, undefined, -1, undefined];
  #hovered: GraphNode | undefined;
  readonly #pacer = new Pacer(BROWSER, () => this.#draw());
  #addressTimer = 0;
  #namesTimer = 0;
  #cam = '';
  readonly #pointers = new Map<number, readonly [number, number]>();
  #dragged = 0;

  constructor(host: HTMLElement, canvas: HTMLCanvasElement) {
    this.#host = host;
    this.#canvas = canvas;
    // Opaque: what lies below needs not to be mixed in.
    this.#renderer = new Renderer(canvas.getContext('2d', { alpha: false })!);
    this.#palette = readPalette(host);
    const observer = new ResizeObserver(() => this.#resize());
    observer.observe(host);
    this.#stops.push(() => observer.disconnect());
    this.#listen();
    this.#stops.push(
      effect(() => this.#followTheme()),
      effect(() => this.#follow()),
      effect(() => this.#followChanges()),
    );
  }

  close(): void {
    this.#pacer.close();
    clearTimeout(this.#addressTimer);
    clearTimeout(this.#namesTimer);
    for (const stop of this.#stops) stop();
    const shown = layout.peek();
    if (shown !== undefined) shown.onMove = () => {};
    // Other views are of now.
    lookAt(undefined);
  }

  move(how: Movement): void {
    const { width, height } = this.#camera;
    const zoom = (factor: number) => this.#camera.zoomAt(width / 2, height / 2, factor);
    const pan = { left: [1, 0], right: [-1, 0], up: [0, 1], down: [0, -1] } as const;
    if (how === 'fit') this.#refit();
    else if (how === 'in') zoom(ZOOM_STEP);
    else if (how === 'out') zoom(1 / ZOOM_STEP);
    else if (how === 'next' || how === 'previous') this.#step(how === 'next' ? 1 : -1);
    else this.#camera.pan(pan[how][0] * PAN_PIXELS, pan[how][1] * PAN_PIXELS);
    this.#moved();
  }

  /** Shows a disc as large as it goes. */
  showDisc({ x, y, radius }: Disc): void {
    this.#camera.fit(Float32Array.of(x - radius, x + radius), Float32Array.of(y - radius, y + radius));
    this.#camera.isTouched = true;
    this.#moved();
  }

  /** Draws anew when something changes that somebody asked for. */
  #follow(): void {
    picture.value;
    path.value;
    past.value;
    query.value;
    const { cam, by } = route.value;
    if (cam !== this.#cam) {
      this.#cam = cam;
      if (cam === '') this.#refit();
      else this.#camera.read(cam);
    }
    const shown = layout.value;
    if (shown !== undefined) {
      shown.onMove = () => this.#changed();
      shown.groupBy(by);
    }
    this.#pacer.soon();
  }

  /** Reads the colours anew when the theme is another: asking the style sheet costs as much as drawing 2,000 nodes. */
  #followTheme(): void {
    theme.value;
    this.#palette = readPalette(this.#host);
    this.#pacer.soon();
  }

  /** Draws anew when the graph has changed by itself. */
  #followChanges(): void {
    listVersion.value;
    sessions.value;
    this.#changed();
  }

  #changed(): void {
    const { nodes, links } = this.#graph;
    this.#pacer.inTime(nodes.size + links.length);
  }

  #refit(): void {
    this.#camera.isTouched = false;
    this.#pacer.soon();
  }

  #draw(): void {
    const shown = layout.peek();
    if (shown === undefined) return;
    const isMoving = shown.advance(performance.now());
    const camera = this.#camera;
    const was = past.peek();
    const { x, y } = was ?? shown;
    if (!camera.isTouched) camera.fit(x, y);
    const graph = this.#graph;
    this.#match(graph);
    const hovered = graph.nodes.get(this.#hovered?.sid ?? 0);
    const scene = {
      ...{ model: graph, x, y, camera, palette: this.#palette, matches: this.#matches, hovered },
      scale: devicePixelRatio,
      selected: graph.nodes.get(route.peek().sid),
      path: path.peek(),
      groups: was === undefined ? groupsOf(shown) : undefined,
      // What was attached then is in no memory.
      isAttached: was === undefined ? isAttached : () => undefined,
      isStale: was === undefined && picture.peek().kind === 'stale',
    };
    const againMs = this.#renderer.draw(scene, performance.now());
    clearTimeout(this.#namesTimer);
    if (againMs > 0) this.#namesTimer = setTimeout(() => this.#pacer.soon(), againMs);
    if (isMoving) this.#changed();
    if (shown.isPlaced && picture.peek().kind === 'live') markFirst();
  }

  /** The graph that is shown: of now, or as it was. */
  get #graph(): GraphModel {
    return past.peek()?.model ?? model;
  }

  /** Asks the query of each node anew only when the graph or the query is another. */
  #match(graph: GraphModel): void {
    const { matcher } = query.peek();
    const of = [matcher, graph, graph.version, sessions.peek()] as const;
    if (of.every((one, at) => one === this.#matchesOf[at])) return;
    this.#matchesOf = of;
    if (matcher === undefined) {
      this.#matches = undefined;
      return;
    }
    const matches = new Uint8Array(graph.slots.length);
    for (const node of graph.nodes.values()) if (matcher(node, { isAttached })) matches[node.slot] = 1;
    this.#matches = matches;
  }

  #resize(): void {
    const { width, height } = this.#host.getBoundingClientRect();
    this.#canvas.width = Math.round(width * devicePixelRatio);
    this.#canvas.height = Math.round(height * devicePixelRatio);
    this.#camera.width = width;
    this.#camera.height = height;
    // At once, as the canvas is empty now.
    this.#pacer.now();
  }

  #listen(): void {
    const canvas = this.#canvas;
    const on = <Name extends keyof HTMLElementEventMap>(
      name: Name,
      call: (event: HTMLElementEventMap[Name]) => void,
    ) => {
      canvas.addEventListener(name, call, { passive: false });
      this.#stops.push(() => canvas.removeEventListener(name, call));
    };
    on('pointerdown', (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.#pointers.set(event.pointerId, [event.offsetX, event.offsetY]);
      if (this.#pointers.size === 1) this.#dragged = 0;
    });
    on('pointermove', (event) => this.#pointed(event));
    on('pointerup', (event) => {
      this.#pointers.delete(event.pointerId);
      if (this.#dragged < 4) this.#select(this.#nearest(event.offsetX, event.offsetY));
    });
    on('pointercancel', (event) => this.#pointers.delete(event.pointerId));
    on('pointerleave', () => this.#hover(undefined));
    on('wheel', (event) => {
      event.preventDefault();
      this.#camera.zoomAt(event.offsetX, event.offsetY, Math.exp(-event.deltaY * 0.0015));
      this.#moved();
    });
  }

  /** A drag moves the picture, two fingers zoom it, and a pointer alone looks. */
  #pointed({ pointerId, offsetX: x, offsetY: y }: PointerEvent): void {
    const before = this.#pointers.get(pointerId);
    if (before === undefined) {
      this.#hover(this.#nearest(x, y));
      return;
    }
    const other = [...this.#pointers].find(([id]) => id !== pointerId)?.[1];
    this.#pointers.set(pointerId, [x, y]);
    this.#dragged += Math.abs(x - before[0]) + Math.abs(y - before[1]);
    if (other === undefined) {
      // A hand that trembles on a click moves nothing.
      if (this.#dragged < 4) return;
      this.#camera.pan(x - before[0], y - before[1]);
    } else {
      const was = Math.hypot(before[0] - other[0], before[1] - other[1]);
      const is = Math.hypot(x - other[0], y - other[1]);
      this.#camera.zoomAt((x + other[0]) / 2, (y + other[1]) / 2, is / Math.max(1, was));
    }
    this.#moved();
  }

  #moved(): void {
    this.#pacer.soon();
    clearTimeout(this.#addressTimer);
    this.#addressTimer = setTimeout(() => {
      this.#cam = this.#camera.isTouched ? this.#camera.text : '';
      go({ cam: this.#cam });
    }, ADDRESS_MS);
  }

  #hover(node: GraphNode | undefined): void {
    if (node === this.#hovered) return;
    this.#hovered = node;
    this.#canvas.style.cursor = node === undefined ? 'grab' : 'pointer';
    this.#canvas.title = node === undefined ? '' : nameOf(node);
    this.#pacer.soon();
  }

  #select(node: GraphNode | undefined): void {
    go({ sid: node?.sid ?? 0 });
  }

  /** The next neighbour of the selection; without one the node with most links. */
  #step(by: number): void {
    const node = model.nodes.get(route.peek().sid);
    if (node === undefined) {
      const all = [...model.nodes.values()].filter(({ parent }) => parent !== 0);
      const most = all.reduce<GraphNode | undefined>((one, other) => {
        return one !== undefined && one.links.size >= other.links.size ? one : other;
      }, undefined);
      this.#select(most);
      return;
    }
    const peers = [...node.links.keys()].sort((one, other) => one - other);
    if (peers.length === 0) return;
    const at = peers.indexOf(this.#lastPeer);
    this.#lastPeer = node.sid;
    const next = peers[(at + by + peers.length) % peers.length];
    this.#select(model.nodes.get(next ?? 0));
  }
  #lastPeer = 0;

  #nearest(x: number, y: number): GraphNode | undefined {
    const places = past.peek() ?? layout.peek();
    return places && nearestNode(this.#graph, places, this.#camera, { x, y, withinPixels: NEAR_PIXELS });
  }
}

const BROWSER = {
  nowMs: () => performance.now(),
  onFrame: (call: () => void) => {
    const frame = requestAnimationFrame(call);
    return () => cancelAnimationFrame(frame);
  },
  after: (ms: number, call: () => void) => {
    const timer = setTimeout(call, ms);
    return () => clearTimeout(timer);
  },
};

let isFirstMarked = false;

/** Marks in the browser's own timeline when the first whole picture was drawn, for measurements. */
function markFirst(): void {
  if (isFirstMarked) return;
  isFirstMarked = true;
  performance.mark('first-picture');
}

function groupsOf({ grouped, discs }: Layout): DrawnGroups | undefined {
  const groups = grouped.peek();
  return groups && { grouped: groups, discs };
}

/** The colours of the style sheet, which knows the theme. */
function readPalette(host: HTMLElement): Palette {
  const style = getComputedStyle(host);
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const kinds = Object.fromEntries(TYPES.map((kind) => [kind, colour(kind)])) as Palette['kinds'];
  const [ground, text, halo, accent] = ['ground', 'text', 'ground', 'accent'].map(colour) as [
    string,
    string,
    string,
    string,
  ];
  return { ground, text, halo, accent, tcp: colour('tcp'), udp: colour('udp'), kinds };
}

import type { Pen } from '../../console/src/draw/pen.js';

/** From one point to another: x, y, x, y. */
export type Line = readonly [fromX: number, fromY: number, toX: number, toY: number];

/** One fill or stroke, with what it left on the canvas. */
export interface Paint {
  readonly how: 'fill' | 'stroke' | 'rect';
  readonly style: unknown;
  readonly alpha: number;
  readonly dash: readonly number[];
  readonly lines: readonly Line[];
  /** Full circles: x, y, radius. */
  readonly discs: readonly (readonly [x: number, y: number, radius: number])[];
  /** Of a `rect`: x, y, width, height. */
  readonly rect: readonly [x: number, y: number, width: number, height: number];
}

const NO_RECT = [0, 0, 0, 0] as const;

/**
 * A pen that draws nothing, and remembers what a canvas would show: where, in which colour and how opaque. As on a canvas, a call
 * with a coordinate that is not a number has no effect, and a line without a beginning is one.
 */
export class RecordingPen implements Pen {
  readonly counts: Record<string, number> = {};
  readonly texts: string[] = [];
  readonly paints: Paint[] = [];
  globalAlpha = 1;
  lineWidth = 1;
  font = '';
  textAlign = '';
  textBaseline = '';
  lineJoin = '';
  #fillStyle: unknown = '';
  #strokeStyle: unknown = '';
  #dash: readonly number[] = [];
  #lines: Line[] = [];
  #discs: (readonly [number, number, number])[] = [];
  #at: readonly [number, number] | undefined;

  set fillStyle(style: unknown) {
    this.#fillStyle = style;
    this.#count('style');
  }
  set strokeStyle(style: unknown) {
    this.#strokeStyle = style;
    this.#count('style');
  }
  setTransform(): void {
    this.#count('setTransform');
  }
  setLineDash(dash: number[]): void {
    this.#dash = dash;
    this.#count('setLineDash');
  }
  beginPath(): void {
    this.#lines = [];
    this.#discs = [];
    this.#at = undefined;
    this.#count('beginPath');
  }
  moveTo(x: number, y: number): void {
    this.#count('moveTo');
    if (Number.isFinite(x) && Number.isFinite(y)) this.#at = [x, y];
  }
  lineTo(x: number, y: number): void {
    this.#count('lineTo');
    if (!Number.isFinite(x) || !Number.isFinite(y)) return;
    if (this.#at !== undefined) this.#lines.push([...this.#at, x, y]);
    this.#at = [x, y];
  }
  arc(x: number, y: number, radius: number): void {
    this.#count('arc');
    if (![x, y, radius].every(Number.isFinite)) return;
    this.#discs.push([x, y, radius]);
    this.#at = [x + radius, y];
  }
  fill(): void {
    this.#count('fill');
    this.#paint('fill', this.#fillStyle);
  }
  stroke(): void {
    this.#count('stroke');
    this.#paint('stroke', this.#strokeStyle);
  }
  fillRect(x: number, y: number, width: number, height: number): void {
    this.#count('fillRect');
    if (![x, y, width, height].every(Number.isFinite)) return;
    const [alpha, style] = [this.globalAlpha, this.#fillStyle];
    this.paints.push({ how: 'rect', style, alpha, dash: [], lines: [], discs: [], rect: [x, y, width, height] });
  }
  strokeText(): void {
    this.#count('strokeText');
  }
  fillText(text: string): void {
    this.texts.push(text);
    this.#count('fillText');
  }

  /** How often something was asked for. */
  of(name: string): number {
    return this.counts[name] ?? 0;
  }

  /** The fills or strokes of one kind. */
  painted(how: Paint['how']): Paint[] {
    return this.paints.filter((paint) => paint.how === how);
  }

  /** All lines. */
  get lines(): Line[] {
    return this.painted('stroke').flatMap(({ lines }) => lines);
  }

  #paint(how: 'fill' | 'stroke', style: unknown): void {
    const [lines, discs] = [this.#lines, this.#discs];
    this.paints.push({ how, style, alpha: this.globalAlpha, dash: this.#dash, lines, discs, rect: NO_RECT });
  }

  #count(name: string): void {
    this.counts[name] = this.of(name) + 1;
  }
}

import type { Pen } from '../../console/src/draw/pen.js';

/** A pen that draws nothing, and counts what it is asked for. */
export class CountingPen implements Pen {
  readonly counts: Record<string, number> = {};
  readonly texts: string[] = [];
  globalAlpha = 1;
  lineWidth = 1;
  font = '';
  textAlign = '';
  textBaseline = '';
  lineJoin = '';

  set fillStyle(_: unknown) {
    this.#count('style');
  }
  set strokeStyle(_: unknown) {
    this.#count('style');
  }
  setTransform(): void {
    this.#count('setTransform');
  }
  setLineDash(): void {
    this.#count('setLineDash');
  }
  beginPath(): void {
    this.#count('beginPath');
  }
  moveTo(): void {
    this.#count('moveTo');
  }
  lineTo(): void {
    this.#count('lineTo');
  }
  arc(): void {
    this.#count('arc');
  }
  fill(): void {
    this.#count('fill');
  }
  stroke(): void {
    this.#count('stroke');
  }
  fillRect(): void {
    this.#count('fillRect');
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

  #count(name: string): void {
    this.counts[name] = this.of(name) + 1;
  }
}

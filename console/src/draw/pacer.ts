import { drawPauseMs } from '../pace.js';

/** A browser's frames and clock. */
export interface PacerDeps {
  readonly nowMs: () => number;
  /** Calls before the next picture of the screen. Answers with what takes that back. */
  readonly onFrame: (call: () => void) => () => void;
  /** Calls after a while. Answers with what takes that back. */
  readonly after: (ms: number, call: () => void) => () => void;
}

/**
 * When the graph is drawn: at the next frame for a hand that moves it, and for what changes by itself so seldom that drawing
 * leaves the page most of its time. See {@link drawPauseMs}.
 */
export class Pacer {
  readonly #deps: PacerDeps;
  readonly #draw: () => void;
  #drawnMs = Number.NEGATIVE_INFINITY;
  #cancelFrame: (() => void) | undefined;
  #cancelWait: (() => void) | undefined;

  constructor(deps: PacerDeps, draw: () => void) {
    this.#deps = deps;
    this.#draw = draw;
  }

  /** Somebody moves the picture, or asks for another one. */
  soon(): void {
    this.#cancelWait?.();
    this.#cancelWait = undefined;
    this.#cancelFrame ??= this.#deps.onFrame(() => this.now());
  }

  /** The graph has changed: it has so many nodes and links. */
  inTime(things: number): void {
    if (this.#cancelFrame !== undefined || this.#cancelWait !== undefined) return;
    const waitMs = this.#drawnMs + drawPauseMs(things) - this.#deps.nowMs();
    if (waitMs <= 0) this.soon();
    else this.#cancelWait = this.#deps.after(waitMs, () => this.soon());
  }

  /** Draws here and now. */
  now(): void {
    this.close();
    this.#drawnMs = this.#deps.nowMs();
    this.#draw();
  }

  /** Draws no more. */
  close(): void {
    this.#cancelFrame?.();
    this.#cancelWait?.();
    this.#cancelFrame = undefined;
    this.#cancelWait = undefined;
  }
}

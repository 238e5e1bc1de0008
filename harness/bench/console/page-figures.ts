import type { CDPSession, Page } from 'playwright-core';

/** How long each of the two figures of a page is taken. */
const SPAN_MS = 5_000;
/** A page that draws no frame for so long is given up: that is its figure then. */
const PATIENCE_MS = 20_000;
/** How long a page may take to lay its graph out. */
const QUIET_SECONDS = 60;

/** What a page takes of its browser. */
export interface PageFigures {
  /** From the begin of its navigation to its first picture. */
  readonly firstMs: number;
  /** Frames a second while the camera moves. */
  readonly cameraFps: number;
  /** Milliseconds of script for each frame while the graph changes, of the main thread's own time: others of the machine do not count. */
  readonly scriptMs: number;
  /** The heap after it was collected. */
  readonly heapMiB: number;
}

/** Counts frames of a page, and asks the browser what they cost. */
export class PageMeter {
  readonly #page: Page;
  readonly #session: CDPSession;

  private constructor(page: Page, session: CDPSession) {
    this.#page = page;
    this.#session = session;
  }

  static async of(page: Page): Promise<PageMeter> {
    const session = await page.context().newCDPSession(page);
    // Of the thread, and not of the wall: a machine that does something else as well measures the same.
    await session.send('Performance.enable', { timeDomain: 'threadTicks' });
    return new PageMeter(page, session);
  }

  /** Frames a second while `move` is called in each: an expression of the page's own world. */
  async fps(move: string): Promise<number> {
    const { frames, ms } = await this.#frames(move);
    return (frames * 1_000) / ms;
  }

  /** Milliseconds of script for each frame of a while; as long as it was waited for, of a page that is too busy to say. */
  async scriptMsPerFrame(): Promise<number> {
    const from = await this.#metric('ScriptDuration');
    const { frames } = await this.#frames('() => {}');
    const ms = ((await this.#metric('ScriptDuration')) - from) * (1_000 / Math.max(1, frames));
    return Number.isNaN(ms) ? PATIENCE_MS : ms;
  }

  async heapMiB(): Promise<number> {
    await patiently(this.#session.send('HeapProfiler.collectGarbage'), undefined);
    return (await this.#metric('JSHeapUsedSize')) / 2 ** 20;
  }

  /** Resolves when the page runs no script to speak of, or after a minute. */
  async quiet(): Promise<void> {
    for (let seconds = 0; seconds < QUIET_SECONDS; seconds++) {
      const from = await this.#metric('ScriptDuration');
      await this.#page.waitForTimeout(1_000);
      if ((await this.#metric('ScriptDuration')) - from < 0.01) return;
    }
  }

  async #frames(move: string): Promise<{ readonly frames: number; readonly ms: number }> {
    const counted = this.#page.evaluate(`new Promise((resolve) => {
      const move = ${move};
      const fromMs = performance.now();
      let frames = -1;
      const frame = () => {
        frames++;
        const ms = performance.now() - fromMs;
        if (ms > ${SPAN_MS}) resolve({ frames, ms });
        else { move(frames); requestAnimationFrame(frame); }
      };
      requestAnimationFrame(frame);
    })`) as Promise<{ frames: number; ms: number }>;
    return patiently(counted, { frames: 0, ms: PATIENCE_MS });
  }

  /** Not a number when the page is too busy to answer. */
  async #metric(wanted: string): Promise<number> {
    const { metrics } = await patiently(this.#session.send('Performance.getMetrics'), { metrics: [] });
    return metrics.find(({ name }) => name === wanted)?.value ?? Number.NaN;
  }
}

/** What the page answers, or `otherwise` when it does not for {@link PATIENCE_MS}. */
function patiently<T>(answer: Promise<T>, otherwise: T): Promise<T> {
  const late = new Promise<T>((resolve) => {
    setTimeout(() => resolve(otherwise), PATIENCE_MS).unref();
  });
  return Promise.race([answer, late]);
}

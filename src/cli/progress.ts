import { cellsOf } from './output/terminal.js';
import type { Surroundings } from './surroundings.js';

/** Interval between redraws of the bar: as often as an eye can follow. */
const REDRAW_MS = 100;
const BAR_CELLS = 24;

/** How far something is. */
export interface Progress {
  /** 0 to 1. */
  readonly fraction: number;
  readonly text: string;
}

/**
 * Shows how far something is while it runs: a bar for a person, one line at the end for a log.
 *
 * It goes to standard error, so that results can be piped.
 */
export async function withProgress<Result>(
  { terminal: { err }, clock }: Pick<Surroundings, 'terminal' | 'clock'>,
  progress: () => Progress,
  run: () => Promise<Result>,
): Promise<Result> {
  let timer = err.interactive ? clock.after(0, draw) : undefined;
  try {
    return await run();
  } finally {
    timer?.cancel();
    const { text } = progress();
    if (err.interactive) await err.over('');
    await err.write(text);
  }

  function draw(): void {
    const { fraction, text } = progress();
    const filled = Math.round(Math.min(1, Math.max(0, fraction)) * BAR_CELLS);
    const bar = `${'█'.repeat(filled)}${'░'.repeat(BAR_CELLS - filled)} ${text}`;
    const room = (err.columns ?? 80) - 1;
    // Cut to the width of the terminal: a wrapped line could not be overwritten.
    void err.over(cellsOf(bar) > room ? [...bar].slice(0, room).join('') : bar);
    timer = clock.after(REDRAW_MS, draw);
  }
}

import picocolors from 'picocolors';

/** Paints text, or leaves it as it is when nobody would see the colour. */
export type Colors = ReturnType<typeof picocolors.createColors>;

/** One of the two outputs of a process. */
export interface Output {
  /** Whether a person looks at it as it comes. */
  readonly interactive: boolean;
  /** Cells in a line; undefined when it is not a terminal. */
  readonly columns: number | undefined;
  /** Resolves when it is ready for more: whoever writes much waits for a slow reader instead of filling memory. */
  write(text: string): Promise<void>;
}

/** Where a command prints: results to `out`, everything that is said about them to `err`. */
export interface Terminal {
  readonly out: Output;
  readonly err: Output;
  /** For `out`. */
  readonly colors: Colors;
}

/** The terminal that a process was started in. Colours only for a person, and not against their wish (no-color.org). */
export function processTerminal(process: NodeJS.Process): Terminal {
  const isWanted = (process.env.NO_COLOR ?? '') === '' && process.env.TERM !== 'dumb';
  return {
    out: outputOf(process.stdout),
    err: outputOf(process.stderr),
    colors: picocolors.createColors(process.stdout.isTTY === true && isWanted),
  };
}

function outputOf(stream: NodeJS.WriteStream): Output {
  return {
    interactive: stream.isTTY === true,
    get columns() {
      return stream.isTTY ? stream.columns : undefined;
    },
    write(text) {
      if (stream.write(text)) return Promise.resolve();
      return new Promise((resolve) => stream.once('drain', resolve));
    },
  };
}

/**
 * Text that others wrote, fit for a line of a terminal: control characters could move the cursor, change colours or
 * ring; directional ones could turn the rest of the line around.
 */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '\ufffd');
}

/** How many cells a text takes. Covers what names are made of; the full tables of Unicode are not worth a dependency. */
export function cellsOf(text: string): number {
  let cells = 0;
  for (const character of text) {
    if (/\p{M}|\u200d|\ufe0f/u.test(character)) continue;
    cells += WIDE.test(character) ? 2 : 1;
  }
  return cells;
}

const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|[\u{20000}-\u{3fffd}]/u;

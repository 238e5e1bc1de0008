import picocolors from 'picocolors';
import stringWidth from 'string-width';
import { Output, type Sink } from './output.js';

/** Where a command prints: results to `out`, everything else to `err`. */
export interface Terminal {
  readonly out: Output;
  readonly err: Output;
}

/** A terminal made of where the text goes. */
export function makeTerminal(out: Sink, err: Sink, isColored: boolean): Terminal {
  return {
    out: new Output(out, picocolors.createColors(isColored)),
    // Messages are plain, so that they can be searched for.
    err: new Output(err, picocolors.createColors(false)),
  };
}

/** The terminal that a process was started in. Colours only for a person, and not against their wish (no-color.org). */
export function processTerminal(process: NodeJS.Process): Terminal {
  const isWanted = (process.env.NO_COLOR ?? '') === '' && process.env.TERM !== 'dumb';
  return makeTerminal(sinkOf(process.stdout), sinkOf(process.stderr), process.stdout.isTTY === true && isWanted);
}

function sinkOf(stream: NodeJS.WriteStream): Sink {
  return {
    interactive: stream.isTTY === true,
    get columns() {
      return stream.isTTY ? stream.columns : undefined;
    },
    write(text) {
      return new Promise((resolve) => {
        // The callback comes even when the reader has gone; `drain` does not.
        if (stream.write(text, () => resolve())) resolve();
      });
    },
  };
}

/** How many cells a text takes. */
export function cellsOf(text: string): number {
  return stringWidth(text);
}

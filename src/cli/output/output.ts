import type picocolors from 'picocolors';
import { printable, printableDocument } from './printable.js';
import type { Text } from './text.js';

/** Where text goes as it is: one of the two outputs of a process. */
export interface Sink {
  /** Whether a person looks at it as it comes. */
  readonly interactive: boolean;
  /** Cells in a line; undefined when it is not a terminal. */
  readonly columns: number | undefined;
  /** Resolves when it is ready for more. Await it, so that a slow reader does not fill memory. */
  write(text: string): Promise<void>;
}

/** Characters that are gathered before a write: a system call for each line would cost more than the line. */
const CHUNK_LENGTH = 16_384;
/** Back to the beginning of the line, and clear it. */
const AGAIN = '\r\u001b[K';

/**
 * Everything that a command prints goes through here, where text from others is escaped: a name, description or refusal can
 * neither control the terminal nor begin a line. A command cannot forget it, because it has no other way to print.
 */
export class Output {
  readonly #sink: Sink;
  readonly #colors: ReturnType<typeof picocolors.createColors>;

  constructor(sink: Sink, colors: ReturnType<typeof picocolors.createColors>) {
    this.#sink = sink;
    this.#colors = colors;
  }

  /** Whether a person looks at it as it comes. */
  get interactive(): boolean {
    return this.#sink.interactive;
  }

  /** Cells in a line; undefined when it is not a terminal. */
  get columns(): number | undefined {
    return this.#sink.columns;
  }

  /** Writes one line, with or without a line end at its end. Other line ends come from others, and are escaped. */
  write(line: Text): Promise<void> {
    return this.#sink.write(`${this.#render(withoutEnd(line))}\n`);
  }

  /** Writes many lines. */
  writeLines(lines: Iterable<Text> | AsyncIterable<Text>): Promise<void> {
    return this.#writeEach(lines, (line) => this.#render(withoutEnd(line)));
  }

  /**
   * One line of JSON for programs, harmless to a person and the same value to a program. Revisions are numbers: they count
   * commands of one journal, and a number is exact up to 9 · 10¹⁵ of them.
   */
  json(value: object): Promise<void> {
    return this.#sink.write(`${jsonLine(value)}\n`);
  }

  /** Writes many such lines. */
  jsonLines(values: Iterable<object> | AsyncIterable<object>): Promise<void> {
    return this.#writeEach(values, jsonLine);
  }

  /** A part of a text whose line ends are this program's own. `spell` escapes a character as the text's format does. */
  document(text: string, spell?: (character: string) => string): Promise<void> {
    return this.#sink.write(printableDocument(text, spell));
  }

  /** Writes over what {@link over} wrote before. Only for a person. */
  over(text: Text): Promise<void> {
    return this.#sink.write(`${AGAIN}${this.#render(text)}`);
  }

  async #writeEach<Item>(items: Iterable<Item> | AsyncIterable<Item>, lineOf: (item: Item) => string): Promise<void> {
    let chunk = '';
    try {
      for await (const item of items) {
        chunk += `${lineOf(item)}\n`;
        if (chunk.length < CHUNK_LENGTH) continue;
        await this.#sink.write(chunk);
        chunk = '';
      }
    } finally {
      // Also what came before something went wrong.
      if (chunk !== '') await this.#sink.write(chunk);
    }
  }

  #render(text: Text): string {
    if (typeof text === 'string') return printable(text);
    if ('style' in text) return this.#colors[text.style](this.#render(text.text));
    return text.map((part) => this.#render(part)).join('');
  }
}

function jsonLine(value: object): string {
  return printable(jsonOf(value), jsonEscape);
}

/** JSON in which revisions and other large numbers are numbers. */
export function jsonOf(value: object): string {
  return JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? Number(item) : item));
}

/** A character inside of a string of JSON. */
export function jsonEscape(character: string): string {
  return character.replaceAll(/[\s\S]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function withoutEnd(line: Text): Text {
  if (typeof line === 'string') return line.endsWith('\n') ? line.slice(0, -1) : line;
  if ('style' in line) return { ...line, text: withoutEnd(line.text) };
  return line.map((part, at) => (at === line.length - 1 ? withoutEnd(part) : part));
}

import { readdirSync, readFileSync } from 'node:fs';
import type { Reading } from './outcome.js';

const FOLDER = new URL('../../vectors/', import.meta.url);

/** One vector: bytes, how they are read, and what comes of it. */
export interface Vector {
  readonly name: string;
  readonly reading: Reading;
  readonly bytes: Uint8Array;
  /** The canonical value, or `{reason, offset}`. */
  readonly expected: unknown;
}

/** The vectors of a text: blocks of a name, a reading with its bytes, and an outcome; see docs/system-events.md. */
export function parseVectors(text: string): Vector[] {
  const blocks = text.split(/\n(?=# )/).filter((block) => block.startsWith('# '));
  return blocks.map((block) => {
    const [, name, input, sign, outcome] = /^# (.*)\n([\s\S]*?)\n([=!]) (.*)\s*$/.exec(block) ?? [];
    const [, reading, digits] = /^(answer-to \w+|\S+)([\s\S]*)$/.exec(input ?? '') ?? [];
    if (name === undefined || reading === undefined) throw new Error(`not a vector: ${block}`);
    const [reason, offset] = outcome!.split(' ');
    return {
      name,
      reading: reading as Reading,
      bytes: Uint8Array.from(Buffer.from(digits!.replace(/\s/g, ''), 'hex')),
      expected: sign === '=' ? JSON.parse(outcome!) : { reason, offset: Number(offset) },
    };
  });
}

/** The texts of test/vectors, by file name. */
export function vectorTexts(): Map<string, string> {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.hex'));
  return new Map(files.sort().map((file) => [file, readFileSync(new URL(file, FOLDER), 'utf8')]));
}

/** All vectors of test/vectors. */
export function allVectors(): Vector[] {
  return [...vectorTexts().values()].flatMap(parseVectors);
}

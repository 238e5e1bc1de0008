import type { ByteWriter } from './bytes.js';
import type { Slot, Table } from './field.js';

/** Reads a body; undefined as soon as anything about it is not plainly right. */
export type FastDecoder = (bytes: Uint8Array, at: number, end: number) => object | undefined;

/** Appends a body; false, with part of it written, as soon as anything about it is not plainly right. */
export type FastEncoder = (writer: ByteWriter, body: object) => boolean;

/** A table made into straight code, for both directions. */
export interface Compiled {
  readonly decode: FastDecoder;
  readonly encode: FastEncoder;
}

const NEVER: Compiled = { decode: () => undefined, encode: () => false };
const compiled = new WeakMap<Table, Compiled>();

/**
 * The table as a function of its own, made at its first use: a loop over any table's fields costs three times as much,
 * because the engine cannot know the shape of what it builds.
 *
 * Only the good case is compiled. At the first doubt the function gives up, and the loops of body.ts go over the same
 * bytes to say what is wrong; so there is one place that refuses, and the two can be compared. Where code may not be
 * made from strings (a page with a strict Content-Security-Policy), those loops do all the work. The source is made
 * from the registry's constants and from nothing that was received.
 */
export function compile(table: Table): Compiled {
  const known = compiled.get(table);
  if (known !== undefined) return known;
  const made = make(table);
  compiled.set(table, made);
  return made;
}

function make(table: Table): Compiled {
  const kinds = table.slots.map(({ kind }) => {
    if (!('table' in kind)) return { read: kind.read, write: kind.write };
    const { decode, encode } = compile(kind.table as Table);
    return { read: decode, write: encode };
  });
  try {
    const decode = new Function('kinds', decoderSource(table.slots));
    const encode = new Function('kinds', encoderSource(table.slots));
    return { decode: decode(kinds), encode: encode(kinds) };
  } catch (error) {
    if (error instanceof EvalError) return NEVER;
    throw error;
  }
}

function decoderSource(slots: readonly Slot[]): string {
  const cases = slots.map(({ key, kind, presence, countMax }, i) => {
    const checks = [`length < ${kind.minBytes}`, `length > ${kind.maxBytes}`];
    if (presence !== 'repeated') checks.push(`v${i} !== undefined`);
    else if (countMax !== Number.POSITIVE_INFINITY) checks.push(`v${i} !== undefined && v${i}.length === ${countMax}`);
    return `case ${key}: {
      if (${checks.join(' || ')}) return;
      const value = read${i}(bytes, from, next);
      if (value === undefined) return;
      ${presence !== 'repeated' ? `v${i} = value;` : `if (v${i} === undefined) v${i} = [value]; else v${i}.push(value);`}
      break;
    }`;
  });
  const missing = slots.flatMap(({ presence }, i) => (presence === 'required' ? [`v${i} === undefined`] : []));
  return `
    ${slots.map((_, i) => `const read${i} = kinds[${i}].read;`).join('\n')}
    return (bytes, at, end) => {
      ${slots.map((_, i) => `let v${i};`).join(' ')}
      if (at === end) return;
      if (bytes[at] === 0 && end - at === 1) at = end;
      while (at < end) {
        if (end - at < 3) return;
        const from = at + 3;
        const length = (bytes[at + 1] << 8) | bytes[at + 2];
        const next = from + length;
        if (next > end) return;
        switch (bytes[at]) {
          case 0: return;
          ${cases.join('\n')}
        }
        at = next;
      }
      ${missing.length === 0 ? '' : `if (${missing.join(' || ')}) return;`}
      return { ${slots.map(({ property }, i) => `${property}: v${i}`).join(', ')} };
    };`;
}

function encoderSource(slots: readonly Slot[]): string {
  const cells = slots.map(({ key, kind, presence, property, countMax }, i) => {
    const cell = `{
      writer.header(${key}, ${kind.minBytes});
      const from = writer.length;
      if (!write${i}(writer, value)) return false;
      const length = writer.length - from;
      if (length < ${kind.minBytes} || length > ${kind.maxBytes}) return false;
      ${kind.minBytes === kind.maxBytes ? '' : 'writer.patchU16(from - 2, length);'}
    }`;
    const cells = `if (v${i}.length > ${countMax}) return false; for (const value of v${i}) ${cell}`;
    return `
      const v${i} = body.${property};
      if (v${i} !== undefined) { ${presence === 'repeated' ? cells : `const value = v${i}; ${cell}`} }
      ${presence === 'required' ? 'else return false;' : ''}`;
  });
  return `
    ${slots.map((_, i) => `const write${i} = kinds[${i}].write;`).join('\n')}
    return (writer, body) => {
      const start = writer.length;
      ${cells.join('\n')}
      if (writer.length === start) writer.u8(0);
      return true;
    };`;
}

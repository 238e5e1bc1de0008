import type { Labels } from '../../model/session.js';

/*
 * Texts as sessions and identities are held in memory: the length in bytes, u16, little-endian, and UTF-8 (or latin1, a byte a
 * character).
 */
const LENGTH_BYTES = 2;
const LENGTH_MAX = 65_535;
/** What a UTF-16 code unit takes at most in UTF-8. */
const UNIT_BYTES_MAX = 3;

const NO_LABELS: Labels = Object.freeze({});

/** So many labels, as {@link writePackedLabels} wrote them. */
export function labelsAt(bytes: Buffer, at: number, count: number): Labels {
  if (count === 0) return NO_LABELS;
  const labels: [string, string][] = [];
  for (let from = at; labels.length < count; ) {
    const valueAt = afterText(bytes, from);
    labels.push([textAt(bytes, from, 'utf8'), textAt(bytes, valueAt, 'utf8')]);
    from = afterText(bytes, valueAt);
  }
  return Object.fromEntries(labels);
}

/** Writes the key and the value of each label, and tells where they end. How many there are stands elsewhere. */
export function writePackedLabels(bytes: Buffer, at: number, labels: Labels): number {
  let to = at;
  for (const key of Object.keys(labels)) {
    to = writeText(bytes, to, key, 'utf8');
    to = writeText(bytes, to, labels[key], 'utf8');
  }
  return to;
}

/** What labels take at most. */
export function labelsBytesMax(labels: Labels): number {
  let bytes = 0;
  for (const key of Object.keys(labels)) bytes += textBytesMax(key) + textBytesMax(labels[key]);
  return bytes;
}

/** What a text takes at most. */
export function textBytesMax({ length }: string): number {
  return LENGTH_BYTES + UNIT_BYTES_MAX * length;
}

/** Writes a text, and tells where it ends. Texts are short, and nearly all of them ASCII: then a loop takes a third of what leaving JavaScript does. */
export function writeText(bytes: Buffer, at: number, text: string, encoding: 'utf8' | 'latin1'): number {
  const start = at + LENGTH_BYTES;
  const below = encoding === 'latin1' ? 0x100 : 0x80;
  let { length } = text;
  for (let index = 0; index < length; index++) {
    const unit = text.charCodeAt(index);
    bytes[start + index] = unit;
    if (unit < below) continue;
    length = bytes.write(text, start, encoding);
    break;
  }
  if (length > LENGTH_MAX) throw new Error(`a text of ${length} bytes; ${LENGTH_MAX} are the limit`);
  bytes.writeUInt16LE(length, at);
  return start + length;
}

/** A text. */
export function textAt(bytes: Buffer, at: number, encoding: 'utf8' | 'latin1'): string {
  const start = at + LENGTH_BYTES;
  return bytes.toString(encoding, start, start + bytes.readUInt16LE(at));
}

/** Whether this ASCII text stands there. */
export function isText(bytes: Buffer, at: number, text: string): boolean {
  const { length } = text;
  if (bytes.readUInt16LE(at) !== length) return false;
  const start = at + LENGTH_BYTES;
  for (let index = 0; index < length; index++) {
    if (bytes[start + index] !== text.charCodeAt(index)) return false;
  }
  return true;
}

/** Where a text ends. */
export function afterText(bytes: Buffer, at: number): number {
  return at + LENGTH_BYTES + bytes.readUInt16LE(at);
}

/* Words for people, made of what instances and the server say. */

/**
 * Text that instances wrote, fit for the page: control characters and those that turn the direction of a line around are shown
 * as what they are, as the command line does it.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '\ufffd');
}

/** The name of a node, or what stands for it. */
export function nameOf(node: { readonly name: string; readonly sid: number; readonly parent: number }): string {
  if (node.name !== '') return printable(node.name);
  return node.parent === 0 ? '(server)' : `#${node.sid}`;
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
] as const;

/** A span in its two largest units: `3 d 4 h`, `12 s`, `250 ms`. */
export function spanWord(ms: number): string {
  const at = UNITS.findIndex(([, size]) => ms >= size);
  if (at < 0) return `${Math.max(0, Math.round(ms))} ms`;
  const [unit, size] = UNITS[at]!;
  const whole = Math.floor(ms / size);
  const next = UNITS[at + 1];
  const rest = next === undefined ? 0 : Math.floor((ms - whole * size) / next[1]);
  return rest > 0 && next !== undefined ? `${whole} ${unit} ${rest} ${next[0]}` : `${whole} ${unit}`;
}

/** A whole number with separators. The browser's own words for numbers take 0.1 ms each at first, and a list has hundreds. */
export function count(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(?:\d{3})+$)/g, ',');
}

/** A number of bytes. */
export function bytesWord(bytes: number): string {
  for (const [unit, size] of [
    ['GiB', 1024 ** 3],
    ['MiB', 1024 ** 2],
    ['KiB', 1024],
  ] as const) {
    if (bytes >= size) return `${(bytes / size).toFixed(1)} ${unit}`;
  }
  return `${bytes} B`;
}

/** A moment as ISO 8601 has it; `?` for one that no calendar has, which a server can say. */
export function momentWord(ms: number): string {
  const at = new Date(ms);
  return Number.isNaN(at.getTime()) ? '?' : at.toISOString();
}

/** The time of day. */
export function timeWord(ms: number): string {
  const at = new Date(ms);
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':');
}

/** So many of something: `1 link`, `4 links`. */
export function many(number: number, word: string, words = `${word}s`): string {
  return `${count(number)} ${number === 1 ? word : words}`;
}

/** Labels in one line. */
export function labelsWord(labels: ReadonlyMap<string, string>): string {
  return [...labels].map(([key, value]) => printable(value === '' ? key : `${key}=${value}`)).join(' ');
}

/** Numbers in [0, 1) that follow from the seed alone (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x100000000;
  };
}

/** A whole number below `bound`. */
export function below(random: () => number, bound: number): number {
  return Math.floor(random() * bound);
}

/** Bytes that mean something to the codec more often than others do. */
const TELLING = [0, 1, 2, 3, 10, 11, 16, 17, 0x20, 0x7f, 0x80, 0xbf, 0xc0, 0xed, 0xef, 0xf4, 0xff];

/** The input with one to four small mistakes: bytes changed, taken out, put in, doubled, cut off or moved. */
export function mutated(input: Uint8Array, random: () => number): Uint8Array {
  const bytes = [...input];
  for (let left = 1 + below(random, 4); left > 0; left--) {
    const at = below(random, bytes.length + 1);
    const telling = TELLING[below(random, TELLING.length)];
    const run = below(random, 12);
    switch (below(random, 8)) {
      case 0:
        if (at < bytes.length) bytes[at] = telling;
        break;
      case 1:
        if (at < bytes.length) bytes[at] = bytes[at] ^ (1 << below(random, 8));
        break;
      case 2:
        if (at < bytes.length) bytes[at] = (bytes[at] + (random() < 0.5 ? 1 : 255)) & 0xff;
        break;
      case 3:
        bytes.splice(at, 0, telling);
        break;
      case 4:
        bytes.splice(at, 1 + run);
        break;
      case 5:
        bytes.splice(at, 0, ...bytes.slice(at, at + run + 1));
        break;
      case 6:
        bytes.splice(at, 0, ...Array.from({ length: run }, () => below(random, 256)));
        break;
      default:
        bytes.length = at;
    }
  }
  return Uint8Array.from(bytes);
}

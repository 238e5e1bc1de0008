/** The secret of a hash: two words that whoever chooses the hashed texts must not know. */
export type HashKey = readonly [k0: number, k1: number];

/**
 * HalfSipHash-2-4 of an ASCII text: 32 bits.
 *
 * Instances choose their own UUIDs. Under a hash that they know they could choose them so that all fall into one place of
 * a table, and every call would walk through it.
 *
 * Source: J.-P. Aumasson's reference code, github.com/veorq/SipHash (halfsiphash.c).
 */
export function halfSipHash([k0, k1]: HashKey, text: string): number {
  let v0 = k0;
  let v1 = k1;
  let v2 = 0x6c796765 ^ k0;
  let v3 = 0x74656462 ^ k1;
  // The words of the text, the last of them with its length, and then one step that takes nothing in.
  const words = (text.length >>> 2) + 1;
  for (let at = 0; at <= words; at++) {
    const isLast = at === words;
    const word = isLast ? 0 : wordOf(text, at);
    if (isLast) v2 ^= 0xff;
    v3 ^= word;
    for (let round = isLast ? 4 : 2; round > 0; round--) {
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
    }
    v0 ^= word;
  }
  return v1 ^ v3;
}

/** Little-endian; in the bytes past the end of the text zeros, and its length in the last. */
function wordOf(text: string, word: number): number {
  const start = word << 2;
  const { length } = text;
  if (start + 4 <= length) {
    const low = text.charCodeAt(start) | (text.charCodeAt(start + 1) << 8);
    return low | (text.charCodeAt(start + 2) << 16) | (text.charCodeAt(start + 3) << 24);
  }
  let last = length << 24;
  for (let at = start; at < length; at++) last |= text.charCodeAt(at) << (8 * (at - start));
  return last;
}

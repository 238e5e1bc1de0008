import { brotliCompressSync, constants } from 'node:zlib';

/** The window that holds a whole data folder: its stale pages repeat much of its live ones. */
const WINDOW_BITS = 24;

/** Compresses a file of a release, as far as brotli can. */
export function pack(bytes: Uint8Array): Buffer {
  const { BROTLI_PARAM_LGWIN: window, BROTLI_PARAM_SIZE_HINT: size } = constants;
  return brotliCompressSync(bytes, { params: { [window]: WINDOW_BITS, [size]: bytes.length } });
}

import { correction, generate } from 'lean-qr';

/** A QR code: how many modules it is wide and high, its quiet zone included, and its dark modules as the path of an SVG. */
export interface QrPicture {
  readonly modules: number;
  readonly path: string;
}

/** The light border that the standard asks for. */
const QUIET = 4;
/** What the largest QR code holds at the level of correction M. */
const BYTES_MAX = 2_331;

/** Draws text as a QR code; undefined where no QR code holds it. */
export function qrOf(text: string): QrPicture | undefined {
  if (new TextEncoder().encode(text).length > BYTES_MAX) return undefined;
  const code = generate(text, { minCorrectionLevel: correction.M });
  let path = '';
  for (let y = 0; y < code.size; y++) {
    for (let x = 0; x < code.size; x++) {
      const from = x;
      while (code.get(x, y)) x++;
      if (x > from) path += `M${from + QUIET} ${y + QUIET}h${x - from}v1h${from - x}z`;
    }
  }
  return { modules: code.size + 2 * QUIET, path };
}

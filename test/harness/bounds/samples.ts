import type { Bound } from '../../../harness/bounds/bounds.js';

/** Values on both sides of a bound, as near to it as they can be. */
export interface Samples {
  readonly inside: readonly unknown[];
  readonly outside: readonly unknown[];
}

/** What the values of a field are made of. */
export interface Material {
  /** The field is of type `bytes`. */
  readonly isBytes?: boolean;
  /** The numbers of the field's enum that have a name. */
  readonly named?: readonly number[];
  /** So many different elements, each of them right. */
  readonly elements?: (count: number) => readonly unknown[];
}

/** Strings that a program may or may not know by the name of their format. */
const FORMATS = {
  uuid: {
    inside: ['6f1c7ad2-3b5e-4c8d-9f00-1a2b3c4d5e6f', '6F1C7AD2-3B5E-4C8D-9F00-1A2B3C4D5E6F'],
    outside: ['', '6f1c7ad23b5e4c8d9f001a2b3c4d5e6f', '6f1c7ad2-3b5e-4c8d-9f00-1a2b3c4d5e6', 'g'.repeat(36)],
  },
  ip: { inside: ['10.0.0.1', 'fd00::1'], outside: ['', '10.0.0', 'host', '[fd00::1]', 'fe80::1%lo'] },
};
/** Strings of which a pattern takes some. */
const TEXTS = ['a', 'Z9', '-_./', 'a b', 'é', '~!', 'a\nb', '\u007f', '\u009f'];

/** Values just inside and just outside of a bound. */
export function samplesOf(bound: Bound, material: Material): Samples {
  if (bound.values !== undefined || bound.named) return enumSamples(bound.values ?? material.named!);
  if (bound.minSeconds !== undefined) return timeSamples(bound);
  if (bound.key !== undefined) return mapSamples(bound);
  if (bound.minCount !== undefined || bound.maxCount !== undefined) return listSamples(bound, material.elements!);
  if (bound.min !== undefined) return numberSamples(bound);
  if (bound.format !== undefined) return FORMATS[bound.format];
  return material.isBytes ? byteSamples(bound) : textSamples(bound);
}

function numberSamples({ min, max, zero }: Bound): Samples {
  const low = zero ? -1 : min! - 1;
  return {
    inside: [min!, ...(max === undefined ? [] : [max]), ...(zero ? [0] : [])],
    outside: [low, ...(max === undefined ? [] : [max + 1])],
  };
}

function timeSamples({ minSeconds, maxSeconds, zero }: Bound): Samples {
  const time = (seconds: number, ms = 0) => {
    const whole = seconds * 1_000 + ms;
    return { seconds: BigInt(Math.trunc(whole / 1_000)), nanos: (whole % 1_000) * 1_000_000 };
  };
  return {
    inside: [time(minSeconds!), ...(maxSeconds === undefined ? [] : [time(maxSeconds)]), ...(zero ? [time(0)] : [])],
    outside: [time(minSeconds!, -1), ...(maxSeconds === undefined ? [] : [time(maxSeconds, 1)])],
  };
}

function enumSamples(allowed: readonly number[]): Samples {
  const beside = allowed.flatMap((value) => [value - 1, value + 1]).filter((value) => !allowed.includes(value));
  return { inside: allowed, outside: [...new Set(beside)] };
}

function byteSamples({ maxBytes }: Bound): Samples {
  return { inside: [Buffer.alloc(0), Buffer.alloc(maxBytes!)], outside: [Buffer.alloc(maxBytes! + 1)] };
}

function textSamples({ minBytes = 0, maxBytes, pattern = '' }: Bound): Samples {
  const fits = new RegExp(pattern, 'u');
  const texts = ['x'.repeat(minBytes), 'x'.repeat(maxBytes!), ...TEXTS];
  const tooLong = ['x'.repeat(maxBytes! + 1), 'é'.repeat(Math.floor(maxBytes! / 2) + 1)];
  return {
    inside: texts.filter((text) => fits.test(text)),
    outside: [...texts.filter((text) => !fits.test(text)), ...tooLong, ...(minBytes > 0 ? [''] : [])],
  };
}

function listSamples(bound: Bound, elements: (count: number) => readonly unknown[]): Samples {
  const { minCount = 0, maxCount, unique, each } = bound;
  const [one] = elements(1);
  const wrong = each === undefined ? [] : samplesOf(each, {}).outside.map((element) => [element]);
  const tooFew = minCount > 0 ? [elements(minCount - 1)] : [];
  return {
    inside: [elements(minCount), elements(maxCount!)],
    outside: [...tooFew, elements(maxCount! + 1), ...(unique ? [[one, one]] : []), ...wrong],
  };
}

function mapSamples({ maxCount, key, value }: Bound): Samples {
  const entries = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, at) => [`k${at}`, 'v']));
  const [keys, values] = [samplesOf(key!, {}), samplesOf(value!, {})];
  const maps = (side: keyof Samples) => [
    ...keys[side].map((text) => ({ [String(text)]: 'v' })),
    ...values[side].map((text) => ({ k: text })),
  ];
  return { inside: [{}, entries(maxCount!), ...maps('inside')], outside: [entries(maxCount! + 1), ...maps('outside')] };
}

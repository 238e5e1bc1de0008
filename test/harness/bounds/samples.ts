import { generateKeyPairSync } from 'node:crypto';
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
  /** The server can tell that the field is absent. */
  readonly hasPresence?: boolean;
  /** The numbers of the field's enum that have a name. */
  readonly named?: readonly number[];
  /** So many different elements, each of them right. */
  readonly elements?: (count: number) => readonly unknown[];
}

const spki = (key: 'ed25519' | 'P-256' | 'P-384') =>
  (key === 'ed25519'
    ? generateKeyPairSync('ed25519')
    : generateKeyPairSync('ec', { namedCurve: key })
  ).publicKey.export({ format: 'der', type: 'spki' });
const POLICY = '{"auth":"open"}';
const POLICY_BYTES_MAX = 262_144;

/** Values that a program may or may not know by the name of their format. */
const FORMATS = {
  uuid: {
    inside: ['6f1c7ad2-3b5e-4c8d-9f00-1a2b3c4d5e6f', '6F1C7AD2-3B5E-4C8D-9F00-1A2B3C4D5E6F'],
    outside: ['', '6f1c7ad23b5e4c8d9f001a2b3c4d5e6f', '6f1c7ad2-3b5e-4c8d-9f00-1a2b3c4d5e6', 'g'.repeat(36)],
  },
  ip: { inside: ['10.0.0.1', 'fd00::1'], outside: ['', '10.0.0', 'host', '[fd00::1]', 'fe80::1%lo'] },
  address: {
    inside: ['10.0.0.1:1', '[fd00::1]:65535', 'host.example:8768', `${'h'.repeat(250)}:8768`],
    outside: ['', 'host', 'host:0', 'host:65536', `${'h'.repeat(251)}:8768`],
  },
  key: {
    inside: [spki('ed25519'), spki('P-256')],
    outside: [Buffer.alloc(0), spki('ed25519').subarray(1), Buffer.alloc(44), spki('P-384')],
  },
  policy: {
    inside: [POLICY, POLICY.padEnd(POLICY_BYTES_MAX)],
    outside: ['', '{', '[]', '{"auth":"shut"}', POLICY.padEnd(POLICY_BYTES_MAX + 1)],
  },
};
/** Strings of which a pattern takes some. */
const TEXTS = ['a', 'Z9', '-_./', 'a b', 'é', '~!', 'a\nb', '\u007f', '\u009f'];

/** Values just inside and just outside of a bound; undefined: the field is absent. */
export function samplesOf(bound: Bound, material: Material): Samples {
  const { inside, outside } = valuesOf(bound, material);
  if (bound.optional || (material.hasPresence && bound.zero)) return { inside: [...inside, undefined], outside };
  return { inside, outside: [...outside, ...(material.hasPresence ? [undefined] : [])] };
}

function valuesOf(bound: Bound, material: Material): Samples {
  if (bound.values !== undefined || bound.named) return enumSamples(bound.values ?? material.named!);
  if (bound.strings !== undefined) return stringSamples(bound, bound.strings);
  if (bound.paths !== undefined) return maskSamples(bound.paths);
  if (bound.minSeconds !== undefined) return timeSamples(bound);
  if (bound.key !== undefined) return mapSamples(bound);
  if (bound.each !== undefined || bound.maxCount !== undefined) return listSamples(bound, material.elements!);
  if (bound.min !== undefined || bound.max !== undefined) return numberSamples(bound);
  if (bound.format !== undefined) return formatSamples(bound, bound.format);
  return material.isBytes ? byteSamples(bound) : textSamples(bound);
}

function numberSamples({ min, max, zero }: Bound): Samples {
  const low = min === undefined ? [] : [zero ? -1 : min - 1];
  return {
    inside: [...(min === undefined ? [] : [min]), ...(max === undefined ? [] : [max]), ...(zero ? [0] : [])],
    outside: [...low, ...(max === undefined ? [] : [max + 1])],
  };
}

function formatSamples({ zero }: Bound, format: keyof typeof FORMATS): Samples {
  const { inside, outside } = FORMATS[format];
  if (!zero) return { inside, outside };
  return { inside: [...inside, ''], outside: (outside as readonly unknown[]).filter((one) => one !== '') };
}

function stringSamples({ zero }: Bound, strings: readonly string[]): Samples {
  const empty = [''];
  const beside = [`${strings[0]} `, strings[0].slice(1), strings[0].toUpperCase(), 'x'.repeat(1_024)];
  return { inside: [...strings, ...(zero ? empty : [])], outside: [...beside, ...(zero ? [] : empty)] };
}

function maskSamples(paths: readonly string[]): Samples {
  return { inside: [...paths.map((path) => [path]), paths, ['*']], outside: [[], ['x'], [paths[0], 'x']] };
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

function byteSamples({ minBytes = 0, maxBytes, zero }: Bound): Samples {
  const tooShort = minBytes > 0 && !(zero && minBytes === 1) ? [Buffer.alloc(minBytes - 1)] : [];
  return {
    inside: [Buffer.alloc(minBytes), Buffer.alloc(maxBytes!), ...(zero ? [Buffer.alloc(0)] : [])],
    outside: [...tooShort, Buffer.alloc(maxBytes! + 1)],
  };
}

function textSamples({ minBytes = 0, maxBytes, pattern = '', zero }: Bound): Samples {
  const fits = new RegExp(pattern, 'u');
  // In hexadecimal, too, it is a letter.
  const long = (length: number) => 'a'.repeat(length);
  const texts = [...new Set([long(minBytes), long(maxBytes ?? minBytes), ...TEXTS])];
  const isInside = (text: string) =>
    fits.test(text) && Buffer.byteLength(text) >= minBytes && Buffer.byteLength(text) <= (maxBytes ?? Infinity);
  const tooLong = maxBytes === undefined ? [] : [long(maxBytes + 1), 'é'.repeat(Math.floor(maxBytes / 2) + 1)];
  const empty = [''];
  return {
    inside: [...texts.filter(isInside), ...(zero ? empty : [])],
    outside: [...texts.filter((text) => !isInside(text)), ...tooLong, ...(minBytes > 0 && !zero ? empty : [])],
  };
}

function listSamples(bound: Bound, elements?: (count: number) => readonly unknown[]): Samples {
  const { minCount = 0, unique, each } = bound;
  const some = each === undefined ? [] : samplesOf(each, {}).inside;
  // Of those that stand once each there are no more than there are.
  const maxCount = bound.maxCount ?? some.length;
  const many = elements ?? ((count: number) => Array.from({ length: count }, (_, at) => some[at % some.length]));
  const [one] = many(1);
  const wrong = each === undefined ? [] : samplesOf(each, {}).outside.map((element) => [element]);
  const tooFew = minCount > 0 ? [many(minCount - 1)] : [];
  return {
    inside: [many(minCount), many(maxCount), ...(elements === undefined ? some.map((element) => [element]) : [])],
    outside: [...tooFew, many(maxCount + 1), ...(unique ? [[one, one]] : []), ...wrong],
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

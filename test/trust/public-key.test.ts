import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { algorithmOf, importKey, keyProblem } from '../../src/trust/public-key.js';

const ED25519_HEAD = Buffer.from('302a300506032b6570032100', 'hex');
const P = 2n ** 255n - 19n;
const D = mod(-121665n * inverse(121666n));

function mod(value: bigint): bigint {
  return ((value % P) + P) % P;
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let [factor, left] = [mod(base), exponent]; left > 0n; left >>= 1n, factor = mod(factor * factor)) {
    if (left & 1n) result = mod(result * factor);
  }
  return result;
}

function inverse(value: bigint): bigint {
  return power(value, P - 2n);
}

type Point = readonly [x: bigint, y: bigint];

/** The addition law of edwards25519, which is complete. */
function add([x1, y1]: Point, [x2, y2]: Point): Point {
  const product = mod(D * x1 * x2 * y1 * y2);
  return [mod((x1 * y2 + y1 * x2) * inverse(1n + product)), mod((y1 * y2 + x1 * x2) * inverse(mod(1n - product)))];
}

/** A point with this y, if there is one. */
function pointOf(y: bigint): Point | undefined {
  const square = mod((y * y - 1n) * inverse(mod(D * y * y + 1n)));
  const root = power(square, (P + 3n) / 8n);
  for (const x of [root, mod(root * power(2n, (P - 1n) / 4n))]) if (mod(x * x) === square) return [x, y];
  return undefined;
}

/** All points of small order: those of order dividing 8, found as [L]Q for points Q. */
function smallOrderPoints(): Set<bigint> {
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  const found = new Set<bigint>();
  for (let y = 2n; found.size < 5; y++) {
    let [sum, factor]: [Point, Point | undefined] = [[0n, 1n], pointOf(y)];
    if (factor === undefined) continue;
    for (let left = order; left > 0n; left >>= 1n, factor = add(factor, factor)) if (left & 1n) sum = add(sum, factor);
    for (let [multiple, count]: [Point, number] = [sum, 0]; count < 8; count++, multiple = add(multiple, sum)) {
      found.add(multiple[1]);
    }
  }
  return found;
}

function littleEndian(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse();
}

function ed25519(y: bigint, sign = 0): Buffer {
  const point = littleEndian(y);
  point[31] |= sign << 7;
  return Buffer.concat([ED25519_HEAD, point]);
}

describe('a public key', () => {
  it('of Ed25519 and of P-256 is taken, in the one form that Node exports', () => {
    const forms = [
      generateKeyPairSync('ed25519').publicKey,
      generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey,
    ].map((key) => key.export({ type: 'spki', format: 'der' }));
    expect(forms.map(algorithmOf)).toEqual(['ed25519', 'p256']);
    expect(forms.map(keyProblem)).toEqual([undefined, undefined]);
  });

  it('of Ed25519 is refused when its point is of small order, whatever the sign of x', () => {
    const points = [...smallOrderPoints()];
    expect(points).toHaveLength(5);
    for (const y of points) {
      for (const sign of [0, 1])
        expect(algorithmOf(ed25519(y, sign))).toEqual({ problem: 'its point is of small order' });
    }
  });

  it('of Ed25519 is refused when y is written beyond the prime: a second spelling of the same point', () => {
    for (let y = P; y < 2n ** 255n; y++) {
      expect(algorithmOf(ed25519(y))).toEqual({ problem: 'its point is written in a second way' });
      expect(algorithmOf(ed25519(y, 1))).toEqual({ problem: 'its point is written in a second way' });
    }
    expect(algorithmOf(ed25519(P - 2n))).toBe('ed25519');
  });

  it('of Ed25519 and of P-256 is imported as the key that its DER says', () => {
    for (let round = 0; round < 20; round++) {
      for (const { publicKey } of [
        generateKeyPairSync('ed25519'),
        generateKeyPairSync('ec', { namedCurve: 'P-256' }),
      ]) {
        const spki = publicKey.export({ type: 'spki', format: 'der' });
        const imported = importKey(spki)!;
        expect(imported.equals(publicKey)).toBe(true);
        expect(imported.export({ type: 'spki', format: 'der' })).toEqual(spki);
      }
    }
    // A view of a larger buffer, as messages have them.
    const inside = Buffer.concat([Buffer.alloc(7), ed25519(P - 2n), Buffer.alloc(9)]).subarray(7, 51);
    expect(importKey(inside)!.export({ type: 'spki', format: 'der' })).toEqual(ed25519(P - 2n));
  });

  it('of P-256 is refused when its point is not on the curve', () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const spki = publicKey.export({ type: 'spki', format: 'der' });
    spki[90] ^= 1;
    expect(keyProblem(spki)).toBe('its point is not on the curve');
  });

  it.each([
    ['RSA', () => generateKeyPairSync('rsa', { modulusLength: 1_024 }).publicKey],
    ['P-384', () => generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey],
    ['secp256k1', () => generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey],
    ['X25519', () => generateKeyPairSync('x25519').publicKey],
    ['Ed448', () => generateKeyPairSync('ed448').publicKey],
  ])('of %s is refused', (_, make) => {
    expect(keyProblem(make().export({ type: 'spki', format: 'der' }))).toMatch(/no key of a kind that is taken/);
  });

  it('of P-256 is refused with a compressed point, cut short anywhere, or with more behind it', () => {
    const { x, y } = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' });
    const whole = createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' });
    const spki = whole.export({ type: 'spki', format: 'der' });
    const compressed = Buffer.concat([
      Buffer.from('3039301306072a8648ce3d020106082a8648ce3d030107032200', 'hex'),
      Buffer.of(2 + (spki[90] & 1)),
      spki.subarray(27, 59),
    ]);
    expect(createPublicKey({ key: compressed, type: 'spki', format: 'der' }).asymmetricKeyType).toBe('ec');
    expect(keyProblem(compressed)).toMatch(/no key/);
    for (let length = 0; length < spki.length; length++) expect(keyProblem(spki.subarray(0, length))).toMatch(/no key/);
    expect(keyProblem(Buffer.concat([spki, Buffer.of(0)]))).toMatch(/no key/);
  });
});

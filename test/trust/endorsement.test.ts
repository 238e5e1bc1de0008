import { createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { checkEndorsement, ENDORSEMENT_MAX_MS, endorsedBytes, makeEndorsement } from '../../src/trust/endorsement.js';
import { keyIdOf } from '../../src/trust/public-key.js';
import { SigningKey } from '../../src/trust/signing-key.js';

/** A line of test/vectors/endorsements.json. */
interface Vector {
  readonly name: string;
  readonly network: string;
  readonly identity_uuid: string;
  readonly connection_key: string;
  readonly expires_at_ms: number;
  readonly public_key: string;
  readonly signed: string;
  readonly endorsement: string;
  readonly secret?: string;
}

const VECTORS = JSON.parse(readFileSync('test/vectors/endorsements.json', 'utf8')) as Vector[];
const HOUR_MS = 3_600_000;

function bytes(hex: string): Buffer {
  return Buffer.from(hex, 'hex');
}

function contentOf(vector: Vector) {
  return {
    network: vector.network,
    identityUuid: vector.identity_uuid,
    connectionKey: bytes(vector.connection_key),
    expiresAtMs: vector.expires_at_ms,
  };
}

describe('an endorsement', () => {
  it.each(VECTORS)('is that of the vector: $name', (vector) => {
    const content = contentOf(vector);
    const signed = endorsedBytes(content);
    expect(signed.toString('hex')).toBe(vector.signed);
    const publicKey = bytes(vector.public_key);
    const endorsement = bytes(vector.endorsement);
    const signature = endorsement.subarray(1 + 16 + 8 + 2 + publicKey.length);
    const key = createPublicKey({ key: publicKey, type: 'spki', format: 'der' });
    const digest = key.asymmetricKeyType === 'ed25519' ? null : 'sha256';
    expect(verify(digest, signed, key, signature)).toBe(true);
    const place = { ...content, nowMs: content.expiresAtMs - HOUR_MS };
    expect(checkEndorsement(endorsement, place)).toEqual({
      keyId: keyIdOf(publicKey).toString('hex'),
      identityUuid: vector.identity_uuid,
      expiresAtMs: vector.expires_at_ms,
    });
    if (vector.secret === undefined) return;
    expect(makeEndorsement(SigningKey.fromSecret(bytes(vector.secret)), content).toString('hex')).toBe(
      vector.endorsement,
    );
  });

  it('has vectors of both kinds of keys, and of another network than the default one', () => {
    expect(new Set(VECTORS.map(({ public_key }) => public_key.length / 2))).toEqual(new Set([44, 91]));
    expect(VECTORS.some(({ network }) => network !== 'default')).toBe(true);
  });
});

describe('an endorsement that counts for nothing', () => {
  const key = SigningKey.fromSecret(Buffer.alloc(32, 7));
  const connectionKey = SigningKey.fromSecret(Buffer.alloc(32, 8)).publicKey;
  const otherKey = SigningKey.fromSecret(Buffer.alloc(32, 9)).publicKey;
  const identityUuid = 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee';
  const nowMs = 1_700_000_000_000;
  const expiresAtMs = nowMs + HOUR_MS;
  const content = { network: 'default', identityUuid, connectionKey, expiresAtMs };
  const good = makeEndorsement(key, content);
  const here = { network: 'default', connectionKey, nowMs };
  const problem = (endorsement: Buffer | undefined, place = here) => {
    const checked = checkEndorsement(endorsement, place);
    return 'problem' in checked ? checked.problem : checked;
  };

  it('is compared with one that counts', () => {
    expect(problem(good)).toEqual({ keyId: key.keyId.toString('hex'), identityUuid, expiresAtMs });
  });

  it('is none at all', () => {
    expect(problem(undefined)).toBe('it brought no endorsement of its key');
    expect(problem(Buffer.alloc(0))).toBe('it brought no endorsement of its key');
  });

  it.each([
    ['of another connection key', { ...here, connectionKey: otherKey }],
    ['of another network', { ...here, network: 'other' }],
  ])('is one %s', (_name, place) => {
    expect(problem(good, place)).toBe('its endorsement is for another key or network, or was changed');
  });

  it('has ended, or is good for more than 24 hours; and says both times', () => {
    expect(problem(good, { ...here, nowMs: expiresAtMs })).toBe(
      'its endorsement ended at 2023-11-14T23:13:20.000Z, and it is 2023-11-14T23:13:20.000Z here: look at the clocks of both ends',
    );
    const atMost = makeEndorsement(key, { ...content, expiresAtMs: nowMs + ENDORSEMENT_MAX_MS });
    expect(problem(atMost)).toMatchObject({ expiresAtMs: nowMs + ENDORSEMENT_MAX_MS });
    const longer = makeEndorsement(key, { ...content, expiresAtMs: nowMs + ENDORSEMENT_MAX_MS + 1 });
    expect(problem(longer)).toMatch(/^its endorsement is good for more than 24 hours, until 2023-11-15T22:13:20.001Z/);
    const never = makeEndorsement(key, { ...content, expiresAtMs: Number.MAX_SAFE_INTEGER });
    expect(problem(never)).toMatch(/^its endorsement is good for more than 24 hours, until 9007199254740991 ms/);
  });

  it('was changed in any one of its bytes, or cut short at any of them', () => {
    for (let at = 0; at < good.length; at++) {
      const changed = Buffer.from(good);
      changed[at] ^= 1;
      expect(typeof problem(changed)).toBe('string');
      expect(typeof problem(good.subarray(0, at))).toBe('string');
    }
  });

  it('names a key of small order, or of another kind', () => {
    const small = Buffer.concat([key.publicKey.subarray(0, 12), Buffer.alloc(32)]);
    const forged = Buffer.from(good);
    small.copy(forged, 1 + 16 + 8 + 2);
    expect(problem(forged)).toBe('its endorsement names no key of Ed25519 or P-256');
  });

  it('is signed by P-256 with bytes that are no signature', () => {
    const { secret: _, ...p256 } = VECTORS.find(({ public_key }) => public_key.length === 182)!;
    const cut = bytes(p256.endorsement).subarray(0, -1);
    const place = { ...contentOf(p256), nowMs: p256.expires_at_ms - HOUR_MS };
    expect(problem(cut, place)).toBe('its endorsement is for another key or network, or was changed');
  });
});

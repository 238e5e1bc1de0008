import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { FLEET } from '../../../harness/bench/benches/proofs.js';
import { KnownKeys } from '../../../src/trust/server/known-keys.js';
import { DEFAULT_TRUST_LIMITS } from '../../../src/trust/server/limits.js';

const ED25519_HEAD = Buffer.from('302a300506032b6570032100', 'hex');

/** The key of that number, imported as any other: whether somebody can sign by it does not matter here. */
function spkiOf(number: number): Buffer {
  return Buffer.concat([ED25519_HEAD, createHash('sha256').update(`known ${number}`).digest()]);
}

describe('imported keys', () => {
  it('of a fleet as large as the bench of proofs has are all found again when it comes back', () => {
    const keys = new KnownKeys(DEFAULT_TRUST_LIMITS.keysKeptMax);
    const fleet = Array.from({ length: FLEET.sessions }, (_, number) => spkiOf(number));
    const first = fleet.map((spki) => keys.get(spki));
    const again = fleet.filter((spki, number) => keys.get(spki) !== first[number]);
    expect(first.filter((key) => key === undefined)).toHaveLength(0);
    expect(again).toHaveLength(0);
  });

  it('are kept up to their bound, and the one that was used longest ago goes first', () => {
    const keys = new KnownKeys(2);
    const [one, two] = [keys.get(spkiOf(1)), keys.get(spkiOf(2))];
    expect(keys.get(spkiOf(1))).toBe(one);
    keys.get(spkiOf(3));
    expect(keys.size).toBe(2);
    expect(keys.get(spkiOf(1))).toBe(one);
    expect(keys.get(spkiOf(2))).not.toBe(two);
  });
});

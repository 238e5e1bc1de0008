import { createHash } from 'node:crypto';
import { SigningKey } from '../../../src/trust/signing-key.js';

/** Whose instances have keys. */
export type Keyed = 'none' | 'half' | 'all';

const KEYS = new Map<string, SigningKey>();

/** The key of that name: the same in every run. */
export function keyNamed(name: string): SigningKey {
  const key = KEYS.get(name) ?? SigningKey.fromSecret(createHash('sha256').update(name).digest());
  KEYS.set(name, key);
  return key;
}

/** The key of an instance, which clones of it have as well; undefined for one that has none. */
export function keyOfInstance(uuid: string, keyed: Keyed): SigningKey | undefined {
  const isKeyed = keyed === 'all' || (keyed === 'half' && Number.parseInt(uuid.slice(-1), 16) % 2 === 0);
  return isKeyed ? keyNamed(uuid) : undefined;
}

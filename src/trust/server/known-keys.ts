import type { KeyObject } from 'node:crypto';
import { importKey } from '../public-key.js';

/** Imported keys, those used last: importing one takes as long as verifying by it, and on the event loop. */
export class KnownKeys {
  readonly #keys = new Map<string, KeyObject>();

  constructor(private readonly max: number) {}

  /** How many are kept. */
  get size(): number {
    return this.#keys.size;
  }

  /** The key of a SubjectPublicKeyInfo; undefined when its point is not on its curve. */
  get(spki: Uint8Array): KeyObject | undefined {
    const name = Buffer.from(spki.buffer, spki.byteOffset, spki.length).toString('latin1');
    const key = this.#keys.get(name) ?? importKey(spki);
    if (key === undefined) return undefined;
    // Set anew, so that the order of the map is the order of use.
    this.#keys.delete(name);
    this.#keys.set(name, key);
    if (this.#keys.size > this.max) this.#keys.delete(this.#keys.keys().next().value!);
    return key;
  }
}

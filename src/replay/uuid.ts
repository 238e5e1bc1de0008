import { createHash } from 'node:crypto';

/**
 * The namespace of the ids of replayed nodes, drawn once at random. It never changes: a node that is replayed again is
 * the same instance again.
 */
export const NODE_NAMESPACE = 'b6a7c3de-58f4-4f0e-9a63-3a5e0f4d8e21';

/** A UUID made from a name, the same each time. Source: RFC 9562, section 5.5 (version 5, SHA-1). */
export function uuidOfName(namespace: string, name: string): string {
  const hash = createHash('sha1')
    .update(Buffer.from(namespace.replaceAll('-', ''), 'hex'))
    .update(name)
    .digest();
  hash[6] = (hash[6] & 0x0f) | 0x50;
  hash[8] = (hash[8] & 0x3f) | 0x80;
  const hex = hash.toString('hex', 0, 16);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

import fc from 'fast-check';
import { PathKind } from '../../src/core/model/connection.js';
import { LinkType } from '../../src/core/model/link.js';
import { CloseReason } from '../../src/core/model/session.js';

/** The arbitrary values that commands and rows have in common. */

/** A record as people write it: fast-check would also make ones without a prototype, which equal no others. */
export type Shape<T> = { [K in keyof T]: fc.Arbitrary<T[K]> };
export const shape = <T>(model: Shape<T>) => fc.record<T>(model, { noNullPrototype: true });

export const sid = fc.integer({ min: 0, max: 2 ** 31 - 1 });
export const ms = fc.integer({ min: 0, max: 2 ** 32 - 1 });
export const wallMs = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
export const text = fc.string({ unit: 'grapheme', maxLength: 40 });
export const uuid = fc.uuid();
// Plain objects, whatever the key: an arbitrary dictionary would have no prototype.
export const labels = fc
  .array(fc.tuple(fc.oneof(text, fc.constantFrom('__proto__', 'constructor', '1')), text), { maxLength: 5 })
  .map((entries) => Object.fromEntries(entries));
export const tokenHash = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes).toString('latin1'));
export const link = fc.constantFrom(...Object.values(LinkType));
export const closeReason = fc.constantFrom(...Object.values(CloseReason));
export const params = shape({
  name: text,
  timeoutMs: ms,
  maxBlockBytes: fc.integer({ min: 0, max: 1_048_576 }),
  compression: fc.integer({ min: 0, max: 1 }),
  deliveryConfirmation: fc.boolean(),
  labels,
});
export const someParams = fc.record(
  { name: text, timeoutMs: ms, maxBlockBytes: ms, compression: ms, deliveryConfirmation: fc.boolean(), labels },
  { requiredKeys: [], noNullPrototype: true },
);
export const kind = <K extends string>(name: K) => fc.constant(name);

export const hidden = fc.uint8Array({ maxLength: 48 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
export const port = fc.integer({ min: 0, max: 65_535 });
export const candidate = shape({ host: text, port, type: fc.integer({ min: 0, max: 3 }), priority: ms });
export const gathered = {
  candidates: fc.array(candidate, { maxLength: 3 }),
  publicKey: hidden,
  roundTripMs: ms,
  relayVersion: ms,
};
export const drawn = { nonce: hidden, atMs: wallMs };
export const pair = shape({ local: candidate, remote: candidate, outcome: text });
export const tried = { connected: fc.boolean(), pairs: fc.array(pair, { maxLength: 3 }), tookMs: ms };
export const path = fc.constantFrom(...Object.values(PathKind));
export const brokered = shape({ connection: wallMs, path, roundTripMs: ms, failed: fc.boolean() });

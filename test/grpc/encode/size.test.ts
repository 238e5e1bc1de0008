import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ConnectionRecord } from '../../../gen/switchyard/v1/connection.js';
import { Session } from '../../../gen/switchyard/v1/session.js';
import { Stream } from '../../../gen/switchyard/v1/stream.js';
import type { Connection } from '../../../src/core/model/connection.js';
import type { Session as SessionState } from '../../../src/core/model/session.js';
import type { Stream as StreamState } from '../../../src/core/model/stream.js';
import { connectionRecordMessage } from '../../../src/grpc/encode/connection-message.js';
import { sessionMessage, streamMessage } from '../../../src/grpc/encode/message.js';
import { connectionSize, sessionSize, streamSize } from '../../../src/grpc/encode/size.js';
import { fillPage } from '../../../src/grpc/services/page.js';

const sid = fc.integer({ min: 1, max: 2 ** 31 - 1 });
const text = fc.string({ unit: 'binary', maxLength: 60 });
const labels = fc.dictionary(fc.stringMatching(/^[a-z]{1,63}$/), text, { maxKeys: 16 });
const EPOCH = 'AAAAAAAAAAA';
/** The tag and length that an entry of a page has around it. */
const ENTRY_BYTES = 5;

const candidate = fc.record({
  host: fc.oneof(fc.ipV4(), fc.ipV6()),
  port: fc.integer({ min: 1, max: 65_535 }),
  type: fc.integer({ min: 1, max: 3 }),
  priority: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
});
const pair = fc.record({ local: candidate, remote: candidate, outcome: text });
const tried = fc.option(
  fc.record({ connected: fc.boolean(), pairs: fc.array(pair, { maxLength: 8 }), tookMs: fc.nat(60_000) }),
  { nil: undefined },
);
const end = fc.record({ sid, candidates: fc.array(candidate, { maxLength: 16 }), publicKey: fc.constant('') });
const connection = fc
  .record({
    id: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    caller: end,
    peer: end,
    link: fc.constantFrom(1, 2),
    listening: fc.record({ host: fc.ipV6(), port: fc.nat(65_535) }),
    state: fc.constantFrom(5, 7),
    askedAtMs: fc.nat(2e12),
    attempts: fc.array(fc.record({ number: fc.nat(99), startedAtMs: fc.nat(2e12), caller: tried, peer: tried }), {
      maxLength: 3,
    }),
    path: fc.constantFrom(0, 1, 2),
    roundTripMs: fc.nat(60_000),
    reason: fc.constantFrom(undefined, 'PATH_FAILED'),
    description: text,
  })
  .map((drawn) => drawn as unknown as Connection);

describe('the size of an entry of a page', () => {
  it('is never less than what it takes on the wire: of a session', () => {
    const session = fc.record({ sid, uuid: fc.uuid(), name: text, labels, ttlMs: fc.nat(), openedAtMs: fc.nat(2e12) });
    fc.assert(
      fc.property(session, (drawn) => {
        const whole = { ...drawn, openedRevision: Number.MAX_SAFE_INTEGER } as unknown as SessionState;
        const { length } = Session.encode(sessionMessage(whole, EPOCH, true)).finish();
        expect(sessionSize(whole)).toBeGreaterThanOrEqual(length + ENTRY_BYTES);
      }),
    );
  });

  it('is never less than what it takes on the wire: of a stream', () => {
    const sinks = fc.array(fc.record({ sid, id: sid }), { maxLength: 64 });
    fc.assert(
      fc.property(sid, sinks, text, labels, fc.nat(), (id, drawn, name, labelled, timeoutMs) => {
        const params = { name, timeoutMs, maxBlockBytes: 1_048_576, compression: 1, deliveryConfirmation: true };
        const whole: StreamState = {
          ...{ id, owner: id, sinks: drawn, revision: Number.MAX_SAFE_INTEGER },
          params: { ...params, labels: labelled },
        };
        const { length } = Stream.encode(streamMessage(whole, EPOCH)).finish();
        expect(streamSize(whole)).toBeGreaterThanOrEqual(length + ENTRY_BYTES);
      }),
    );
  });

  it('is never less than what it takes on the wire: of a connection', () => {
    fc.assert(
      fc.property(connection, (drawn) => {
        const { length } = ConnectionRecord.encode(connectionRecordMessage(drawn)).finish();
        expect(connectionSize(drawn)).toBeGreaterThanOrEqual(length + ENTRY_BYTES);
      }),
    );
  });

  it('cuts a page of connections by its bytes', () => {
    const [whole] = fc.sample(connection, { numRuns: 1, seed: 7 });
    const pairs = new Array(32).fill({ local: whole.caller, remote: whole.caller, outcome: 'x'.repeat(128) });
    const side = { host: '2001:db8::1', port: 1, type: 1, priority: 1 };
    const full = pairs.map((one) => ({ ...one, local: side, remote: side }));
    const attempt = { number: 1, startedAtMs: 0, nonce: '', caller: { connected: false, pairs: full, tookMs: 1 } };
    const attempts = new Array(3).fill({ ...attempt, peer: attempt.caller });
    const many = new Array(1_000).fill({ ...whole, attempts }) as Connection[];
    const { page, hasMore } = fillPage(many, { after: 0, size: 1_000, bytesMax: 1_048_576 }, connectionSize);
    const bytes = page.reduce(
      (sum, one) => sum + ConnectionRecord.encode(connectionRecordMessage(one)).finish().length,
      0,
    );
    expect(hasMore).toBe(true);
    expect(bytes).toBeLessThan(2_097_152);
    expect(page.length).toBeGreaterThan(10);
  });

  it('leaves pairs out of a trace that would be too large for a message', () => {
    const [whole] = fc.sample(connection, { numRuns: 1, seed: 7 });
    const side = { host: '2001:db8::1', port: 1, type: 1, priority: 1 };
    const pairs = new Array(256).fill({ local: side, remote: side, outcome: 'x'.repeat(1_024) });
    const told = { connected: false, pairs, tookMs: 1 };
    const attempts = new Array(8).fill({ number: 1, startedAtMs: 0, nonce: '', caller: told, peer: told });
    const record = connectionRecordMessage({ ...whole, attempts } as Connection);
    expect(ConnectionRecord.encode(record).finish().length).toBeLessThan(1_048_576);
    expect(record.attempts).toHaveLength(8);
    expect(record.attempts[0].pairs).toHaveLength(512);
  });
});

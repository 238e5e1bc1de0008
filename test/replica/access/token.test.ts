import { describe, expect, it } from '@jest/globals';
import { systemRandom } from '../../../src/client/system.js';
import { apply } from '../../../src/core/decide/apply.js';
import { Fault } from '../../../src/core/model/fault.js';
import { DEFAULT_LIMITS } from '../../../src/core/model/limits.js';
import { CloseReason } from '../../../src/core/model/session.js';
import { capture, rowsOf } from '../../../src/core/store/snapshot.js';
import { State } from '../../../src/core/store/state.js';
import { encodeChunks } from '../../../src/journal/format/chunk.js';
import { restoreSnapshot } from '../../../src/journal/replaying.js';
import { authenticate, drawSecret, tokenText } from '../../../src/replica/access/token.js';

function openOne() {
  const state = new State(DEFAULT_LIMITS);
  const uuid = '00000000-0000-4000-8000-000000000001';
  apply(state, { kind: 'FoundNetwork', epoch: 'e', serverUuid: uuid, atMs: 0 });
  const secret = drawSecret(systemRandom);
  const rest = { type: 2, flavor: 0, ttlMs: 1000, name: '', labels: {}, tokenHash: secret.hash, atMs: 0 };
  apply(state, { kind: 'OpenSession', uuid, ...rest });
  const { sid } = state.sessions.ofInstance(uuid)!;
  return { state, sid, secret, token: tokenText(sid, secret) };
}

function reasonOf(outcome: number | Fault): string {
  return outcome instanceof Fault ? outcome.reason : 'good';
}

describe('a session token', () => {
  it('proves the session that it was made for', () => {
    const { state, sid, token } = openOne();
    expect(token).toMatch(/^sw1_[A-Za-z0-9_-]{38}$/);
    expect(authenticate(state, token)).toBe(sid);
  });

  it('proves nothing when any of its characters is another', () => {
    const { state, token } = openOne();
    for (let at = 0; at < token.length; at++) {
      for (const other of ['A', '_', '9']) {
        if (token[at] === other) continue;
        const altered = token.slice(0, at) + other + token.slice(at + 1);
        expect(reasonOf(authenticate(state, altered))).toMatch(/SESSION_TOKEN_INVALID|SESSION_EXPIRED/);
      }
    }
  });

  it.each([
    '',
    'sw1_',
    ' ',
    'x'.repeat(10_000),
    `sw1_${'='.repeat(38)}`,
    `sw1_${'A'.repeat(38)}`,
    `sw2_${'A'.repeat(38)}`,
  ])('that is malformed is refused: %#', (token) => {
    expect(reasonOf(authenticate(openOne().state, token))).toBe('SESSION_TOKEN_INVALID');
  });

  it('with the SID of another session proves neither', () => {
    const { state, secret } = openOne();
    const other = openOne();
    expect(reasonOf(authenticate(state, tokenText(other.sid, other.secret)))).toBe('SESSION_TOKEN_INVALID');
    expect(reasonOf(authenticate(state, tokenText(0, secret)))).toBe('SESSION_TOKEN_INVALID');
    expect(reasonOf(authenticate(state, tokenText(-1, secret)))).toBe('SESSION_TOKEN_INVALID');
  });

  it.each([
    [CloseReason.SUPERSEDED, 'SESSION_SUPERSEDED'],
    [CloseReason.TERMINATED, 'SESSION_TERMINATED'],
    [CloseReason.EXPIRED, 'SESSION_EXPIRED'],
    [CloseReason.SERVER_LOST, 'SESSION_SERVER_LOST'],
  ])('of a session that has ended is told why: %i', (reason, wanted) => {
    const { state, sid, token } = openOne();
    apply(state, { kind: 'CloseSession', sid, reason });
    expect(reasonOf(authenticate(state, token))).toBe(wanted);
    state.ended.delete(sid);
    expect(reasonOf(authenticate(state, token))).toBe('SESSION_EXPIRED');
  });

  it('that was never given is invalid, whatever its SID is', () => {
    const { state, sid, token } = openOne();
    const other = drawSecret(systemRandom);
    const invalid = (whose: number) =>
      expect(reasonOf(authenticate(state, tokenText(whose, other)))).toBe('SESSION_TOKEN_INVALID');
    for (const whose of [sid, sid + 256, sid + 1, state.serverSid, 2 ** 31 - 1]) invalid(whose);
    apply(state, { kind: 'CloseSession', sid, reason: CloseReason.TERMINATED });
    for (const whose of [sid, sid + 256, sid + 1, state.serverSid, 2 ** 31 - 1]) invalid(whose);
    expect(reasonOf(authenticate(state, token))).toBe('SESSION_TERMINATED');
  });

  it('that was never given is invalid after a start from a snapshot, too', async () => {
    const { state, sid, token } = openOne();
    apply(state, { kind: 'CloseSession', sid, reason: CloseReason.TERMINATED });
    const parts: Uint8Array[] = [];
    for await (const part of encodeChunks(state.revision, rowsOf(capture(state)))) parts.push(part);
    const chunks = async function* () {
      yield* parts;
    };
    const restored = await restoreSnapshot({ revision: state.revision, chunks }, DEFAULT_LIMITS);
    expect(reasonOf(authenticate(restored, token))).toBe('SESSION_TERMINATED');
    expect(reasonOf(authenticate(restored, tokenText(sid, drawSecret(systemRandom))))).toBe('SESSION_TOKEN_INVALID');
  });

  it('is not what the state keeps', () => {
    const { state, sid, token } = openOne();
    expect(JSON.stringify(state.sessions.get(sid))).not.toContain(token.slice(10));
  });
});

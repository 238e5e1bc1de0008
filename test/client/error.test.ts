import { describe, expect, it } from '@jest/globals';
import { BadRequest, ErrorInfo, RetryInfo } from '../../gen/google/rpc/error_details.js';
import { Status } from '../../gen/google/rpc/status.js';
import { StatusCode, SwitchyardError } from '../../src/client/index.js';

const any = (name: string, value: Uint8Array) => ({
  typeUrl: `type.googleapis.com/${name}`,
  value: Buffer.from(value),
});
const status = (details: { typeUrl: string; value: Buffer }[]) =>
  Status.encode({ code: 3, message: 'no', details }).finish();

describe('an error of a call', () => {
  it('holds what google.rpc tells: reason, facts, violations, when to come again', () => {
    const details = status([
      any(
        'google.rpc.ErrorInfo',
        ErrorInfo.encode({
          reason: 'FIELD_INVALID',
          domain: 'switchyard',
          metadata: { oldest_revision: '12' },
        }).finish(),
      ),
      any(
        'google.rpc.BadRequest',
        BadRequest.encode({ fieldViolations: [{ field: 'ttl', description: 'not negative' }] }).finish(),
      ),
      any('google.rpc.RetryInfo', RetryInfo.encode({ retryDelay: { seconds: 1n, nanos: 500_000_000 } }).finish()),
      any('google.rpc.Help', Buffer.from([0xff, 0xff])),
    ]);
    const error = SwitchyardError.of({ code: 3, message: 'ttl: not negative', details });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: 'SwitchyardError',
      message: 'ttl: not negative',
      code: StatusCode.INVALID_ARGUMENT,
      reason: 'FIELD_INVALID',
      metadata: { oldest_revision: '12' },
      violations: [{ field: 'ttl', description: 'not negative' }],
      retryAfterMs: 1500,
      temporary: true,
    });
  });

  it('stands without details: a proxy or a dead server sends none', () => {
    const error = SwitchyardError.of({ code: 14, message: 'connection refused' });
    expect(error).toMatchObject({ code: StatusCode.UNAVAILABLE, reason: undefined, violations: [], temporary: true });
    expect(error.retryAfterMs).toBeUndefined();
  });

  it.each([
    ['cut short', status([any('google.rpc.ErrorInfo', Buffer.from([0x0a, 0x7f, 0x41]))])],
    ['no Status at all', Buffer.from([0xff, 0xff, 0xff])],
  ])('keeps code and message when its details are %s', (_name, details) => {
    const error = SwitchyardError.of({ code: 5, message: 'no node 7', details });
    expect(error).toMatchObject({ code: StatusCode.NOT_FOUND, message: 'no node 7', reason: undefined });
    expect(error.cause).toBeInstanceOf(Error);
  });

  it('calls a code that gRPC does not have UNKNOWN', () => {
    expect(SwitchyardError.of({ code: 99, message: '' }).code).toBe(StatusCode.UNKNOWN);
    expect(SwitchyardError.of({ code: -1, message: '' }).code).toBe(StatusCode.UNKNOWN);
  });

  it('is not temporary when trying again would not change it', () => {
    expect(SwitchyardError.of({ code: 5, message: '' }).temporary).toBe(false);
  });

  it('is not temporary when the call may have been done', () => {
    const details = status([
      any('google.rpc.ErrorInfo', ErrorInfo.encode({ reason: 'OUTCOME_UNKNOWN', domain: '', metadata: {} }).finish()),
    ]);
    const error = SwitchyardError.of({ code: 14, message: 'it may be stored, or not', details });
    expect(error).toMatchObject({ code: StatusCode.UNAVAILABLE, reason: 'OUTCOME_UNKNOWN', temporary: false });
  });
});

import { describe, expect, it } from '@jest/globals';
import { Connection } from '../../gen/switchyard/v1/connection.js';
import { Order } from '../../gen/switchyard/v1/session.js';
import { callSpan } from '../../src/client/channel/call-span.js';
import { failureName, SwitchyardError } from '../../src/client/error.js';
import { traceOf } from '../../src/client/instance/order-span.js';
import { StatusCode } from '../../src/client/status.js';
import { formatTraceparent, parseTraceparent } from '../../src/tracing/traceparent.js';
import { tracesUrl } from '../../src/tracing/traces-url.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

describe('a traceparent', () => {
  it('is read and written as the standard has it', () => {
    const text = `00-${TRACE}-${SPAN}-01`;
    expect(parseTraceparent(text)).toEqual({ traceId: TRACE, spanId: SPAN, flags: 1 });
    expect(formatTraceparent(parseTraceparent(text)!)).toBe(text);
  });

  it('of a later version is read up to what is known', () => {
    expect(parseTraceparent(`01-${TRACE}-${SPAN}-03-more`)).toEqual({ traceId: TRACE, spanId: SPAN, flags: 3 });
    expect(formatTraceparent({ traceId: TRACE, spanId: SPAN, flags: 3 })).toBe(`00-${TRACE}-${SPAN}-01`);
  });

  it.each([
    '',
    'x',
    `00-${TRACE}-${SPAN}`,
    `00-${TRACE}-${SPAN}-01-more`,
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `01-${TRACE}-${SPAN}-01-${'x'.repeat(300)}`,
    `00-${TRACE}-${SPAN}-01\n`,
  ])('that is malformed is read as none: %j', (text) => {
    expect(parseTraceparent(text)).toBeUndefined();
  });
});

describe('the trace of an order', () => {
  const traced = (traceparent: string) => {
    const value = { ...Connection.create(), traceparent };
    return traceOf({ ...Order.create(), kind: { $case: 'connection', value } });
  };

  it('is the one that its traceparent names', () => {
    expect(traced(`00-${TRACE}-${SPAN}-01`)).toBe(`00-${TRACE}-${SPAN}-01`);
  });

  it.each(['', 'x', `00-${TRACE}-${SPAN}-01\n`])('is none when that is malformed: %j', (text) => {
    expect(traced(text)).toBeUndefined();
  });
});

describe('the failure that a span tells', () => {
  const span = (error: unknown) => {
    let told: string | undefined;
    const made = { traceparent: '', set: () => {}, end: (failure?: string) => (told = failure) };
    callSpan({ tracer: () => ({ start: () => made }) }, '/switchyard.v1.SessionService/Session').failed(error);
    return told;
  };

  it('is a reason or a status, without the names that the message holds', () => {
    const refused = new SwitchyardError(StatusCode.NOT_FOUND, 'no session of "alice"', { reason: 'SESSION_NOT_FOUND' });
    expect(span(refused)).toBe('SESSION_NOT_FOUND');
    expect(span(new SwitchyardError(StatusCode.UNAVAILABLE, 'no answer of 192.0.2.1'))).toBe('UNAVAILABLE');
    expect(span(new Error('no answer of 192.0.2.1'))).toBe('Error');
    expect(failureName(undefined)).toBe('cancelled');
  });
});

describe("a collector's address", () => {
  it.each([
    ['http://127.0.0.1:4318', 'http://127.0.0.1:4318/v1/traces'],
    ['http://127.0.0.1:4318/', 'http://127.0.0.1:4318/v1/traces'],
    ['https://otlp.example/tenant/', 'https://otlp.example/tenant/v1/traces'],
    ['http://127.0.0.1:4318/v1/traces', 'http://127.0.0.1:4318/v1/traces'],
  ])('%s takes traces at %s', (text, url) => {
    expect(tracesUrl(text)).toBe(url);
  });

  it.each([
    ['127.0.0.1:4318', /must be an http or https URL/],
    ['grpc://127.0.0.1:4317', /must be an http or https URL/],
    ['http://me:secret@127.0.0.1', /must have no user and password/],
    ['http://127.0.0.1/?a=1', /must have no query/],
  ])('%s is refused', (text, words) => {
    expect(() => tracesUrl(text)).toThrow(words);
  });
});

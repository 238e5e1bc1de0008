import { describe, expect, it } from '@jest/globals';
import { ConnectionTraces } from '../../src/brokering/connection-traces.js';
import { LinkType } from '../../src/core/model/link.js';

const link = LinkType.TRANSPORT_TCP;
const traceparent = (number: number) => `00-${String(number).padStart(32, 'a')}-${'b'.repeat(16)}-01`;
const connection = (caller: number) => ({ caller: { sid: caller }, peer: { sid: 2 }, link });

describe('the traces of connections', () => {
  it('are those of the newest request of the same ends', () => {
    const traces = new ConnectionTraces();
    traces.note({ caller: 1, peer: 2, link }, traceparent(1));
    traces.note({ caller: 1, peer: 2, link }, traceparent(2));
    expect(traces.of(connection(1))).toBe(traceparent(2));
    expect(traces.of({ ...connection(1), caller: { sid: 2 }, peer: { sid: 1 } })).toBe('');
  });

  it.each(['', 'garbage'])('are none after a request that brings %j', (text) => {
    const traces = new ConnectionTraces();
    traces.note({ caller: 1, peer: 2, link }, traceparent(1));
    traces.note({ caller: 1, peer: 2, link }, text);
    expect(traces.of(connection(1))).toBe('');
  });

  it('are remembered of the last 4,096 requests', () => {
    const traces = new ConnectionTraces();
    for (let caller = 1; caller <= 5_000; caller++) traces.note({ caller, peer: 2, link }, traceparent(caller));
    expect(traces.of(connection(5_000 - 4_096))).toBe('');
    expect(traces.of(connection(5_000 - 4_095))).toBe(traceparent(5_000 - 4_095));
  });
});

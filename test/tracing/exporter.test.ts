import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../src/client/system.js';
import { openExport } from '../../src/tracing/exporter.js';
import { SPAN_LIMITS } from '../../src/tracing/limits.js';
import { Collector } from './collector.js';

let collector: Collector;
let lost: [string, number][];

beforeEach(async () => {
  collector = await Collector.listen();
  lost = [];
});
afterEach(() => collector.close());

function open(url = `${collector.url}/v1/traces`) {
  const failed = (why: string, spans: number) => void lost.push([why, spans]);
  return openExport({ url, resource: { 'service.name': 'one' }, version: '1', clock: systemClock, failed });
}

describe('spans that are sent to a collector', () => {
  it('are of the service that makes them, and belong to the span that they are given', async () => {
    const { tracer, close } = await open();
    const parent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    const span = tracer.start('work', { kind: 'internal', parent, attributes: { size: 3 } });
    expect(span.traceparent).toMatch(/^00-a{32}-[0-9a-f]{16}-01$/);
    span.set({ is: true });
    span.end('it broke');
    span.end();
    await close();
    expect(collector.spans).toMatchObject([
      { service: 'one', name: 'work', traceId: 'a'.repeat(32), parentSpanId: 'b'.repeat(16), failure: 'it broke' },
    ]);
    expect(collector.spans[0].attributes).toEqual({ size: 3, is: true });
  });

  it('are not recorded when their parent is not', async () => {
    const { tracer, close } = await open();
    const span = tracer.start('work', { kind: 'server', parent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00` });
    expect(span.traceparent).toMatch(/-00$/);
    span.end();
    tracer.start('another', { kind: 'server', parent: 'malformed' }).end();
    await close();
    expect(collector.spans.map(({ name, parentSpanId }) => [name, parentSpanId])).toEqual([['another', '']]);
  });

  it('are lost beyond 2,048 while the collector says nothing, and an end waits for 3.5 s at most', async () => {
    collector.status = 0;
    const { tracer, close } = await open();
    for (let made = 0; made < 10_000; made++) tracer.start('work', { kind: 'internal' }).end();
    const fromMs = performance.now();
    await close();
    expect(performance.now() - fromMs).toBeLessThan(SPAN_LIMITS.closeMs + 2_000);
    // One request is on its way when the queue fills up.
    const sent = lost.reduce((sum, [, spans]) => sum + spans, 0);
    expect(sent).toBe(SPAN_LIMITS.queuedMax + SPAN_LIMITS.batchMax);
  });

  it('are all sent at the end, as many as may wait', async () => {
    const { tracer, close } = await open();
    for (let made = 0; made < SPAN_LIMITS.queuedMax; made++) tracer.start('work', { kind: 'internal' }).end();
    await close();
    expect([collector.spans.length, lost]).toEqual([SPAN_LIMITS.queuedMax, []]);
  });

  it('that a collector refuses are counted as lost', async () => {
    collector.status = 400;
    const { tracer, close } = await open();
    tracer.start('work', { kind: 'internal' }).end();
    await close();
    expect(lost).toEqual([[expect.any(String), 1]]);
  });

  it('harm nobody when there is no collector', async () => {
    const { tracer, close } = await open('http://127.0.0.1:1/v1/traces');
    tracer.start('work', { kind: 'internal' }).end();
    const fromMs = performance.now();
    await close();
    expect(performance.now() - fromMs).toBeLessThan(SPAN_LIMITS.closeMs + 2_000);
  });
});

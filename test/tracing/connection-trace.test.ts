import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Instance, InstanceType, Switchyard } from '../../src/client/index.js';
import { systemClock } from '../../src/client/system.js';
import { openExport, type SpanExport } from '../../src/tracing/exporter.js';
import { type Running, run } from '../grpc/running.js';
import { type CollectedSpan, Collector } from './collector.js';
import { pictureOf } from './picture.js';

const DOCUMENT = new URL('../../docs/observability.md', import.meta.url);
const PICTURE =
  /(<!-- begin trace: [^>]*-->\n\n(?:<!-- not run: [^>]*-->\n)?```\n)([\s\S]*?)(\n```\n\n<!-- end trace -->)/;

/** The kind of a span of a client, in OTLP. */
const CLIENT = 3;

let collector: Collector;
let at: Running;
let closings: (() => Promise<unknown>)[];

beforeEach(async () => {
  collector = await Collector.listen();
  at = await run({ otlp: collector.url });
  closings = [];
});
afterEach(async () => {
  for (const close of closings.reverse()) await close();
  await at.stop();
  await collector.close();
});

/** An instance in a program of its own: it sends its spans itself. */
async function instanceOf(service: string): Promise<{ instance: Instance; spans: SpanExport }> {
  const url = `${collector.url}/v1/traces`;
  const failed = (why: string) => {
    throw new Error(why);
  };
  const spans = await openExport({
    ...{ url, clock: systemClock, version: '1', failed },
    resource: { 'service.name': service },
  });
  const yard = new Switchyard({ server: at.address, tracer: spans.tracer });
  closings.push(async () => {
    await yard.close();
    await spans.close();
  });
  const handlers = { accept: () => true, accepted: (stream: NodeJS.ReadWriteStream) => void stream.pipe(stream) };
  return { instance: yard.join({ uuid: randomUUID(), type: InstanceType.AGENT, name: service, handlers }), spans };
}

/** The spans of the trace of the only `connect`, once those that are named by service and name have come, and what they call. */
async function traceWith(...names: string[]): Promise<readonly CollectedSpan[]> {
  const connect = () => collector.spans.find(({ name }) => name === 'switchyard connect');
  const trace = () => collector.spans.filter(({ traceId }) => traceId === connect()?.traceId);
  const isWhole = () => names.every((name) => trace().some((span) => `${span.service} ${span.name}` === name));
  const isAnswered = () =>
    trace().every((span) => span.kind !== CLIENT || trace().some((one) => one.parentSpanId === span.spanId));
  const isTree = () => trace().every(({ parentSpanId }) => parentSpanId === '' || isOf(trace(), parentSpanId));
  await collector.until(() => connect() !== undefined && isWhole() && isTree() && isAnswered());
  return trace();
}

function isOf(spans: readonly CollectedSpan[], id: string): boolean {
  return spans.some(({ spanId }) => spanId === id);
}

describe('the trace of a connection', () => {
  it('is one for caller, server and peer when it is direct, as docs/observability.md shows it', async () => {
    const { instance: caller } = await instanceOf('harbour');
    const { instance: peer } = await instanceOf('mill');
    await caller.attached();
    const { cvid } = await peer.attached();
    const stream = await caller.connect(cvid, { fallback: 'none' });
    expect(stream.path).toBe('direct');
    const trace = await traceWith(
      'mill switchyard order GATHER',
      'harbour switchyard order PUNCH_CONTROLLING',
      'mill switchyard order PUNCH_CONTROLLED',
      'harbour switchyard.v1.SessionService/Answer',
      'mill switchyard.v1.SessionService/Answer',
      'harbour switchyard.v1.NetworkService/ReportLink',
      'mill switchyard.v1.NetworkService/ReportLink',
    );
    stream.destroy();
    expect(new Set(trace.map(({ service }) => service))).toEqual(new Set(['harbour', 'switchyard', 'mill']));
    const [root, ...others] = trace.filter(({ parentSpanId }) => parentSpanId === '');
    expect([root.name, root.service, others.length]).toEqual(['switchyard connect', 'harbour', 0]);
    expect(root.attributes).toMatchObject({
      'switchyard.path': 'direct',
      'switchyard.connection': stream.connectionId,
    });
    const gather = trace.find(({ name }) => name === 'switchyard order GATHER')!;
    const asked = trace.find(({ spanId }) => spanId === gather.parentSpanId)!;
    expect([gather.service, asked.service, asked.name]).toEqual([
      'mill',
      'switchyard',
      'switchyard.v1.NetworkService/DirectConnection',
    ]);
    expect(trace.filter(({ failure }) => failure !== undefined)).toEqual([]);
    compareWithDocument(trace);
  });

  it('has the opening of the streams of both ends when it goes through the server', async () => {
    const { instance: caller } = await instanceOf('harbour');
    const { instance: peer } = await instanceOf('mill');
    await caller.attached();
    const { cvid } = await peer.attached();
    const stream = await caller.connect(cvid, { relayOnly: true });
    expect(stream.path).toBe('relayed');
    const trace = await traceWith('mill switchyard order RELAY', 'switchyard switchyard.v1.StreamService/Relay');
    const relays = trace.filter(({ name }) => name.endsWith('/Relay'));
    // The data goes on: a span that ended with the call would not be here yet.
    expect(stream.destroyed).toBe(false);
    expect(new Set(relays.map(({ service }) => service)).has('switchyard')).toBe(true);
    stream.destroy();
  });

  it('is one for both ends when the server collects nothing', async () => {
    await at.stop();
    at = await run();
    const { instance: caller } = await instanceOf('harbour');
    const { instance: peer } = await instanceOf('mill');
    await caller.attached();
    const stream = await caller.connect((await peer.attached()).cvid, { relayOnly: true });
    await collector.until(() =>
      collector.spans.some(({ name, service }) => name.includes('order') && service === 'mill'),
    );
    const connect = () => collector.spans.find(({ name }) => name === 'switchyard connect');
    await collector.until(() => connect() !== undefined);
    const order = collector.spans.find(({ name, service }) => name.includes('order') && service === 'mill')!;
    expect(order.traceId).toBe(connect()!.traceId);
    stream.destroy();
  });
});

/** The picture in the document is of a run of this test; which spans there are it must still say. */
function compareWithDocument(trace: readonly CollectedSpan[]): void {
  const text = readFileSync(DOCUMENT, 'utf8');
  if (process.env.UPDATE_DOCUMENT) {
    writeFileSync(
      DOCUMENT,
      text.replace(PICTURE, (_, before, _old, after) => before + pictureOf(trace) + after),
    );
    return;
  }
  const shown = PICTURE.exec(text)?.[2] ?? '';
  const kinds = (lines: string) =>
    new Set(
      lines.match(/\S+ +(?:switchyard \S+(?: [A-Z_]+)?|\w+Service\/\w+)/g)?.map((one) => one.replace(/ +/g, ' ')),
    );
  expect(kinds(shown)).toEqual(kinds(pictureOf(trace)));
}

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { WatchKind } from '../../gen/switchyard/v1/network.js';
import { NetworkServiceService } from '../../gen/switchyard/v1/network_service.js';
import { ServerServiceService } from '../../gen/switchyard/v1/server.js';
import { Switchyard } from '../../src/client/index.js';
import { BarePage, logIn, type RunningConsole, runConsole } from '../console/running.js';
import { asHeaders, ask, type Running, run } from '../grpc/running.js';
import { Collector } from './collector.js';

const PARENT = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;

let collector: Collector;
let at: Running;

beforeEach(async () => {
  collector = await Collector.listen();
  at = await run({ otlp: collector.url });
});
afterEach(async () => {
  await at.stop();
  await collector.close();
});

describe('the spans of a server', () => {
  it('belong to the span that a caller names in its metadata', async () => {
    await ask(at, ServerServiceService.getServer, {}, asHeaders({ traceparent: PARENT }));
    await collector.until(() => collector.spans.length > 0);
    expect(collector.spans).toMatchObject([
      {
        service: 'switchyard',
        name: 'switchyard.v1.ServerService/GetServer',
        kind: 2,
        traceId: 'a'.repeat(32),
        parentSpanId: 'b'.repeat(16),
        attributes: { 'rpc.system': 'grpc', 'rpc.service': 'switchyard.v1.ServerService', 'rpc.method': 'GetServer' },
      },
    ]);
    // 64-bit numbers are strings in OTLP's JSON.
    expect(Number(collector.spans[0].attributes['rpc.grpc.status_code'])).toBe(0);
  });

  it('begin a trace where a caller names a malformed one, which is not refused', async () => {
    await ask(at, ServerServiceService.getServer, {}, asHeaders({ traceparent: 'garbage' }));
    await collector.until(() => collector.spans.length > 0);
    expect(collector.spans[0].parentSpanId).toBe('');
  });

  it('of a refusal hold its status, and are no failure of the server', async () => {
    await expect(ask(at, NetworkServiceService.getNode, { cvid: 77 })).rejects.toThrow();
    await collector.until(() => collector.spans.length > 0);
    expect(Number(collector.spans[0].attributes['rpc.grpc.status_code'])).toBe(5);
    expect(collector.spans[0].failure).toBeUndefined();
  });

  it('of a watch are its opening: they end while it goes on', async () => {
    const yard = new Switchyard({ server: at.address });
    const network = yard.watchNetwork();
    await network.synced();
    await collector.until(() => collector.spans.some(({ name }) => name.endsWith('/WatchNetworkDelta')));
    expect(network.position).toBeDefined();
    expect(WatchKind.DELTA).toBeDefined();
    await yard.close();
  });
});

describe('the spans of calls without gRPC', () => {
  let other: RunningConsole;
  beforeEach(async () => {
    other = await runConsole({ otlp: collector.url, 'web-listen': '127.0.0.1:0' });
  });
  afterEach(() => other.stop());

  const call = (method: string, headers: Record<string, string> = {}, body = '{}') =>
    fetch(`http://${other.server.addresses.web}/switchyard.v1.${method}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
    });

  it('over the web door belong to the span that the caller names, and say which door that was', async () => {
    expect((await call('ServerService/GetServer', { traceparent: PARENT })).status).toBe(200);
    await collector.until(() => collector.spans.length > 0);
    expect(collector.spans).toMatchObject([
      {
        name: 'switchyard.v1.ServerService/GetServer',
        kind: 2,
        traceId: 'a'.repeat(32),
        parentSpanId: 'b'.repeat(16),
        attributes: { 'rpc.method': 'GetServer', 'switchyard.door': 'web' },
      },
    ]);
  });

  it('over the web door hold the status of a refusal, and begin a trace where a caller names a malformed one', async () => {
    expect((await call('NetworkService/GetNode', { traceparent: 'gärbage' }, '{"cvid":77}')).status).toBe(404);
    await collector.until(() => collector.spans.length > 0);
    expect(collector.spans[0].parentSpanId).toBe('');
    expect(Number(collector.spans[0].attributes['rpc.grpc.status_code'])).toBe(5);
    expect(collector.spans[0].failure).toBeUndefined();
  });

  it("of the console's watches are their opening, and say which door that was", async () => {
    const page = await BarePage.open(other.console, await logIn(other.console));
    const watch = page.call('NetworkService/WatchNetworkDelta');
    await page.until(() => page.messages(watch).length > 0);
    await collector.until(() => collector.spans.length > 0);
    expect(collector.spans).toMatchObject([
      {
        name: 'switchyard.v1.NetworkService/WatchNetworkDelta',
        attributes: { 'switchyard.door': 'console', 'rpc.grpc.status_code': expect.anything() },
      },
    ]);
    expect(page.heard.some(({ kind }) => kind === 'end')).toBe(false);
    page.close();
  });
});

describe('a server whose collector is away', () => {
  it('answers and goes down as any other', async () => {
    const lonely = await run({ otlp: 'http://127.0.0.1:1' });
    for (let calls = 0; calls < 100; calls++) await ask(lonely, ServerServiceService.getServer, {});
    const fromMs = performance.now();
    await lonely.stop();
    expect(performance.now() - fromMs).toBeLessThan(8_000);
  });
});

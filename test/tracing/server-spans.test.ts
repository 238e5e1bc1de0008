import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { WatchKind } from '../../gen/switchyard/v1/network.js';
import { NetworkServiceService } from '../../gen/switchyard/v1/network_service.js';
import { ServerServiceService } from '../../gen/switchyard/v1/server.js';
import { Switchyard } from '../../src/client/index.js';
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

describe('a server whose collector is away', () => {
  it('answers and goes down as any other', async () => {
    const lonely = await run({ otlp: 'http://127.0.0.1:1' });
    for (let calls = 0; calls < 100; calls++) await ask(lonely, ServerServiceService.getServer, {});
    const fromMs = performance.now();
    await lonely.stop();
    expect(performance.now() - fromMs).toBeLessThan(8_000);
  });
});

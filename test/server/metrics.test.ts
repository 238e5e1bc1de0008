import { once } from 'node:events';
import { connect } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { NetworkServiceService as Network } from '../../gen/switchyard/v1/network_service.js';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { StreamServiceService as Streams } from '../../gen/switchyard/v1/stream_service.js';
import { VirtualClock } from '../../harness/virtual-clock.js';
import { AddressSet } from '../../src/admission/address-set.js';
import { Admission } from '../../src/admission/admission.js';
import { systemClock } from '../../src/client/system.js';
import { Metrics } from '../../src/server/metrics.js';
import * as raw from '../abuse/raw.js';
import { agent, ask, asSession, open, type Running, run } from '../grpc/running.js';

describe('metrics', () => {
  let at: Running;
  beforeAll(async () => {
    at = await run({ 'metrics-listen': '127.0.0.1:0' });
  });
  afterAll(() => at.stop());

  const scrape = async () => {
    const response = await fetch(`http://${at.server.addresses.metrics}/metrics`);
    expect(response.status).toBe(200);
    const lines = (await response.text()).split('\n').filter((line) => !line.startsWith('#'));
    return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
  };

  it('tell how much there is, what was done and what was refused', async () => {
    const { sessionToken } = await ask(at, Sessions.session, agent(1));
    const { instanceSid } = await ask(at, Sessions.session, agent(2));
    await ask(
      at,
      Streams.createStream,
      { params: undefined, sinkCvids: [instanceSid], requestId: '' },
      asSession(sessionToken),
    );
    const watch = open(at, Network.watchNetworkDelta, { after: undefined, coalesce: false, cvids: [] });
    await watch.next();
    const missing = {
      peerCvid: 99 << 8,
      link: 1,
      state: 1,
      connectionId: '',
      path: 0,
      roundTrip: undefined,
      failed: false,
    };
    await ask(at, Network.reportLink, missing, asSession(sessionToken)).catch(() => {});
    const figures = await scrape();
    expect(figures.get('switchyard_sessions')).toBe(2);
    expect(figures.get('switchyard_links')).toBe(2);
    expect(figures.get('switchyard_streams')).toBe(1);
    expect(figures.get('switchyard_revision')).toBe(5);
    expect(figures.get('switchyard_watches{feed="network"}')).toBe(1);
    expect(figures.get('switchyard_feed_bytes{feed="network"}')).toBeGreaterThan(0);
    expect(figures.get('switchyard_journal_bytes')).toBeGreaterThan(0);
    expect(figures.get('switchyard_journal_append_seconds_count')).toBe(5);
    expect(figures.get('switchyard_commands_total{kind="OpenSession",reason="ok"}')).toBe(2);
    expect(figures.get('switchyard_commands_total{kind="ReportLink",reason="NODE_NOT_FOUND"}')).toBe(1);
    expect([...figures.keys()].some((name) => name.startsWith('nodejs_eventloop_lag'))).toBe(true);
    watch.call.cancel();
  });

  it('let go of a connection whose request has not come to its end within 10 s', async () => {
    const metrics = new Metrics();
    const clock = new VirtualClock();
    const places = { exempt: AddressSet.NONE, proxies: AddressSet.NONE };
    const admission = new Admission({ clock, log: pino({ level: 'silent' }), ...places });
    const { port } = await metrics.listen({ host: '127.0.0.1', port: 0 }, admission);
    const beginnings = [
      'GET /metrics HTTP/1.1\r\nHost: localhost\r\nX-Slow: ',
      'POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n',
    ];
    const sockets = beginnings.map(() => connectTcp(port, '127.0.0.1').on('error', () => {}));
    try {
      await Promise.all(sockets.map((socket) => once(socket, 'connect')));
      for (const [at, socket] of sockets.entries()) socket.write(beginnings[at]);
      await new Promise((resolve) => setTimeout(resolve, 200));
      const closed = Promise.all(sockets.map((socket) => once(socket.resume(), 'close')));
      await clock.pass(12_000);
      await closed;
    } finally {
      for (const socket of sockets) socket.destroy();
      metrics.close();
      admission.close();
    }
  });

  it('stand beside /healthz, and /readyz, which says why the server takes no commands', async () => {
    const metrics = new Metrics();
    const places = { exempt: AddressSet.NONE, proxies: AddressSet.NONE };
    const admission = new Admission({ clock: systemClock, log: pino({ level: 'silent' }), ...places });
    const { port } = await metrics.listen({ host: '127.0.0.1', port: 0 }, admission);
    const asked = async (path: string) => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`);
      return [response.status, await response.text()];
    };
    try {
      expect(await asked('/readyz')).toEqual([200, 'ready\n']);
      metrics.setWritable(false);
      expect(await asked('/readyz')).toEqual([503, 'the journal takes no commands\n']);
      metrics.setWritable(true);
      expect(await asked('/readyz')).toEqual([200, 'ready\n']);
      metrics.drain();
      expect(await asked('/readyz')).toEqual([503, 'the server is draining\n']);
      expect(await asked('/healthz')).toEqual([200, 'ok\n']);
    } finally {
      metrics.close();
      admission.close();
    }
  });

  it('show what watches have written that nobody reads, until they are gone', async () => {
    const deaf = connect(`http://${at.address}`, { settings: { initialWindowSize: 0 } });
    const headers = { ':method': 'POST', ':path': Network.watchNetworkDelta.path, 'content-type': 'application/grpc' };
    const noMessage = Buffer.alloc(5);
    deaf
      .request({ ...headers, te: 'trailers' })
      .on('error', () => {})
      .end(noMessage);
    const reaches = async (wanted: (bytes: number) => boolean) => {
      while (!wanted((await scrape()).get('switchyard_watch_bytes')!));
    };
    await reaches((bytes) => bytes > 0);
    deaf.destroy();
    await reaches((bytes) => bytes === 0);
  });

  it('count each gRPC connection that is closed at a bound, by the bound', async () => {
    const bounded = await run({
      'metrics-listen': '127.0.0.1:0',
      'control-frames-max': '100',
      'control-frames-per-second': '1',
    });
    const ping = raw.frame(raw.PING, 0, 0, Buffer.alloc(8));
    for (let connections = 0; connections < 2; connections++) {
      const connection = await raw.RawConnection.dial(bounded.address);
      await connection.write(Buffer.concat([raw.preface(), ...Array<Buffer>(200).fill(ping)]));
      await connection.closed;
    }
    const text = await (await fetch(`http://${bounded.server.addresses.metrics}/metrics`)).text();
    expect(text).toContain('switchyard_grpc_cut_off_total{cause="PING and SETTINGS frames without end"} 2');
    await bounded.stop();
  });

  it('answer nothing else', async () => {
    const url = `http://${at.server.addresses.metrics}`;
    expect((await fetch(`${url}/`)).status).toBe(404);
    expect((await fetch(`${url}/metrics`, { method: 'POST' })).status).toBe(404);
  });
});

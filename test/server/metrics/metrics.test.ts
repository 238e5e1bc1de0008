import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { NetworkServiceService as Network } from '../../../gen/switchyard/v1/network_service.js';
import { SessionServiceService as Sessions } from '../../../gen/switchyard/v1/session_service.js';
import { StreamServiceService as Streams } from '../../../gen/switchyard/v1/stream_service.js';
import { ManualClock } from '../../../harness/manual-clock.js';
import { AddressSet } from '../../../src/admission/address-set.js';
import { Admission } from '../../../src/admission/admission.js';
import { InstanceType, Switchyard } from '../../../src/client/index.js';
import { systemClock, systemRandom } from '../../../src/client/system.js';
import { Metrics } from '../../../src/server/metrics/metrics.js';
import { meterStanding } from '../../../src/server/metrics/standing-meters.js';
import * as raw from '../../abuse/tools/raw.js';
import { BlindChannel } from '../../client/worlds/blind-channel.js';
import { agent, ask, asSession, open, type Running, run } from '../../grpc/running.js';
import { post, runWeb } from '../../web/running.js';
import { declaredMetrics, seriesOf } from '../metrics-table.js';

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

  it('count calls by method and status, refused, cancelled and unknown ones too, with how long they took', async () => {
    await ask(at, Sessions.session, agent(3));
    await ask(at, Sessions.session, { ...agent(3), instanceUuid: 'no UUID' }).catch(() => {});
    await ask(at, { ...Sessions.session, path: '/switchyard.v1.SessionService/Sesion' }, agent(3)).catch(() => {});
    const watch = open(at, Network.watchEndpointClosed, { cvids: [], after: undefined });
    await watch.next();
    watch.call.cancel();
    const of = (method: string, code: string, service = 'SessionService') =>
      `{service="${service}",method="${method}",code="${code}"}`;
    const cancelled = `switchyard_grpc_calls_total${of('WatchEndpointClosed', 'CANCELLED', 'NetworkService')}`;
    let figures = await scrape();
    while (!figures.has(cancelled)) figures = await scrape();
    expect(figures.get(cancelled)).toBe(1);
    const oks = figures.get(`switchyard_grpc_calls_total${of('Session', 'OK')}`)!;
    expect(oks).toBeGreaterThanOrEqual(1);
    expect(figures.get(`switchyard_grpc_call_seconds_count${of('Session', 'OK')}`)).toBe(oks);
    expect(figures.get(`switchyard_grpc_call_seconds_bucket{le="+Inf",${of('Session', 'OK').slice(1)}`)).toBe(oks);
    expect(figures.get(`switchyard_grpc_call_seconds_sum${of('Session', 'OK')}`)).toBeGreaterThan(0);
    expect(figures.get(`switchyard_grpc_calls_total${of('Session', 'INVALID_ARGUMENT')}`)).toBe(1);
    expect(figures.get(`switchyard_grpc_calls_total${of('Unknown', 'UNIMPLEMENTED', 'v1')}`)).toBe(1);
    // How long a watch goes on is no latency.
    expect([...figures.keys()].some((name) => /call_seconds.*WatchEndpointClosed/.test(name))).toBe(false);
    // Not called yet, and there: a rate knows its first call.
    expect(figures.get(`switchyard_grpc_calls_total${of('ListStreams', 'OK', 'StreamService')}`)).toBe(0);
  });

  it('count calls over the web door as they count those over gRPC', async () => {
    const web = await runWeb({ 'metrics-listen': '127.0.0.1:0' });
    try {
      const harbour = { instanceUuid: randomUUID(), instanceType: 2, name: 'harbour' };
      await post(web.web, '/switchyard.v1.SessionService/Session', harbour);
      await post(web.web, '/switchyard.v1.SessionService/Session', { ...harbour, instanceUuid: 'no UUID' });
      const said = await (await fetch(`http://${web.server.addresses.metrics}/metrics`)).text();
      const of = (code: string) => `{service="SessionService",method="Session",code="${code}"} 1\n`;
      expect(said).toContain(`switchyard_grpc_calls_total${of('OK')}`);
      expect(said).toContain(`switchyard_grpc_calls_total${of('INVALID_ARGUMENT')}`);
      expect(said).toContain(`switchyard_grpc_call_seconds_count${of('OK')}`);
    } finally {
      await web.stop();
    }
  });

  it('say what came of connections and how many bytes were relayed, and hold no identity, name or address', async () => {
    const relaying = await run({ 'metrics-listen': '127.0.0.1:0', 'attempts-per-connection-max': '1' });
    const channel = new BlindChannel(relaying.address);
    const yard = new Switchyard({ channel });
    try {
      const handlers = { accept: () => true, accepted: (stream: NodeJS.ReadWriteStream) => void stream.pipe(stream) };
      const uuids = [randomUUID(), randomUUID()];
      const [peer, caller] = uuids.map((uuid, at) =>
        yard.join({ uuid, type: InstanceType.AGENT, name: `harbour-${at}`, labels: { site: 'north-quay' }, handlers }),
      );
      await caller!.attached();
      const { cvid } = await peer!.attached();
      const stream = await caller!.connect(cvid, { fallback: 'late', upgradeAfterMs: Number.POSITIVE_INFINITY });
      stream.write('x'.repeat(10_000));
      // It stays open: a connection whose ways are ended is over soon.
      for (let echoed = 0; echoed < 10_000; ) echoed += ((await once(stream, 'data')) as [Buffer])[0].length;
      let said = '';
      const figure = (name: string) => Number(said.split(`\n${name} `)[1]?.split('\n')[0]);
      // What the ends say to each other of what they took may be on its way.
      do said = await (await fetch(`http://${relaying.server.addresses.metrics}/metrics`)).text();
      while (
        figure('switchyard_relayed_bytes_total{direction="in"}') !==
        figure('switchyard_relayed_bytes_total{direction="out"}')
      );
      stream.destroy();
      expect(figure('switchyard_connections{state="relayed",path="relayed"}')).toBe(1);
      expect(figure('switchyard_connections{state="punching",path="none"}')).toBe(0);
      expect(figure('switchyard_connection_attempts_total{reason="PATH_FAILED"}')).toBe(1);
      expect(figure('switchyard_connection_outcomes_total{outcome="relayed",reason="ok"}')).toBe(1);
      // Both ways, encrypted between the ends.
      expect(figure('switchyard_relayed_bytes_total{direction="in"}')).toBeGreaterThan(20_000);
      expect(said).toMatch(/^switchyard_build_info\{version="\d+\.\d+\.\d+",commit="[0-9a-f]*",node="v\d+.*"\} 1$/m);
      expect(figure('switchyard_journal_last_timestamp_seconds')).toBeCloseTo(Date.now() / 1_000, -2);
      expect(figure('process_start_time_seconds')).toBeGreaterThan(1.6e9);
      expect(said.replaceAll(/^#.*$/gm, '')).not.toMatch(
        new RegExp(`${uuids.join('|')}|harbour|north-quay|127\\.0\\.0\\.1|"${cvid}"`),
      );
    } finally {
      await yard.close();
      await relaying.stop();
    }
  });

  it('are those that the document lists, with no other labels', async () => {
    const alone = await (await fetch(`http://${at.server.addresses.metrics}/metrics`)).text();
    const text = alone + (await metricsAmongOthers());
    const declared = declaredMetrics();
    const types = [...text.matchAll(/^# TYPE (switchyard_\S+) (\S+)$/gm)].map(([, name, type]) => `${name} ${type}`);
    expect([...new Set(types)].sort()).toEqual(declared.map(({ name, type }) => `${name} ${type}`).sort());
    const labelsOf = new Map(declared.flatMap((one) => seriesOf(one).map((series) => [series, one.labels] as const)));
    for (const [, series, labels] of text.matchAll(/^(switchyard_\w+)\{(.*)\} /gm)) {
      const names = [...labels!.matchAll(/(\w+)="/g)].map(([, name]) => name);
      expect({ series, names: names.filter((name) => name !== 'le') }).toEqual({
        series,
        names: labelsOf.get(series!),
      });
    }
  });

  it('let go of a connection whose request has not come to its end within 10 s', async () => {
    const metrics = new Metrics();
    const clock = new ManualClock();
    const places = { exempt: AddressSet.NONE, proxies: AddressSet.NONE };
    const admission = new Admission({ clock, log: pino({ level: 'silent' }), random: systemRandom, ...places });
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
      await metrics.close(0);
      admission.close();
    }
  });

  it('stand beside /healthz, and /readyz, which says why the server takes no commands', async () => {
    const metrics = new Metrics();
    const places = { exempt: AddressSet.NONE, proxies: AddressSet.NONE };
    const admission = new Admission({
      clock: systemClock,
      log: pino({ level: 'silent' }),
      random: systemRandom,
      ...places,
    });
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
      await metrics.close(0);
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

/** What one of several servers tells of the log that it follows. */
function metricsAmongOthers(): Promise<string> {
  const registry = new Registry();
  meterStanding(registry, {
    role: () => 'following',
    term: () => 2n,
    seq: () => 3,
    figures: () => undefined,
    follows: {
      lagMs: () => 5,
      fates: () => ({ settled: 1, again: 0, refused: 0 }),
      followers: () => 0,
      isInTouch: () => true,
      peers: () => new Map([['b', true]]),
      onForwarded: (listener) => listener(3),
      relayedBytes: () => 7,
      differing: () => 1,
      readiness: () => 'ready' as const,
    },
  });
  return registry.metrics();
}

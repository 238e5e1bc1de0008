import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Running, run } from '../../grpc/running.js';
import { Collector } from '../../tracing/collector.js';
import { runCommand, startCommand } from '../command.js';

let at: Running;
let collector: Collector;
let echo: Server;
let port: string;

beforeAll(async () => {
  collector = await Collector.listen();
  at = await run();
  echo = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
  await once(echo.listen(0, 'localhost'), 'listening');
  port = String((echo.address() as AddressInfo).port);
});
afterAll(async () => {
  echo.close();
  await at.stop();
  await collector.close();
});

describe('commands where the variables of OpenTelemetry name a collector', () => {
  it('make one trace of connect and join', async () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
    const joined = startCommand(['join', '--server', at.address, '--name', 'harbour', '--port', port], { env });
    await joined.printed(/joined as/);
    const output = new PassThrough();
    const said = text(output);
    const connect = ['connect', '--server', at.address, 'harbour', port];
    const ended = await runCommand(connect, { env, output, input: Readable.from([Buffer.from('hello')]) });
    output.end();
    expect([ended.status, ended.err, await said]).toEqual([0, '', 'hello']);
    joined.interrupt();
    expect((await joined.ended).status).toBe(130);
    const root = collector.spans.find(({ name }) => name === 'switchyard connect')!;
    const trace = collector.spans.filter(({ traceId }) => traceId === root.traceId);
    expect(trace.map(({ name }) => name)).toEqual(expect.arrayContaining(['switchyard order GATHER']));
    expect(new Set(trace.map(({ service }) => service))).toEqual(new Set(['switchyard-cli']));
  });

  it('say what could not be sent, and do their work all the same', async () => {
    const env = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:1/v1/traces' };
    const ended = await runCommand(['connect', '--server', at.address, 'nobody', port], { env });
    expect(ended.err).toMatch(/nobody/);
    expect(ended.err).toMatch(/warning: \d+ spans could not be sent to http:\/\/127\.0\.0\.1:1\/v1\/traces: /);
  });

  it.each([
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4317' },
      /OTEL_EXPORTER_OTLP_ENDPOINT: "collector:4317" must be an http/,
    ],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4317', OTEL_SDK_DISABLED: 'true' }, /nobody/],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4317', OTEL_TRACES_EXPORTER: 'none' }, /nobody/],
  ])('read %j', async (env, words) => {
    const ended = await runCommand(['connect', '--server', at.address, 'nobody', port], { env });
    expect([ended.status, ended.err]).toEqual([2, expect.stringMatching(words)]);
  });
});

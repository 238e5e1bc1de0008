import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { hasEnded } from '../../harness/has-ended.js';
import { quietPort } from '../../harness/port.js';
import { type Instance, InstanceType, Switchyard } from '../../src/client/index.js';
import * as raw from '../abuse/tools/raw.js';
import { BlindChannel } from '../client/worlds/blind-channel.js';
import { agent, ask, type Running, run } from '../grpc/running.js';
import { EtcdProcess } from '../log/etcd-process.js';
import { documentedExpressions, type Expression, panelExpressions } from './expressions.js';

const call = promisify(execFile);

let at: Running;
let etcd: EtcdProcess;
/** Two that share a network, for what only several have. */
let several: Running[];
let yard: Switchyard;
let folder: string;
let prometheus: ChildProcess;
let url: string;

/** Servers in which something of everything has happened, and a Prometheus that has seen it more than once. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'switchyard-prometheus-'));
  at = await run({
    'metrics-listen': '127.0.0.1:0',
    'attempts-per-connection-max': '1',
    'control-frames-max': '100',
    'control-frames-per-second': '1',
    'system-tcp-listen': '127.0.0.1:0',
  });
  etcd = await EtcdProcess.start();
  several = [await serve('a'), await serve('b')];
  yard = new Switchyard({ channel: new BlindChannel(at.address) });
  const targets = [at, ...several].map(({ server }) => server.addresses.metrics!);
  const port = await quietPort();
  const config = (await readFile('deploy/prometheus/prometheus.yml', 'utf8'))
    .replace('"127.0.0.1:9464"', targets.map((target) => `"${target}"`).join(', '))
    .replace('scrape_interval: 15s', 'scrape_interval: 1s');
  await writeFile(join(folder, 'prometheus.yml'), config);
  await writeFile(join(folder, 'alerts.yml'), await readFile('deploy/prometheus/alerts.yml'));
  const args = [`--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${folder}/data`];
  prometheus = spawn('prometheus', [...args, `--web.listen-address=127.0.0.1:${port}`, '--log.level=error']);
  url = `http://127.0.0.1:${port}`;
  while ((await asked('up == 1')).length < targets.length) await sleep(200);
  await live();
  await liveAtSeveral();
  await sleep(4_000);
}, 120_000);

afterAll(async () => {
  prometheus?.kill('SIGTERM');
  if (prometheus !== undefined && !hasEnded(prometheus)) await once(prometheus, 'exit');
  await yard?.close();
  await at?.stop();
  for (const running of several?.reverse() ?? []) await running.stop();
  await etcd?.remove();
  await rm(folder, { recursive: true, force: true });
});

/** The series that an expression has now; none while Prometheus is not up. */
async function asked(expression: string): Promise<unknown[]> {
  const response = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(expression)}`).catch(() => undefined);
  if (response === undefined || response.status === 503) return [];
  const { status, error, data } = (await response.json()) as {
    status: string;
    error?: string;
    data?: { result: unknown[] };
  };
  if (status !== 'success') throw new Error(`${expression}: ${error}`);
  return data!.result;
}

async function serve(name: string): Promise<Running> {
  const listen = `127.0.0.1:${await quietPort()}`;
  const shared = { journal: etcd.url, network: 'watched', name };
  return run({ ...shared, listen, advertise: listen, 'metrics-listen': '127.0.0.1:0' });
}

/** Two instances that send each other something through their servers. */
async function connectRelayed(from: Switchyard, to: Switchyard): Promise<Instance> {
  const handlers = { accept: () => true, accepted: (stream: NodeJS.ReadWriteStream) => void stream.pipe(stream) };
  const peer = to.join({ uuid: randomUUID(), type: InstanceType.AGENT, handlers });
  const caller = from.join({ uuid: randomUUID(), type: InstanceType.AGENT });
  await caller.attached();
  const stream = await caller.connect((await peer.attached()).cvid, { upgradeAfterMs: Number.POSITIVE_INFINITY });
  stream.end('relayed');
  await text(stream);
  return caller;
}

/** A connection between instances at different servers, until what went between these was scraped. */
async function liveAtSeveral(): Promise<void> {
  const [leader, follower] = several;
  while ((await ask(leader!, Sessions.session, agent(2))).servers.length < 2) await sleep(50);
  const yards = several.map(({ address }) => new Switchyard({ channel: new BlindChannel(address) }));
  try {
    await connectRelayed(yards[0]!, yards[1]!);
    await ask(follower!, Sessions.session, agent(3));
    await sleep(4_000);
  } finally {
    for (const one of yards) await one.close();
  }
}

/** What clients do, and what a server refuses. */
async function live(): Promise<void> {
  const caller = await connectRelayed(yard, yard);
  await ask(at, Sessions.session, agent(1));
  await ask(at, Sessions.session, { ...agent(1), instanceType: 0 }).catch(() => {});
  await ask(at, Sessions.terminateSession, { cvid: 0, reason: '' }).catch(() => {});
  await caller.connect(0xffff00).catch(() => {});
  // To the port for gRPC: another protocol, and more frames than may be. To that for system events: an impossible length.
  for (const [where, bytes] of [
    [at.address, Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    [at.server.addresses.tcp!, Buffer.alloc(16, 0xff)],
  ] as const) {
    const [host, port] = where.split(':');
    const socket = connect({ host, port: Number(port) }).on('error', () => {});
    socket.write(bytes);
    await once(socket.resume(), 'close');
  }
  const connection = await raw.RawConnection.dial(at.address);
  const ping = raw.frame(raw.PING, 0, 0, Buffer.alloc(8));
  await connection.write(Buffer.concat([raw.preface(), ...Array<Buffer>(200).fill(ping)]));
  await connection.closed;
}

/** The expression as Grafana asks it. */
function filled({ text: expression }: Expression): string {
  return expression.replaceAll('$instance', '.*').replaceAll('$__rate_interval', '30s');
}

describe('a Prometheus that scrapes a server', () => {
  it.each([...panelExpressions(), ...documentedExpressions()])('has a series for $where: $text', async (expression) => {
    expect(await asked(filled(expression))).not.toEqual([]);
  });
});

describe('the alerts', () => {
  it('each fire once, and none on a healthy server (promtool)', async () => {
    const options = { cwd: 'deploy/prometheus' };
    expect((await call('promtool', ['check', 'config', 'prometheus.yml'], options)).stdout).toContain('21 rules found');
    expect((await call('promtool', ['test', 'rules', 'alerts.test.yml'], options)).stdout).toContain('SUCCESS');
  });
});

import { once } from 'node:events';
import { createConnection } from 'node:net';
import { InstanceType, Switchyard } from '../../../src/client/index.js';
import { SystemClient } from '../../../src/system/client/index.js';
import { ByteWriter } from '../../../src/system/codec/bytes.js';
import type { SystemEvent } from '../../../src/system/codec/event.js';
import { writeEvent } from '../../../src/system/codec/send.js';
import type { Figure } from '../figure.js';
import { load } from '../parts/h2load.js';
import type { Started } from '../parts/process.js';
import { startSwitchyard } from '../parts/servers.js';
import { type Round, type Row, rowOf } from '../row.js';

const REQUESTS = 40_000;
const CONNECTIONS = 4;
const AT_ONCE = 32;
const IDLE_SESSIONS = 10_000;
const BLOCKS = 20_000;
const BLOCK = new Uint8Array(1_024);

const OPTIONS = [
  ...['--system-tcp-listen', '127.0.0.1:0', '--system-packets-per-second', '10000000'],
  ...['--system-connections', '20000', '--system-connections-per-address', '20000'],
];

function frame(event: SystemEvent, packetId: number): Buffer {
  const writer = new ByteWriter();
  writeEvent(writer, event, { packetId });
  return Buffer.from(writer.finish());
}

function sessionOf(number: number): SystemEvent {
  const instanceUuid = `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
  return { type: 'Session', body: { instanceUuid, instanceType: 2, ttlMs: 600_000 } };
}

/** A session on a socket that does nothing more. */
async function idle(port: number, number: number): Promise<ReturnType<typeof createConnection>> {
  const socket = createConnection(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(frame(sessionOf(number), 1));
  await once(socket, 'data');
  return socket;
}

/** Asks as many times as there are calls, so many at once on each connection; resolves with calls per second. */
async function askOverTcp(port: number, from: number): Promise<number> {
  const request = frame({ type: 'EnumerateTransport', body: {} }, 7);
  const sockets = await Promise.all(Array.from({ length: CONNECTIONS }, (_, n) => idle(port, from + n)));
  const startMs = performance.now();
  await Promise.all(sockets.map((socket) => askOn(socket, request, REQUESTS / CONNECTIONS)));
  const tookMs = performance.now() - startMs;
  for (const socket of sockets) socket.destroy();
  return (REQUESTS / tookMs) * 1_000;
}

function askOn(socket: ReturnType<typeof createConnection>, request: Buffer, count: number): Promise<void> {
  return new Promise((resolve) => {
    let asked = AT_ONCE;
    let bytes = 0;
    let answerBytes = 0;
    let answered = 0;
    socket.on('data', (chunk) => {
      // Every answer has one length, so they can be counted without being cut.
      if (answerBytes === 0) answerBytes = 4 + chunk.readUInt32BE();
      bytes += chunk.length;
      const complete = Math.floor(bytes / answerBytes) - answered;
      answered += complete;
      const more = Math.min(complete, count - asked);
      asked += more;
      if (more > 0) socket.write(Buffer.concat(new Array<Buffer>(more).fill(request)));
      if (answered >= count) resolve();
    });
    socket.write(Buffer.concat(new Array<Buffer>(AT_ONCE).fill(request)));
  });
}

async function askOverGrpc(port: number): Promise<number> {
  const path = '/switchyard.v1.TransportService/EnumerateTransport';
  const message = new Uint8Array(0);
  const asked = { port, path, message, calls: REQUESTS, connections: CONNECTIONS, atOnce: AT_ONCE };
  return (await load(asked)).callsPerSecond;
}

/** Blocks of 1 KiB from a source on tcp to a sink there or on gRPC; resolves with blocks per second. */
async function relayed(server: Started, sinkOn: 'tcp' | 'grpc', number: number): Promise<number> {
  const url = `tcp://127.0.0.1:${server.ports.tcp}`;
  const yard = new Switchyard({ server: `127.0.0.1:${server.port}` });
  let received = 0;
  let done = () => {};
  const all = new Promise<void>((resolve) => {
    done = resolve;
  });
  const count = () => {
    if (++received === BLOCKS) done();
  };
  const source = await SystemClient.connect(url);
  const sink = await SystemClient.connect(url, { block: count });
  await source.ask('Session', sessionOf(number).body as never);
  const uuid = `00000000-0000-4000-9000-${String(number).padStart(12, '0')}`;
  const instance = yard.join({ uuid, type: InstanceType.AGENT });
  const { instanceSid } = await sink.ask('Session', sessionOf(number + 1).body as never);
  await sink.ask('Open', {});
  const { cvid } = await instance.attached();
  const { stream } = await source.ask('CreateStream', { sinkCvids: [sinkOn === 'tcp' ? instanceSid : cvid] });
  if (sinkOn === 'grpc') {
    const blocks = await instance.openSink(stream.sinks![0].id);
    void (async () => {
      for await (const _ of blocks) count();
    })().catch(() => {});
  }
  const startMs = performance.now();
  for (let sent = 0; sent < BLOCKS; sent++) {
    await source.sendBlock(stream.id, BLOCK);
    // The socket's own buffer is all that holds the sender up here; let it be written now and then.
    if (sent % 256 === 0) await new Promise<void>((resolve) => setImmediate(resolve));
  }
  await all;
  const tookMs = performance.now() - startMs;
  for (const client of [source, sink]) client.close();
  await yard.close();
  return (BLOCKS / tookMs) * 1_000;
}

/** System events over tcp beside gRPC: requests, idle sessions, and the data of streams. */
export async function benchSystem(rounds: number, progress: (line: string) => void): Promise<(Row | Figure)[]> {
  const server = await startSwitchyard(':memory:', ...OPTIONS);
  try {
    const asked: Round[] = [];
    const carried: Round[] = [];
    for (let round = -1; round < rounds; round++) {
      const one = { ours: await askOverTcp(server.ports.tcp, 100), rival: await askOverGrpc(server.port) };
      const two = { ours: await relayed(server, 'tcp', 200), rival: await relayed(server, 'grpc', 300) };
      progress(round < 0 ? 'warmed up' : `round ${round + 1} of ${rounds}`);
      if (round < 0) continue;
      asked.push(one);
      carried.push(two);
    }
    await server.quiet();
    const beforeMiB = server.residentMiB();
    const sockets = [];
    for (let number = 1_000; number < 1_000 + IDLE_SESSIONS; number += 100) {
      const some = Array.from({ length: 100 }, (_, n) => idle(server.ports.tcp, number + n));
      sockets.push(...(await Promise.all(some)));
    }
    await server.quiet();
    const kibEach = ((server.residentMiB() - beforeMiB) * 1_024) / IDLE_SESSIONS;
    for (const socket of sockets) socket.destroy();
    const bench = 'system';
    return [
      rowOf({ bench, what: 'EnumerateTransport over tcp', rivalName: 'the same over gRPC', unit: 'calls/s' }, asked),
      rowOf({ bench, what: 'Blocks of 1 KiB, tcp to tcp', rivalName: 'tcp to gRPC', unit: 'blocks/s' }, carried),
      { bench, what: `${IDLE_SESSIONS} idle sessions on tcp`, unit: 'KiB each', value: kibEach },
    ];
  } finally {
    await server.stop();
  }
}

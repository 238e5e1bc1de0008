import { setTimeout as sleep } from 'node:timers/promises';
import { load } from '../parts/h2load.js';
import { dataFolder, startEtcd, startNats } from '../parts/servers.js';
import { publishNats, type Receivers, subscribeNats, watchEtcd } from '../rivals/receivers.js';

const WATCHERS = { connections: 100, each: 10 };
const COUNT = WATCHERS.connections * WATCHERS.each;
/** As long as one change of a superseded session is in Switchyard. */
const PAYLOAD = Buffer.alloc(110, 'x');

/** Waits until nothing has arrived for a while, and says how much has. */
async function settled(receivers: Receivers): Promise<number> {
  for (let before = receivers.bytes(); ; ) {
    await sleep(400);
    const now = receivers.bytes();
    if (now === before) return now;
    before = now;
  }
}

/** CPU of nats-server, in µs, for each message that reaches each of 1,000 subscribers; publishing included. */
export async function natsMicros(messages: number): Promise<number> {
  const server = await startNats();
  try {
    const receivers = await subscribeNats(server.port, 'bench', WATCHERS.connections, WATCHERS.each);
    await publishNats(server.port, 'bench', PAYLOAD, 200);
    const warm = await settled(receivers);
    const from = server.cpuSeconds();
    await publishNats(server.port, 'bench', PAYLOAD, messages);
    const bytes = (await settled(receivers)) - warm;
    receivers.close();
    if (bytes < messages * COUNT * PAYLOAD.length) throw new Error(`NATS delivered ${bytes} bytes, which is not all`);
    return ((server.cpuSeconds() - from) * 1e6) / (messages * COUNT);
  } finally {
    await server.stop();
  }
}

/** A field of bytes in a protobuf message. */
const field = (number: number, value: Buffer): Buffer =>
  Buffer.concat([Buffer.of(number * 8 + 2, value.length), value]);

/** CPU of etcd, in µs, for each put that reaches each of 1,000 watchers; the puts alone are measured first and taken off. */
export async function etcdMicros(puts: number): Promise<number> {
  const data = dataFolder();
  const server = await startEtcd(data.path);
  try {
    const message = Buffer.concat([field(1, Buffer.from('bench')), field(2, PAYLOAD)]);
    const publish = async (): Promise<number> => {
      const from = server.cpuSeconds();
      await load({ port: server.port, path: '/etcdserverpb.KV/Put', message, calls: puts, connections: 4, atOnce: 32 });
      await server.quiet();
      return server.cpuSeconds() - from;
    };
    await publish();
    const putsSeconds = await publish();
    const create = field(1, field(1, Buffer.from('bench')));
    const receivers = await watchEtcd(server.port, create, WATCHERS.connections, WATCHERS.each);
    const before = await settled(receivers);
    const allSeconds = await publish();
    const bytes = (await settled(receivers)) - before;
    receivers.close();
    if (bytes < puts * COUNT * PAYLOAD.length) throw new Error(`etcd delivered ${bytes} bytes, which is not all`);
    return ((allSeconds - putsSeconds) * 1e6) / (puts * COUNT);
  } finally {
    await server.stop();
    data.remove();
  }
}

import { connect, constants } from 'node:http2';
import { createConnection, type Socket } from 'node:net';

/** Somebody who only counts the bytes that arrive, on many connections, as cheaply as Node can. */
export interface Receivers {
  /** Bytes so far. */
  bytes(): number;
  close(): void;
}

/** Subscribers of a NATS server: so many on each connection, all to the same subject. */
export async function subscribeNats(
  port: number,
  subject: string,
  connections: number,
  each: number,
): Promise<Receivers> {
  let bytes = 0;
  const sockets: Socket[] = [];
  for (let at = 0; at < connections; at++) {
    const socket = createConnection({ host: '127.0.0.1', port });
    const subscriptions = Array.from({ length: each }, (_, id) => `SUB ${subject} ${id + 1}\r\n`).join('');
    socket.write(`CONNECT {"verbose":false,"pedantic":false}\r\n${subscriptions}PING\r\n`);
    await new Promise<void>((resolve) => {
      socket.on('data', (data) => {
        bytes += data.length;
        if (data.includes('PONG')) resolve();
      });
    });
    sockets.push(socket);
  }
  return { bytes: () => bytes, close: () => sockets.forEach((socket) => void socket.destroy()) };
}

/** Publishes a payload so many times, as fast as the server takes it; resolves when it has taken all. */
export async function publishNats(port: number, subject: string, payload: Buffer, count: number): Promise<void> {
  const socket = createConnection({ host: '127.0.0.1', port });
  const done = new Promise<void>((resolve) => {
    socket.on('data', (data) => {
      if (data.includes('PONG')) resolve();
    });
  });
  socket.write('CONNECT {"verbose":false,"pedantic":false}\r\n');
  const one = Buffer.concat([Buffer.from(`PUB ${subject} ${payload.length}\r\n`), payload, Buffer.from('\r\n')]);
  const batch = Buffer.concat(Array.from({ length: 100 }, () => one));
  for (let sent = 0; sent < count; sent += 100) {
    if (!socket.write(batch)) await new Promise<void>((resolve) => socket.once('drain', resolve));
  }
  socket.write('PING\r\n');
  await done;
  socket.destroy();
}

/** Watchers of one key range of etcd, over gRPC on plain HTTP/2 streams that stay open. */
export async function watchEtcd(
  port: number,
  request: Uint8Array,
  connections: number,
  each: number,
): Promise<Receivers> {
  let bytes = 0;
  const sessions = await Promise.all(
    Array.from({ length: connections }, async () => {
      const session = connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 16 * 1_048_576 } });
      session.on('error', () => {});
      await new Promise<void>((resolve) => session.once('connect', () => resolve()));
      session.setLocalWindowSize(64 * 1_048_576);
      for (let at = 0; at < each; at++) {
        const stream = session.request({
          [constants.HTTP2_HEADER_METHOD]: 'POST',
          [constants.HTTP2_HEADER_PATH]: '/etcdserverpb.Watch/Watch',
          'content-type': 'application/grpc',
          te: 'trailers',
        });
        const head = Buffer.alloc(5);
        head.writeUInt32BE(request.length, 1);
        stream.write(Buffer.concat([head, request]));
        stream.on('data', (data: Buffer) => {
          bytes += data.length;
        });
        stream.on('error', () => {});
      }
      return session;
    }),
  );
  return { bytes: () => bytes, close: () => sessions.forEach((session) => void session.destroy()) };
}

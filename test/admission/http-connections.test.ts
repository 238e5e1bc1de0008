import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { HttpConnections } from '../../src/admission/http-connections.js';
import { ADMISSION_LIMITS } from '../../src/admission/limits.js';
import { lingerOnClose } from '../../src/admission/lingering-close.js';
import { systemClock, systemRandom } from '../../src/client/system.js';
import { OwnCertificates } from '../../src/server/certificates/own-certificates.js';

/** More than the buffers of both kernels hold. */
const BODY = Buffer.alloc(24 * 2 ** 20, 'x');
/** The answer ends where the connection does: nothing else says how long it is. */
const OLD = 'GET / HTTP/1.0\r\n\r\n';
const LATE_MS = 20_000;
/**
 * Reads the answer once it is told to, and says how TCP ended. In Python: libuv reports some resets as an ordinary end, and so do most
 * libraries of TLS, which is why TLS is spoken here apart from the socket.
 */
const TAKES_LATE = `
import socket, ssl, sys
client = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
request = b'GET / HTTP/1.0\\r\\n\\r\\n'
if sys.argv[2:] == ['tls']:
    inward, outward = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = ssl._create_unverified_context().wrap_bio(inward, outward)
    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            client.sendall(outward.read())
            inward.write(client.recv(65536))
    tls.write(request)
    request = outward.read()
client.sendall(request)
sys.stdin.read()
size = 0
try:
    while part := client.recv(65536):
        size += len(part)
    print('end', size)
except ConnectionResetError:
    print('reset', size)
`;

describe('the connections of a server of HTTP/1.1 that ends', () => {
  let server: Server;
  let connections: HttpConnections;
  let answer: (response: ServerResponse) => void;
  const clients: Socket[] = [];
  beforeEach(async () => {
    answer = (response) => response.end(BODY);
    server = createServer((_request, response) => answer(response));
    server.prependListener('connection', (socket: Socket) =>
      lingerOnClose(socket, { clock: systemClock, limits: ADMISSION_LIMITS }),
    );
    connections = new HttpConnections(server, systemClock);
    await once(server.listen(0, '127.0.0.1'), 'listening');
  });
  afterEach(() => {
    for (const client of clients.splice(0)) client.destroy();
    server.closeAllConnections();
    server.close();
  });

  /** A client that has asked and takes nothing of the answer yet. */
  async function ask(request: string): Promise<Socket> {
    const client = connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, allowHalfOpen: true });
    clients.push(client);
    client.on('error', () => {});
    const begun = once(server, 'request');
    client.write(request);
    await begun;
    return client;
  }

  /** How an answer ends for its client, and how many bytes of it there were. */
  async function take(client: Socket): Promise<readonly [end: string, bytes: number]> {
    let bytes = 0;
    client.on('data', ({ length }) => {
      bytes += length;
    });
    const ended = once(client, 'end').then(() => 'end');
    const broken = once(client, 'error').then(([{ code }]) => String(code));
    const end = await Promise.race([ended, broken]);
    client.end();
    return [end, bytes];
  }

  it('stay until an answer that is under way has arrived whole', async () => {
    const client = await ask(OLD);
    const ended = connections.end(LATE_MS);
    await wait(100);
    const [end, bytes] = await take(client);
    expect(end).toBe('end');
    expect(bytes).toBeGreaterThan(BODY.length);
    await ended;
  });

  it('stay until an answer that has not begun has arrived, and end then though they could be used again', async () => {
    let late: ServerResponse | undefined;
    answer = (response) => {
      late = response;
    };
    const client = await ask('GET / HTTP/1.1\r\nhost: there\r\n\r\n');
    const ended = connections.end(LATE_MS);
    late?.end('now');
    const [end, bytes] = await take(client);
    expect([end, bytes > 3]).toEqual(['end', true]);
    await ended;
  });

  it('are reset at the deadline, so that nobody takes a part of an answer for the whole', async () => {
    const { port } = server.address() as AddressInfo;
    const child = spawn('python3', ['-c', TAKES_LATE, String(port)], { stdio: ['pipe', 'pipe', 'inherit'] });
    const said = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    await once(server, 'request');
    await connections.end(200);
    child.stdin.end('now');
    const [end, bytes] = String((await said.next()).value).split(' ');
    expect(end).toBe('reset');
    expect(Number(bytes)).toBeLessThan(BODY.length);
  });

  it('are reset at the deadline over TLS, too, where many clients take a mere end for that of the answer', async () => {
    const log = pino({ enabled: false });
    const { chain } = await OwnCertificates.open({
      ...{ folder: undefined, names: () => [], clock: systemClock, random: systemRandom, log },
    });
    const secure = createSecureServer({ ...chain }, (_request, response) => response.end(BODY));
    const open = new HttpConnections(secure, systemClock);
    await once(secure.listen(0, '127.0.0.1'), 'listening');
    const { port } = secure.address() as AddressInfo;
    const child = spawn('python3', ['-c', TAKES_LATE, String(port), 'tls'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const said = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    await once(secure, 'request');
    await open.end(200);
    child.stdin.end('now');
    const [end, bytes] = String((await said.next()).value).split(' ');
    expect(end).toBe('reset');
    expect(Number(bytes)).toBeLessThan(BODY.length);
    secure.close();
  });

  it.each([
    ['says that it is the last one', { connection: 'close' }],
    ['leaves them open for more', {}],
  ])('stay while an answer that %s waits for a client that still sends', async (_what, headers) => {
    answer = (response) => response.writeHead(404, { 'content-type': 'text/plain', ...headers }).end('nothing\n');
    const client = await ask('POST / HTTP/1.1\r\nhost: there\r\ncontent-length: 900000\r\n\r\n');
    await wait(100);
    let isOver = false;
    const ended = connections.end(LATE_MS).then(() => {
      isOver = true;
    });
    client.write(Buffer.alloc(60_000));
    await wait(100);
    expect(isOver).toBe(false);
    const [end, bytes] = await take(client);
    expect([end, bytes > 8]).toEqual(['end', true]);
    await ended;
  });

  it('are closed at once where no answer is under way', async () => {
    answer = (response) => response.end('done');
    const client = await ask('GET / HTTP/1.1\r\nhost: there\r\n\r\n');
    const taken = take(client);
    await wait(100);
    const fromMs = systemClock.nowMs();
    await connections.end(LATE_MS);
    expect(systemClock.nowMs() - fromMs).toBeLessThan(LATE_MS / 4);
    expect((await taken)[0]).toBe('end');
  });
});

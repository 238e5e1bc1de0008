import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** A certificate for localhost that signs itself, and its key. */
export const TLS_FILES = { cert: 'test/cli/tls/cert.pem', key: 'test/cli/tls/key.pem' } as const;
/** One for another name. */
export const OTHER_TLS_FILES = { cert: 'test/client/tls/cert.pem', key: 'test/client/tls/key.pem' } as const;

/** Servers that are no Switchyard, by what they do to whoever connects. */
export class OddServers {
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();

  /** Opens one; resolves with its address. */
  async open(does: (socket: Socket) => void): Promise<string> {
    return this.#listen(createServer(does));
  }

  /** A web server. */
  async openHttp(): Promise<string> {
    return this.#listen(createHttpServer((_, response) => response.writeHead(404).end('no')));
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  async #listen(server: Server): Promise<string> {
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {}).once('close', () => this.#sockets.delete(socket));
    });
    this.#servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }
}

import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** A wire between a client and a server that a test can cut and mend. */
export class Wire {
  #listener: Server | undefined;
  readonly #sockets = new Set<Socket>();
  #port = 0;

  /** `target` is HOST:PORT. */
  constructor(private readonly target: string) {}

  /** Where the client dials; the same after every mending. */
  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  async mend(): Promise<this> {
    const [host, port] = this.target.split(':');
    this.#listener = createServer((near) => {
      const far = connect(Number(port), host);
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(socket);
        socket.pipe(other);
        // A cut wire resets both ends; whoever listens there sees it.
        socket.on('error', () => other.destroy());
        socket.on('close', () => {
          other.destroy();
          this.#sockets.delete(socket);
        });
      }
    });
    this.#listener.listen(this.#port, '127.0.0.1');
    await once(this.#listener, 'listening');
    this.#port = (this.#listener.address() as { port: number }).port;
    return this;
  }

  cut(): void {
    this.#listener?.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

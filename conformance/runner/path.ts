import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** The path between a testee and its server: a port that passes bytes on, until it is told to do otherwise. */
export class ServerPath {
  #listener: Server | undefined;
  #port = 0;
  #isFrozen = false;
  readonly #pairs = new Set<readonly [Socket, Socket]>();

  /** `target` is where the server is at the moment of a connection, as HOST:PORT. */
  constructor(private readonly target: () => string) {}

  /** Where the testee finds it, from the first {@link open} on. */
  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** Lets connections through. */
  async open(): Promise<void> {
    this.#listener = createServer((near) => this.#join(near));
    this.#listener.listen(this.#port, '127.0.0.1');
    await once(this.#listener, 'listening');
    this.#port = (this.#listener.address() as { port: number }).port;
  }

  /** Resets every connection. Others may come. */
  cut(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.resetAndDestroy();
    this.#pairs.clear();
  }

  /** Resets every connection, and refuses others. */
  close(): void {
    this.#listener?.close();
    this.#listener = undefined;
    this.cut();
  }

  /** From now on no byte moves, and nobody is told. */
  freeze(): void {
    this.#isFrozen = true;
    for (const pair of this.#pairs) for (const socket of pair) socket.pause();
  }

  /** What was held moves on. */
  thaw(): void {
    this.#isFrozen = false;
    for (const pair of this.#pairs) for (const socket of pair) socket.resume();
  }

  #join(near: Socket): void {
    const [host, port] = this.target().split(':');
    const far = connect(Number(port), host);
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    const end = () => {
      this.#pairs.delete(pair);
      for (const socket of pair) socket.destroy();
    };
    for (const [from, to] of [pair, [far, near]]) {
      from.on('data', (bytes) => to.write(bytes));
      from.on('error', end);
      from.on('close', end);
      if (this.#isFrozen) from.pause();
    }
  }
}

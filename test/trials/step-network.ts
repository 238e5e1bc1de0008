import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** How long nothing may have come until all that a step has brought was answered: far longer than anything here works. */
const QUIET_MS = 40;
/** Turns of the event loop that must have passed as well: a process that was stopped has not been quiet. */
const QUIET_TURNS = 4;

/** Something that is on its way, and the step at which it arrives. */
interface Parcel {
  readonly step: number;
  deliver(): void;
}

/**
 * A network whose time is counted in steps: whatever is sent arrives one step later, so a round trip is two. The next step begins
 * when both ends of everything have nothing more to say, however long that takes on a busy machine.
 */
export class StepNetwork {
  /** Steps so far. */
  step = 0;
  readonly #parcels: Parcel[] = [];
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  #sentMs = 0;
  #isOver = false;
  #running: Promise<void> | undefined;

  /** Listens at `host` for what is to go to the same port of 127.0.0.1. */
  async place(host: string, port: number): Promise<void> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => this.#lead(near, port));
    this.#servers.push(server);
    await once(server.listen(port, host), 'listening');
  }

  /** Lets time pass until it is closed. */
  run(): void {
    this.#running = this.#pass();
  }

  async close(): Promise<void> {
    this.#isOver = true;
    await this.#running;
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  /** A connection costs its dialler a round trip before it can speak. */
  #lead(near: Socket, port: number): void {
    const far = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true });
    this.#forward(near, far, this.step + 3);
    this.#forward(far, near, 0);
  }

  #forward(from: Socket, to: Socket, earliest: number): void {
    this.#sockets.add(from);
    const send = (deliver: () => void) => {
      this.#sentMs = performance.now();
      this.#parcels.push({ step: Math.max(this.step + 1, earliest), deliver });
    };
    from.on('data', (bytes) => send(() => to.write(bytes)));
    from.on('end', () => send(() => to.end()));
    from.on('error', () => to.destroy());
    from.on('close', () => this.#sockets.delete(from));
  }

  async #pass(): Promise<void> {
    while (!this.#isOver) {
      await this.#quiet();
      this.step += 1;
      const due = this.#parcels.filter(({ step }) => step <= this.step);
      this.#parcels.splice(0, this.#parcels.length, ...this.#parcels.filter(({ step }) => step > this.step));
      for (const { deliver } of due) deliver();
      this.#sentMs = performance.now();
    }
  }

  async #quiet(): Promise<void> {
    for (let turns = 0; turns < QUIET_TURNS || performance.now() - this.#sentMs < QUIET_MS; turns++) {
      await new Promise((resolve) => setTimeout(resolve, QUIET_MS / QUIET_TURNS));
    }
  }
}

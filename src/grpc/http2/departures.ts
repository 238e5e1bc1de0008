import type { Duplex } from 'node:stream';
import type { Clock } from '../../base/clock.js';

/**
 * Limits how many connections are torn down in one turn of the event loop.
 *
 * When a connection breaks, node:http2 and grpc-js tear down its session and calls, which takes about 0.1 ms. They do so as soon
 * as the kernel reports it, so the loss of 10,000 watchers behind one gateway would stall all other clients for more than a
 * second. Here the first few of a turn are torn down at once, and the others wait for the following turns. Nothing is read
 * from waiting connections, and they count as connections until they are gone.
 *
 * What waits is bounded by the connections: each waits twice at most, when the peer has closed it and to be closed itself.
 */
export class Departures {
  private readonly waiting = new Set<() => void>();
  private left = 0;
  private readonly held: Pick<Duplex, 'push' | '_destroy'>;

  constructor(
    private readonly clock: Clock,
    private readonly perTurnMax: number,
    /** Called with what tearing down throws in a turn of its own, so that the others go on; absent: it is thrown. */
    private readonly failed?: (error: unknown) => void,
  ) {
    this.held = held((leave) => this.pass(leave));
  }

  /** Makes a connection wait for its turn when it is torn down. */
  attend(connection: Duplex): void {
    Object.assign(connection, this.held);
  }

  private pass(leave: () => void): void {
    if (this.left === this.perTurnMax) {
      this.waiting.add(leave);
      return;
    }
    if (this.left++ === 0) this.clock.soon(() => this.turn());
    leave();
  }

  private tryPass(leave: () => void): void {
    try {
      this.pass(leave);
    } catch (error) {
      if (this.failed === undefined) throw error;
      this.failed(error);
    }
  }

  private turn(): void {
    this.left = 0;
    for (const leave of this.waiting) {
      this.waiting.delete(leave);
      this.tryPass(leave);
      if (this.left === this.perTurnMax) return;
    }
  }
}

/**
 * Replaces the two methods with which a connection's teardown begins, so that each waits: `push(null)`, when the peer has
 * closed, and `_destroy`, when the connection breaks or is closed from here. All connections share the same functions, because
 * one for each connection would cost memory for each.
 */
function held(pass: (leave: () => void) => void): Pick<Duplex, 'push' | '_destroy'> {
  return {
    push(this: Duplex, chunk: unknown, encoding?: BufferEncoding) {
      const { push } = Object.getPrototypeOf(this) as Duplex;
      if (chunk !== null) return push.call(this, chunk, encoding);
      pass(() => {
        push.call(this, null);
        // As node:net does after the end, so that it is noticed on a stream that is not being read.
        this.read(0);
      });
      return false;
    },
    _destroy(this: Duplex, error: Error | null, done: (error?: Error | null) => void) {
      const { _destroy } = Object.getPrototypeOf(this) as Duplex;
      pass(() => _destroy.call(this, error, done));
    },
  };
}

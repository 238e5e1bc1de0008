import type { Duplex } from 'node:stream';
import type { Clock } from '../../base/clock.js';

/**
 * The way out for connections: a few in each turn of the event loop.
 *
 * When a connection breaks, node:http2 takes down its session and its calls, and grpc-js what it has for them: a tenth of a
 * millisecond. They do it as the kernel reports it, however many that are: ten thousand watchers behind one gateway that
 * goes would stop everybody else for more than a second. Here the first few of a turn go at once, and the others wait for
 * the turns that follow. Nothing is read from those that wait, and they count as connections until they have gone.
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
  ) {
    this.held = held((leave) => this.pass(leave));
  }

  /** From now on this connection goes when there is room for it. */
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

  private turn(): void {
    this.left = 0;
    for (const leave of this.waiting) {
      this.waiting.delete(leave);
      this.pass(leave);
      if (this.left === this.perTurnMax) return;
    }
  }
}

/**
 * The two steps of a stream with which the end of a connection begins, each put off: that the peer has closed it (an end of
 * what is read), and that it is broken or closed from here. They are methods of the connection itself, the same for all
 * connections, as a function for each would be memory for each.
 */
function held(pass: (leave: () => void) => void): Pick<Duplex, 'push' | '_destroy'> {
  return {
    push(this: Duplex, chunk: unknown, encoding?: BufferEncoding) {
      const { push } = Object.getPrototypeOf(this) as Duplex;
      if (chunk !== null) return push.call(this, chunk, encoding);
      pass(() => {
        push.call(this, null);
        // As node:net does behind the end, so that it is noticed where nobody reads.
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

import type { Duplex } from 'node:stream';
import type { Clock } from '../../base/clock.js';

/** Calls of a connection that end before it does. */
export interface EndingCalls {
  readonly size: number;
  /** Ends some. Answers whether there are more. */
  endSome(): boolean;
}

const CALLS = Symbol('calls');

/** Whose teardown waits for its turn. */
interface Attended extends Duplex {
  [CALLS]?: EndingCalls | undefined;
}

/**
 * Limits how many connections are torn down in one turn of the event loop, and how many of their calls.
 *
 * When a connection breaks, node:http2 and grpc-js tear down its session, which takes about 0.1 ms, and each of its calls, up to
 * 0.03 ms. They do so as soon as the kernel reports it, so the loss of 10,000 watchers behind one gateway would stall all other
 * clients for more than a second, and so would one connection with as many calls. Here the first few connections of a turn are torn down at
 * once, and the others wait for the following turns. Calls always wait, and end a few at a time, those of several connections by turns.
 * Nothing is read from waiting connections, and they count as connections until they are gone.
 *
 * What waits is bounded by the connections: each waits four times at most, when the peer has closed it, for its calls to end (once when it
 * is cut off, and once when its socket is), and to be closed itself.
 */
export class Departures {
  private readonly waiting = new Set<() => void>();
  /** How many have been torn down in this turn. */
  private gone = 0;
  private isPlanned = false;
  private readonly held: Pick<Duplex, 'push' | '_destroy'>;

  constructor(
    private readonly clock: Clock,
    private readonly perTurnMax: number,
    /** Called with what tearing down throws in a turn of its own, so that the others go on; absent: it is thrown. */
    private readonly failed?: (error: unknown) => void,
  ) {
    this.held = held(
      (leave) => this.pass(leave),
      (connection, ended) => this.endCalls(connection[CALLS], ended),
    );
  }

  /** Makes a connection wait for its turn when it is torn down, and for the end of its calls. */
  attend(connection: Duplex, calls?: EndingCalls): void {
    Object.assign(connection, this.held, { [CALLS]: calls });
  }

  /** Ends calls, some in each of the following turns of the event loop, and then calls back; at once when there are no calls. */
  endCalls(calls: EndingCalls | undefined, ended: () => void): void {
    if (calls === undefined || calls.size === 0) {
      ended();
      return;
    }
    const endSome = () => {
      let isMore = false;
      try {
        isMore = calls.endSome();
      } finally {
        if (isMore) this.waiting.add(endSome);
        else ended();
      }
    };
    this.waiting.add(endSome);
    this.plan();
  }

  private pass(leave: () => void): void {
    if (this.gone === this.perTurnMax) {
      this.waiting.add(leave);
      return;
    }
    this.gone++;
    this.plan();
    leave();
  }

  private plan(): void {
    if (this.isPlanned) return;
    this.isPlanned = true;
    this.clock.soon(() => {
      this.isPlanned = false;
      this.turn();
    });
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
    this.gone = 0;
    for (const leave of this.waiting) {
      this.waiting.delete(leave);
      this.tryPass(leave);
      if (this.gone === this.perTurnMax) return;
    }
  }
}

/**
 * Replaces the two methods with which a connection's teardown begins, so that each waits: `push(null)`, when the peer has
 * closed, and `_destroy`, when the connection breaks or is closed from here, which waits for the end of its calls, too. All connections
 * share the same functions, because one for each connection would cost memory for each.
 */
function held(
  pass: (leave: () => void) => void,
  endCalls: (connection: Attended, ended: () => void) => void,
): Pick<Duplex, 'push' | '_destroy'> {
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
    _destroy(this: Attended, error: Error | null, done: (error?: Error | null) => void) {
      const { _destroy } = Object.getPrototypeOf(this) as Duplex;
      endCalls(this, () => pass(() => _destroy.call(this, error, done)));
    },
  };
}

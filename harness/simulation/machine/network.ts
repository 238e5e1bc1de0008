import { type Asked, type Callee, type Caller, Connection, type Listener } from './connection.js';
import type { SeededRandom } from './random.js';
import type { Scheduler } from './scheduler.js';

const UNAVAILABLE = 14;
/** How long a client tries to connect where nothing answers: from at once (it knows) to this. */
const CONNECT_GIVES_UP_MS = 3_000;

/** A client machine's way to the server, with the connection that it has at the moment. */
export class Route {
  /** How long a message takes, at most; none takes less than a tenth of it. */
  latencyMs = 4;
  private cut = false;
  private connection: Connection | undefined;

  constructor(
    /** An IPv4 address. A connection is a port of it. */
    readonly address: string,
    private readonly network: Network,
    private readonly random: SeededRandom,
    /** The port of its first connection, where several have the address. */
    private connections = 0,
  ) {}

  /** Whether nothing gets through. */
  get isCut(): boolean {
    return this.cut;
  }

  /** The connection that new calls go over, if there is one. */
  get current(): Connection | undefined {
    return this.connection?.isUsable ? this.connection : undefined;
  }

  /** Makes a call, over a new connection where there is none. */
  call(asked: Omit<Asked, 'peer'>, caller: Caller): Callee {
    const connection = this.current ?? this.connect();
    if (connection !== undefined) return connection.call(asked, caller);
    const delayMs = this.cut ? this.random.fraction() * CONNECT_GIVES_UP_MS : this.latency();
    const event = this.network.scheduler.after(delayMs, () =>
      caller.end({ code: UNAVAILABLE, message: 'no connection established' }),
    );
    return { cancel: () => this.network.scheduler.cancel(event), credit: () => {} };
  }

  /** Nothing gets through any more, and nobody is told. */
  partition(): void {
    this.cut = true;
    this.impair();
  }

  /** It is as before, for new connections and for the one that outlived it. */
  heal(): void {
    this.cut = false;
    this.connection?.repair('up');
    this.connection?.repair('down');
  }

  /** The present connection swallows everything from now on; a new one would not. */
  halfOpen(): void {
    this.impair();
    this.connection = undefined;
  }

  /** The client's process died. */
  died(loudly: boolean): void {
    this.connection?.clientDied(loudly && !this.cut);
    this.connection = undefined;
  }

  private impair(): void {
    this.connection?.impair('up');
    this.connection?.impair('down');
  }

  private connect(): Connection | undefined {
    const { listener } = this.network;
    if (this.cut || listener === undefined) return undefined;
    this.connections++;
    this.connection = this.network.connect(listener, `${this.address}:${this.connections}`, () => this.latency());
    return this.connection;
  }

  private latency(): number {
    return this.latencyMs * (0.1 + 0.9 * this.random.fraction());
  }
}

/** Everything between the clients and the server. */
export class Network {
  /** Who answers at the server's address; nobody while it is down. */
  listener: Listener | undefined;
  private readonly connections = new Set<Connection>();
  private isServerStopped = false;

  constructor(readonly scheduler: Scheduler) {}

  /** For a route: a new connection to who listens now. */
  connect(listener: Listener, peer: string, latencyMs: () => number): Connection {
    const connection = new Connection(this.scheduler, latencyMs, listener, peer, (gone) =>
      this.connections.delete(gone),
    );
    this.connections.add(connection);
    if (this.isServerStopped) connection.impair('server');
    return connection;
  }

  /** The server's process died, with its machine or without. */
  serverDied(loudly: boolean): void {
    this.listener = undefined;
    this.isServerStopped = false;
    for (const connection of [...this.connections]) connection.serverDied(loudly);
  }

  /** The server's process stands still, or goes on. */
  serverStopped(stopped: boolean): void {
    this.isServerStopped = stopped;
    for (const connection of this.connections) {
      if (stopped) connection.impair('server');
      else connection.repair('server');
    }
  }
}

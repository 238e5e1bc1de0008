import { WatchKind } from '../../gen/switchyard/v1/network.js';
import type { WatchNetworkDeltaResponse } from '../../gen/switchyard/v1/network_service.js';
import type { Position } from '../../gen/switchyard/v1/position.js';
import type { Caller } from './channel/caller.js';
import { Emitter, type Unsubscribe } from './emitter.js';
import { SwitchyardError } from './error.js';
import { Graph, type GraphChange, type GraphLink, type GraphNode, type GraphView } from './graph.js';
import { Scope } from './instance/scope.js';
import { StatusCode } from './status.js';
import type { WatchOptions } from './watch.js';

/** What a replica of the graph may be asked for. */
export interface NetworkOptions {
  /** Closes the replica. */
  readonly signal?: AbortSignal | undefined;
  /** When too much was missed, one delta with the net effect instead of a new snapshot. */
  readonly coalesce?: boolean | undefined;
  /** Only what touches these nodes. At most 1,024. */
  readonly cvids?: readonly number[] | undefined;
}

/** What a replica tells, in the order in which a delta is applied. `graph` already holds it; `position` follows. */
export interface NetworkEvents {
  linkRemoved: [link: GraphLink];
  nodeRemoved: [node: GraphNode];
  nodeAdded: [node: GraphNode];
  linkAdded: [link: GraphLink];
  /** The picture is whole: after the first snapshot, and after every new one. */
  synced: [position: Position];
  /** Everything up to here has been applied and told. */
  position: [position: Position];
  /** The watch broke and will go on by itself. Until then the picture may be behind. */
  broken: [error: SwitchyardError, delayMs: number];
  /** It is over: closed (undefined), or by an error that trying again would not change. */
  ended: [error: Error | undefined];
}

/** Where a replica has its news from. */
export interface NetworkSource {
  deltas(options: WatchOptions): AsyncIterable<WatchNetworkDeltaResponse>;
  /** Where the server's graph stands now. */
  position(signal: AbortSignal): Promise<Position>;
}

/**
 * A replica of the graph that keeps itself up to date over every break.
 *
 * Each revision is applied whole before anything is told of it, so a listener never sees half of one. While a new
 * snapshot is on its way the old picture stays; then the new one takes its place at once, and the difference between
 * the two is told like any other changes. The first snapshot is the difference to an empty graph.
 */
export class Network {
  readonly #events = new Emitter<NetworkEvents>();
  readonly #scope: Scope;
  #graph = new Graph();
  #incoming: Graph | undefined;
  #position: Position | undefined;

  /** Resolves when it is over: undefined when it was closed, otherwise why. Never rejects. */
  readonly ended: Promise<Error | undefined>;

  constructor(
    caller: Caller,
    private readonly source: NetworkSource,
    options: NetworkOptions,
  ) {
    this.#scope = new Scope(options.signal, caller.life);
    this.ended = this.#run(options).finally(() => this.#scope.release());
  }

  /** The picture as it stands; empty until the first snapshot is whole. A new snapshot is another object. */
  get graph(): GraphView {
    return this.#graph;
  }

  /** Up to where the picture goes; undefined until the first snapshot is whole. */
  get position(): Position | undefined {
    return this.#position;
  }

  on<Name extends keyof NetworkEvents>(name: Name, listener: (...args: NetworkEvents[Name]) => void): Unsubscribe {
    return this.#events.on(name, listener);
  }

  /**
   * Waits until the first snapshot is whole. Rejects when the replica ends before.
   *
   * A server shares snapshots between those who ask at about the same time, so the picture may be somewhat old, with
   * the changes since then following at once. Whoever wants to read it only once waits for {@link current}.
   */
  async synced(signal?: AbortSignal): Promise<this> {
    if (!this.#position) await this.#await('synced', signal);
    return this;
  }

  /**
   * Waits until the picture holds everything up to `position`, such as the one that a call answered with. Rejects with
   * OUT_OF_RANGE when the network has another epoch: then it never will.
   */
  async reached(position: Position, signal?: AbortSignal): Promise<this> {
    for (let here = this.#position; ; here = this.#position) {
      if (here && here.epoch !== position.epoch) {
        throw new SwitchyardError(StatusCode.OUT_OF_RANGE, `the network's epoch is ${here.epoch} now`);
      }
      if (here && here.revision >= position.revision) return this;
      await this.#await('position', signal);
    }
  }

  /** Waits until the picture holds everything that the server's graph held when this was called. */
  async current(signal?: AbortSignal): Promise<this> {
    const scope = new Scope(signal, this.#scope.signal);
    try {
      return await this.reached(await this.source.position(scope.signal), scope.signal);
    } finally {
      scope.release();
    }
  }

  /** Ends the watch. The picture stays readable. */
  close(): void {
    this.#scope.abort(new SwitchyardError(StatusCode.CANCELLED, 'the replica is closed'));
  }

  async #run(options: NetworkOptions): Promise<Error | undefined> {
    const { signal } = this.#scope;
    const onBreak = (error: SwitchyardError, delayMs: number) => this.#events.emit('broken', error, delayMs);
    try {
      for await (const message of this.source.deltas({ signal, onBreak })) this.#take(message);
    } catch (error) {
      this.#scope.abort(error);
    }
    const { reason } = signal;
    const closed =
      options.signal?.aborted || (reason instanceof SwitchyardError && reason.code === StatusCode.CANCELLED);
    const error = closed ? undefined : reason;
    this.#events.emit('ended', error);
    return error;
  }

  #take({ kind, position, deltas }: WatchNetworkDeltaResponse): void {
    switch (kind) {
      case WatchKind.RESET:
        this.#incoming = new Graph();
        return;
      case WatchKind.SNAPSHOT:
        this.#incoming ??= new Graph();
        for (const delta of deltas) this.#incoming.apply(delta);
        return;
      case WatchKind.SNAPSHOT_END:
        this.#swap(this.#incoming ?? new Graph(), position!);
        return;
      case WatchKind.DELTA:
        for (const delta of deltas) this.#tell(this.#graph.apply(delta));
        break;
    }
    this.#move(position!);
  }

  #swap(graph: Graph, position: Position): void {
    const changes = this.#graph.changesTo(graph);
    this.#graph = graph;
    this.#incoming = undefined;
    this.#position = position;
    this.#tell(changes);
    this.#events.emit('synced', position);
    this.#move(position);
  }

  #move(position: Position): void {
    this.#position = position;
    this.#events.emit('position', position);
  }

  #tell(changes: readonly GraphChange[]): void {
    for (const change of changes) {
      if (change.kind === 'nodeAdded' || change.kind === 'nodeRemoved') this.#events.emit(change.kind, change.node);
      else this.#events.emit(change.kind, change.link);
    }
  }

  async #await(name: 'synced' | 'position', signal: AbortSignal | undefined): Promise<void> {
    const scope = new Scope(signal, this.#scope.signal);
    await this.#events.once(name, scope.signal).finally(() => scope.release());
  }
}

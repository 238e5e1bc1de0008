import type { Timer } from '../base/clock.js';
import type { Change } from '../core/model/change.js';
import type { Command } from '../core/model/command.js';
import { type Connection, isPending } from '../core/model/connection.js';
import { CONNECTION_TIMES } from '../core/model/connection-times.js';
import type { Order } from '../core/model/order.js';
import type { Position } from '../core/model/position.js';
import { CloseReason } from '../core/model/session.js';
import { StopReason, type Stream } from '../core/model/stream.js';
import type { State } from '../core/store/state.js';
import type { ServingTime } from './serving-time.js';

/** When a deadline's command could not be stored, it is tried again after this. */
const RETRY_MS = 1_000;

/**
 * Submits a command when a deadline passes: of an order without an answer, of a connection that is still pending, of an
 * idle stream.
 *
 * One timer for each waiting order, each pending connection and each stream with a timeout; all are bounded by the core's
 * limits. Activity of a stream only writes a number, which its timer checks when it goes off. Timers run in
 * {@link ServingTime}, so that a pause of the process does not count against clients.
 */
export class Deadlines {
  private readonly orders = new Map<string, Timer>();
  private readonly connections = new Map<number, Timer>();
  private readonly streams = new Map<number, { timer: Timer; usedMs: number }>();

  /** Called with each stream that carries data while another process has the timers. */
  usedElsewhere: ((streamId: number) => void) | undefined;
  private isPaused = false;

  constructor(
    private readonly state: State,
    private readonly time: ServingTime,
    /** Stores a command; false when it has to be tried again. */
    private readonly submit: (command: Command) => Promise<boolean>,
  ) {
    this.watchAll();
  }

  /** Another process has the timers from now on. */
  pause(): void {
    this.isPaused = true;
    this.close();
    this.orders.clear();
    this.connections.clear();
    this.streams.clear();
  }

  /** This process has them again: all begin anew. */
  resume(): void {
    this.isPaused = false;
    this.watchAll();
  }

  /** The stream carried data just now. */
  used(streamId: number): void {
    if (this.isPaused) this.usedElsewhere?.(streamId);
    const watched = this.streams.get(streamId);
    if (watched !== undefined) watched.usedMs = this.time.nowMs();
  }

  /** Sets and clears timers after a command. */
  publish(_position: Position, changes: readonly Change[]): void {
    if (this.isPaused) return;
    for (const change of changes) {
      if (change.kind === 'OrderPlaced') this.watchOrder(change.order);
      else if (change.kind === 'OrderSettled') this.forgetOrder(change.order);
      else if (change.kind === 'ConnectionPut') this.watchConnection(change.connection);
      else if (change.kind === 'StreamPut') this.watchStream(change.stream);
      else if (change.kind === 'StreamStopped' && change.after === undefined) this.forgetStream(change.before.id);
    }
  }

  close(): void {
    for (const timer of [...this.orders.values(), ...this.connections.values()]) timer.cancel();
    for (const { timer } of this.streams.values()) timer.cancel();
  }

  private watchAll(): void {
    const { orders, connections, streams } = this.state;
    for (const order of orders.all()) this.watchOrder(order);
    for (const connection of connections.all()) this.watchConnection(connection);
    // Streams that are not kept have the parameters of a new session's stream: no timeout.
    for (const stream of streams.kept()) this.watchStream(stream);
  }

  private watchOrder(order: Order): void {
    const key = keyOf(order);
    this.orders.get(key)?.cancel();
    this.orders.set(
      key,
      this.time.after(order.deadlineMs, () => void this.orderPassed(order, key)),
    );
  }

  private async orderPassed(order: Order, key: string): Promise<void> {
    if (this.state.orders.get(order.sid, order.id) === undefined) {
      this.orders.delete(key);
      return;
    }
    const { sid, id, body } = order;
    const done = await this.submit(
      body.kind === 'terminate'
        ? { kind: 'CloseSession', sid, reason: CloseReason.TERMINATED }
        : { kind: 'ExpireOrder', sid, orderId: id },
    );
    if (done) this.orders.delete(key);
    else
      this.orders.set(
        key,
        this.time.after(RETRY_MS, () => void this.orderPassed(order, key)),
      );
  }

  private forgetOrder(order: Order): void {
    const key = keyOf(order);
    this.orders.get(key)?.cancel();
    this.orders.delete(key);
  }

  /** Runs from the connection's first change. Each step has a deadline of its own; this one bounds them all together. */
  private watchConnection(connection: Connection): void {
    const { id } = connection;
    if (!isPending(connection)) {
      this.connections.get(id)?.cancel();
      this.connections.delete(id);
    } else if (!this.connections.has(id)) {
      this.connections.set(
        id,
        this.time.after(CONNECTION_TIMES.pendingMs, () => void this.connectionPassed(id)),
      );
    }
  }

  private async connectionPassed(id: number): Promise<void> {
    if (await this.submit({ kind: 'ExpireConnection', id })) this.connections.delete(id);
    else
      this.connections.set(
        id,
        this.time.after(RETRY_MS, () => void this.connectionPassed(id)),
      );
  }

  private watchStream({ id, params }: Stream): void {
    this.forgetStream(id);
    if (params.timeoutMs === 0) return;
    const timer = this.time.after(params.timeoutMs, () => void this.streamPassed(id));
    this.streams.set(id, { timer, usedMs: this.time.nowMs() });
  }

  private async streamPassed(id: number): Promise<void> {
    const watched = this.streams.get(id);
    const stream = this.state.streams.get(id);
    if (watched === undefined || stream === undefined) return;
    const leftMs = watched.usedMs + stream.params.timeoutMs - this.time.nowMs();
    if (leftMs <= 0) {
      const done = await this.submit({ kind: 'StopStream', sid: 0, id, reason: StopReason.IDLE });
      if (done || this.streams.get(id) !== watched) return;
    }
    watched.timer = this.time.after(Math.max(leftMs, RETRY_MS), () => void this.streamPassed(id));
  }

  private forgetStream(id: number): void {
    this.streams.get(id)?.timer.cancel();
    this.streams.delete(id);
  }
}

function keyOf({ sid, id }: Order): string {
  return `${sid} ${id}`;
}

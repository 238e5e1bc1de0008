import type { Change } from '../core/model/change.js';
import { type Connection, ConnectionState, connectionName } from '../core/model/connection.js';
import { Fault } from '../core/model/fault.js';
import type { Position } from '../core/model/position.js';
import type { StateView } from '../core/store/state-view.js';

/**
 * Who waits to hear whether a peer has accepted a connection.
 *
 * Bounded by the core: only a pending connection is waited for, by the calls that asked for it, and every one of them
 * is decided by the deadline of its order.
 */
export class Acceptances {
  private readonly waiting = new Map<number, Set<(outcome: Connection | Fault) => void>>();
  private ending: Fault | undefined;

  constructor(private readonly state: StateView) {}

  /** Resolves once the peer has accepted, or the connection is over; with a refusal when the server goes down before. */
  decided({ id }: Connection): Promise<Connection | Fault> {
    const now = this.state.connections.get(id);
    if (now === undefined) {
      return Promise.resolve(new Fault('CONNECTION_NOT_FOUND', `${connectionName(id)} is over and forgotten`));
    }
    if (isDecided(now)) return Promise.resolve(now);
    if (this.ending !== undefined) return Promise.resolve(this.ending);
    return new Promise((resolve) => {
      const waiting = this.waiting.get(now.id);
      if (waiting === undefined) this.waiting.set(now.id, new Set([resolve]));
      else waiting.add(resolve);
    });
  }

  /** Told of every command that was applied, as a feed is. */
  publish(_position: Position, changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.kind !== 'ConnectionPut' || !isDecided(change.connection)) continue;
      for (const resolve of this.waiting.get(change.connection.id) ?? []) resolve(change.connection);
      this.waiting.delete(change.connection.id);
    }
  }

  /** The server goes down: nobody is kept waiting. */
  drain(fault: Fault): void {
    this.ending = fault;
    for (const waiting of this.waiting.values()) for (const resolve of waiting) resolve(fault);
    this.waiting.clear();
  }
}

function isDecided({ state }: Connection): boolean {
  return state !== ConnectionState.ASKED && state !== ConnectionState.ORDERED;
}

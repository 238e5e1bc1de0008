import type { Change } from '../../core/model/change.js';
import { type Attempt, type Connection, ConnectionState, isOver } from '../../core/model/connection.js';
import type { Reason } from '../../core/model/fault.js';
import type { Position } from '../../core/model/position.js';

/** What can become of a brokered connection: `upgraded` is one that has moved from the relay to a direct path. */
export const TALLIED_OUTCOMES = ['direct', 'relayed', 'upgraded', 'failed', 'cancelled'] as const;
/** One of {@link TALLIED_OUTCOMES}. */
export type TalliedOutcome = (typeof TALLIED_OUTCOMES)[number];

/** What the tally counts into. */
export interface TallyDeps {
  /** Connections as they are now, so that what came of them before is not counted again. */
  readonly connections: Iterable<Connection>;
  /** An attempt to find a direct path is over: `ok`, or why it came to nothing. */
  readonly attempt: (reason: 'ok' | Reason) => void;
  /** A connection stands, has moved, or is over. */
  readonly outcome: (outcome: TalliedOutcome, reason: 'ok' | Reason) => void;
}

/** What was counted of a connection: its state, and the number of its last attempt that is over. */
interface Counted {
  readonly state: ConnectionState;
  readonly decided: number;
}

/**
 * Counts what becomes of brokered connections and their attempts. It is told of every change as a feed is, and remembers two
 * numbers of each connection that is not over: the bounds of the core limit how many these are.
 */
export class ConnectionTally {
  readonly #deps: TallyDeps;
  readonly #counted = new Map<number, Counted>();

  constructor(deps: TallyDeps) {
    this.#deps = deps;
    for (const connection of deps.connections) {
      if (!isOver(connection)) this.#counted.set(connection.id, counted(connection));
    }
  }

  /** Told of every command that was applied, as a feed is. */
  publish(_position: Position, changes: readonly Change[]): void {
    for (const change of changes) if (change.kind === 'ConnectionPut') this.#put(change.connection);
  }

  #put(connection: Connection): void {
    const before = this.#counted.get(connection.id);
    for (const attempt of connection.attempts) {
      if (attempt.number <= (before?.decided ?? 0)) continue;
      const reason = reasonOf(attempt, connection);
      if (reason !== undefined) this.#deps.attempt(reason);
    }
    if (before?.state !== connection.state) this.#step(before?.state, connection);
    if (isOver(connection)) this.#counted.delete(connection.id);
    else this.#counted.set(connection.id, counted(connection));
  }

  #step(before: ConnectionState | undefined, { state, reason = 'INTERNAL' }: Connection): void {
    const { ESTABLISHED, RELAYED, FAILED, CANCELLED } = ConnectionState;
    const { outcome } = this.#deps;
    if (state === ESTABLISHED) outcome(before === RELAYED ? 'upgraded' : 'direct', 'ok');
    else if (state === RELAYED) outcome('relayed', 'ok');
    else if (state === FAILED) outcome('failed', reason);
    else if (state === CANCELLED) outcome('cancelled', reason);
  }
}

function counted(connection: Connection): Counted {
  const decided = connection.attempts.filter((attempt) => reasonOf(attempt, connection) !== undefined);
  return { state: connection.state, decided: decided.at(-1)?.number ?? 0 };
}

/** What came of an attempt; undefined while an end has yet to tell. */
function reasonOf({ number, caller, peer }: Attempt, connection: Connection): 'ok' | Reason | undefined {
  if (caller !== undefined && peer !== undefined) return caller.connected && peer.connected ? 'ok' : 'PATH_FAILED';
  // Where another one has begun, an end did not answer in time.
  if (number < (connection.attempts.at(-1)?.number ?? 0)) return 'ORDER_DEADLINE';
  return isOver(connection) ? connection.reason : undefined;
}

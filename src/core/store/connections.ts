import {
  type Connection,
  type ConnectionState,
  connectionName,
  isOver,
  isPending,
  type PathKind,
} from '../model/connection.js';

/** Forgotten at most for one that is over, so that lowering the bound costs no long walk. */
const FORGOTTEN_AT_ONCE = 2;
/** Kinds of path, the unspecified one included. */
const PATHS = 3;
/** States, from 1. */
const STATES = 8;

/** The brokered connections: those that are being made or stand, and the last ones that are over. */
export class Connections {
  private readonly byId = new Map<number, Connection>();
  private readonly bySession = new Map<number, Set<number>>();
  /** Those that are over, in the order in which that was known. */
  private readonly over = new Set<number>();
  private pending = 0;
  /** How many there are by state and path. */
  private readonly counts = new Uint32Array((STATES + 1) * PATHS);

  /** `finishedMax`: how many that are over are remembered, at this moment. */
  constructor(private readonly finishedMax: () => number) {}

  /** How many are being made. */
  get pendingCount(): number {
    return this.pending;
  }

  /** How many are in this state, their data travelling so; those that are over for as long as they are remembered. */
  countOf(state: ConnectionState, path: PathKind): number {
    return this.counts[state * PATHS + path] ?? 0;
  }

  get(id: number): Connection | undefined {
    return this.byId.get(id);
  }

  /** A connection that is known to be there. */
  known(id: number): Connection {
    const connection = this.byId.get(id);
    if (connection === undefined) throw new Error(`there is no connection ${connectionName(id)}`);
    return connection;
  }

  /** A session's connections at either end, in the order they were asked for. */
  of(sid: number): Connection[] {
    const ids = this.bySession.get(sid);
    if (ids === undefined) return [];
    return [...ids].sort((x, y) => x - y).map((id) => this.known(id));
  }

  /** The ids of all, or of a session's at either end, in no order. One that comes while they are read may be left out. */
  ids(sid?: number): Iterable<number> {
    return sid === undefined ? this.byId.keys() : (this.bySession.get(sid) ?? []);
  }

  /** All: those that are over come last, in the order of their ends, which is the order in which they are forgotten. */
  *all(): Iterable<Connection> {
    for (const connection of this.byId.values()) if (!this.over.has(connection.id)) yield connection;
    for (const id of this.over) yield this.known(id);
  }

  /** The connection is there and looks like this. Of those that are over, the oldest is forgotten. */
  put(connection: Connection): void {
    this.restore(connection);
    if (!isOver(connection)) return;
    const max = this.finishedMax();
    for (let left = FORGOTTEN_AT_ONCE; left > 0 && this.over.size > max; left--) {
      const [oldest] = this.over;
      this.forget(this.known(oldest));
    }
  }

  /** A connection as a snapshot says; those that are over in their order. */
  restore(connection: Connection): void {
    const before = this.byId.get(connection.id);
    if (before === undefined) {
      this.list(connection.caller.sid, connection.id);
      this.list(connection.peer.sid, connection.id);
    }
    if (before !== undefined) this.counts[before.state * PATHS + before.path]!--;
    this.counts[connection.state * PATHS + connection.path]!++;
    this.pending += Number(isPending(connection)) - Number(before !== undefined && isPending(before));
    this.byId.set(connection.id, connection);
    if (isOver(connection)) this.over.add(connection.id);
  }

  private forget({ id, caller, peer, state, path }: Connection): void {
    this.counts[state * PATHS + path]!--;
    this.over.delete(id);
    this.byId.delete(id);
    this.strike(caller.sid, id);
    this.strike(peer.sid, id);
  }

  private list(sid: number, id: number): void {
    const ids = this.bySession.get(sid);
    if (ids === undefined) this.bySession.set(sid, new Set([id]));
    else ids.add(id);
  }

  private strike(sid: number, id: number): void {
    const ids = this.bySession.get(sid);
    if (ids?.delete(id) && ids.size === 0) this.bySession.delete(sid);
  }
}

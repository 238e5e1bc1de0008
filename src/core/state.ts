import type { Order, Session } from './change.js';
import type { CloseReason } from './command.js';
import { Graph } from './graph.js';
import type { Limits } from './limits.js';
import type { Position } from './position.js';
import { LinkReports } from './reports.js';
import { SidAllocator } from './sid.js';
import { Streams } from './streams.js';

/** The live sessions, by SID and by instance. A session's row lies in its node's slot. */
export class Sessions {
  /** By the graph's slot; undefined in a free slot and in a server's. */
  rows: (Session | undefined)[] = [];
  private readonly byUuid = new Map<string, Session>();

  constructor(private readonly graph: Graph) {}

  /** How many sessions live. */
  get count(): number {
    return this.byUuid.size;
  }

  get(sid: number): Session | undefined {
    return this.rows[this.graph.slotOf(sid)];
  }

  /** The session of an instance; the UUID in lower case. */
  ofInstance(uuid: string): Session | undefined {
    return this.byUuid.get(uuid);
  }

  /** Adds a session whose node is there already. */
  add(session: Session): void {
    this.rows[this.graph.slotOf(session.sid)] = session;
    this.byUuid.set(session.uuid, session);
  }

  /** Removes a session whose node is still there. */
  remove(session: Session): void {
    this.rows[this.graph.slotOf(session.sid)] = undefined;
    if (this.byUuid.get(session.uuid) === session) this.byUuid.delete(session.uuid);
  }
}

/** The orders that wait for an answer, and the last few that do not any more. */
export class Orders {
  private readonly bySession = new Map<number, Order[]>();
  private readonly settled = new Map<number, string[]>();

  constructor(private readonly settledMax: number) {}

  /** A session's waiting orders, the oldest first. */
  of(sid: number): readonly Order[] {
    return this.bySession.get(sid) ?? [];
  }

  get(sid: number, id: string): Order | undefined {
    return this.of(sid).find((order) => order.id === id);
  }

  /** Whether the order was settled not long ago: as many are remembered for a session as may wait. */
  wasSettled(sid: number, id: string): boolean {
    return this.settled.get(sid)?.includes(id) ?? false;
  }

  /** All waiting orders, in no order that means anything. */
  *all(): Iterable<Order> {
    for (const orders of this.bySession.values()) yield* orders;
  }

  add(order: Order): void {
    this.bySession.set(order.sid, [...this.of(order.sid), order]);
  }

  settle(order: Order): void {
    const left = this.of(order.sid).filter((waiting) => waiting.id !== order.id);
    if (left.length === 0) this.bySession.delete(order.sid);
    else this.bySession.set(order.sid, left);
    this.remember(order.sid, order.id);
  }

  /** The order was settled; the oldest that was remembered is forgotten. */
  remember(sid: number, id: string): void {
    const remembered = [...(this.settled.get(sid) ?? []), id];
    this.settled.set(sid, remembered.slice(-this.settledMax));
  }

  /** The settled orders that are remembered; those of one session in the order in which they were settled. */
  *allSettled(): Iterable<{ sid: number; id: string }> {
    for (const [sid, ids] of this.settled) for (const id of ids) yield { sid, id };
  }

  /** Forgets a session that has ended. */
  forget(sid: number): void {
    this.bySession.delete(sid);
    this.settled.delete(sid);
  }
}

/**
 * Everything that the journal says, applied: what every door reads.
 *
 * Only `evolve.ts` and `snapshot.ts` write to it. Two states that come from the same commands are equal, and so are the
 * snapshots taken of them.
 */
export class State {
  /** Where the network stands. Revision 0, without an epoch, before the network is founded. */
  epoch = '';
  revision = 0;
  /** The server's node. 0 before the network is founded. */
  serverSid = 0;
  serverUuid = '';
  readonly graph = new Graph();
  readonly sids: SidAllocator;
  readonly sessions = new Sessions(this.graph);
  readonly reports = new LinkReports();
  readonly streams = new Streams((stream) => this.sessions.get(stream.owner)?.streamId === stream.id);
  /** The stream id that was given out last. */
  streamCursor = 0;
  readonly orders: Orders;
  /** Why sessions ended, the oldest first. */
  readonly ended = new Map<number, CloseReason>();

  constructor(readonly limits: Limits) {
    this.sids = new SidAllocator(limits.sidBaseMax, (sid) => this.graph.has(sid));
    this.orders = new Orders(limits.ordersPerSessionMax);
  }

  get position(): Position {
    return { epoch: this.epoch, revision: this.revision };
  }
}

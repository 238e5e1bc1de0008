import type { Order } from '../model/order.js';

/** The orders that wait for an answer, and the last few that do not any more. */
export class Orders {
  private readonly bySession = new Map<number, Order[]>();
  private readonly settled = new Map<number, string[]>();

  /** `settledMax`: how many settled ones of a session are remembered, at this moment. */
  constructor(private readonly settledMax: () => number) {}

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
    this.restoreSettled(order.sid, order.id);
    this.settled.set(order.sid, this.settled.get(order.sid)!.slice(-this.settledMax()));
  }

  /** An order that was settled, as a snapshot says; those of one session in their order. */
  restoreSettled(sid: number, id: string): void {
    const remembered = this.settled.get(sid);
    if (remembered === undefined) this.settled.set(sid, [id]);
    else remembered.push(id);
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
